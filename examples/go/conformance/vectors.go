package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"

	"example/l1l2"
)

const goroutines = 4

func checkVectors(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")

	var cases, failed [goroutines]int
	var group sync.WaitGroup
	for i := range cases {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for index, line := range lines {
				if strings.HasPrefix(line, "#") {
					continue
				}
				cases[i]++
				if err := checkLine(line); err != nil {
					fmt.Fprintf(os.Stderr, "%s:%d: %v\n", path, index+1, err)
					failed[i]++
				}
			}
		}(i)
	}
	group.Wait()
	for i := range failed {
		if failed[i] > 0 {
			return fmt.Errorf("%d of %d cases failed", failed[i], cases[i])
		}
	}
	fmt.Printf("%d cases, all bits equal\n", cases[0])
	return nil
}

// checkLine returns what is wrong: with the line, or with what the library made of it.
func checkLine(line string) error {
	c := &testCase{fields: strings.Split(line, " ")}
	switch operation := c.next(); operation {
	case "create":
		l1, l2 := c.float(), c.float()
		return checkConfig(c, func() (*l1l2.Regularizer, error) { return l1l2.New(l1, l2) })
	case "from_json":
		text := c.text()
		return checkConfig(c, func() (*l1l2.Regularizer, error) { return l1l2.FromJSON(text) })
	case "to_json":
		return checkToJSON(c)
	case "exact_sums":
		return checkExactSums(c)
	case "penalty", "add_gradient", "prox":
		switch dtype := c.next(); dtype {
		case "float32":
			return checkArrays[float32](c, operation)
		case "float64":
			return checkArrays[float64](c, operation)
		case "float16":
			return checkArrays[l1l2.Float16](c, operation)
		case "bfloat16":
			return checkArrays[l1l2.BFloat16](c, operation)
		default:
			return fmt.Errorf("unknown dtype %q", dtype)
		}
	default:
		return fmt.Errorf("unknown operation %q", operation)
	}
}

func checkArrays[T l1l2.Element](c *testCase, operation string) error {
	switch operation {
	case "penalty":
		return checkPenalty[T](c)
	case "add_gradient":
		return checkAddGradient[T](c)
	default:
		return checkProx[T](c)
	}
}

func checkConfig(c *testCase, regularizerOf func() (*l1l2.Regularizer, error)) error {
	status := c.status()
	var wantL1, wantL2 float64
	if status == 0 {
		wantL1, wantL2 = c.float(), c.float()
	}
	if err := c.end(); err != nil {
		return err
	}
	regularizer, err := regularizerOf()
	if err != nil || status != 0 {
		return sameStatus(err, status)
	}
	defer regularizer.Close()
	l1, l2, err := regularizer.Coefficients()
	return firstError(err, sameFloat("l1", l1, wantL1), sameFloat("l2", l2, wantL2))
}

func checkToJSON(c *testCase) error {
	style, l1, l2 := l1l2.JSONStyle(c.integer()), c.float(), c.float()
	status := c.status()
	var want []byte
	if status == 0 {
		want = c.text()
	}
	regularizer, err := c.regularizer(l1, l2)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	text, err := regularizer.JSON(style)
	if string(text) != string(want) {
		return fmt.Errorf("%s, not %s", text, want)
	}
	return sameStatus(err, status)
}

func checkPenalty[T l1l2.Element](c *testCase) error {
	l1, l2, x := c.float(), c.float(), array[T](c)
	status := c.status()
	var want float64
	if status == 0 {
		want = c.float()
	}
	regularizer, err := c.regularizer(l1, l2)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	penalty, err := l1l2.Penalty(regularizer, x)
	return firstError(sameStatus(err, status), sameFloat("penalty", penalty, want))
}

func checkAddGradient[T l1l2.Element](c *testCase) error {
	l1, l2, scale, x, gradient := c.float(), c.float(), c.float(), array[T](c), array[T](c)
	status := c.status()
	want, wantPenalty := clone(gradient), 0.0
	if status == 0 {
		want, wantPenalty = array[T](c), c.float()
	}
	regularizer, err := c.regularizer(l1, l2)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	alone := clone(gradient)
	penalty, err := l1l2.AddGradientWithPenalty(regularizer, x, scale, gradient)
	errAlone := l1l2.AddGradient(regularizer, x, scale, alone)
	return firstError(
		sameStatus(err, status),
		sameStatus(errAlone, status),
		sameFloat("penalty", penalty, wantPenalty),
		sameArray("gradient with the penalty", gradient, want),
		sameArray("gradient without the penalty", alone, want),
	)
}

func checkProx[T l1l2.Element](c *testCase) error {
	l1, l2, step, x := c.float(), c.float(), c.float(), array[T](c)
	status := c.status()
	out := make([]T, len(x))
	for i := range out {
		out[i] = 7 // neither what a result has nor what new memory holds
	}
	want, wantInPlace := clone(out), clone(x)
	if status == 0 {
		want = array[T](c)
		wantInPlace = want
	}
	regularizer, err := c.regularizer(l1, l2)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	err = l1l2.Prox(regularizer, x, step, out)
	errInPlace := l1l2.Prox(regularizer, x, step, x)
	return firstError(
		sameStatus(err, status),
		sameStatus(errInPlace, status),
		sameArray("out", out, want),
		sameArray("in place", x, wantInPlace),
	)
}

func checkExactSums(c *testCase) error {
	l1, l2, parts := c.float(), c.float(), c.parts()
	var want results
	status := c.status()
	if status == 0 {
		want = results{c.float(), c.float(), c.float(), c.count(), c.sums()}
	}
	regularizer, err := c.regularizer(l1, l2)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	inOrder, errInOrder := addInOrder(parts)
	merged, errMerged := mergeBackwards(parts)
	added, errAdded := addNumbers(parts)
	if err := firstError(
		errAdded,
		sameStatus(errInOrder, status),
		sameStatus(errMerged, status),
		checkResults(regularizer, added, status, want),
	); err != nil || status != 0 {
		return err
	}
	if inOrder != want.sums || merged != want.sums {
		return fmt.Errorf("sums %x and, merged, %x", inOrder, merged)
	}
	return checkResults(regularizer, inOrder, status, want)
}

type results struct {
	penalty, absolute, square float64
	count                     int64
	sums                      l1l2.ExactSums // merged with zeros
}

func checkResults(
	regularizer *l1l2.Regularizer, sums l1l2.ExactSums, status l1l2.Status, want results,
) error {
	penalty, errPenalty := l1l2.PenaltyOfSums(regularizer, &sums)
	absolute, square, count, errRead := sums.Read()
	var merged l1l2.ExactSums
	if err := firstError(
		sameStatus(sums.Check(), status),
		sameStatus(errPenalty, status),
		sameStatus(errRead, status),
		sameStatus(merged.Merge(&sums), status),
		sameFloat("penalty", penalty, want.penalty),
		sameFloat("absolute", absolute, want.absolute),
		sameFloat("square", square, want.square),
	); err != nil {
		return err
	}
	if count != want.count {
		return fmt.Errorf("count %d, not %d", count, want.count)
	}
	if merged != want.sums {
		return fmt.Errorf("sums %x, not %x", merged, want.sums)
	}
	return nil
}

// addTo adds the part to sums, which stay as they are if that fails.
func (p part) addTo(sums *l1l2.ExactSums) error {
	before := *sums
	var err error
	if p.add != nil {
		err = p.add(sums)
	} else {
		err = sums.Merge(&p.sums)
	}
	if err != nil && *sums != before {
		return errors.New("sums that fail have changed")
	}
	return err
}

func addInOrder(parts []part) (sums l1l2.ExactSums, err error) {
	for _, p := range parts {
		if err := p.addTo(&sums); err != nil {
			return sums, err
		}
	}
	return sums, nil
}

// Each part in sums of its own, and these merged, the last one first.
func mergeBackwards(parts []part) (sums l1l2.ExactSums, err error) {
	for i := len(parts) - 1; i >= 0; i-- {
		var one l1l2.ExactSums
		if err := firstError(parts[i].addTo(&one), sums.Merge(&one)); err != nil {
			return sums, err
		}
	}
	return sums, nil
}

// The numbers of all parts, as they are, added index by index.
func addNumbers(parts []part) (sums l1l2.ExactSums, err error) {
	for _, p := range parts {
		if p.add != nil {
			if err := p.add(&p.sums); err != nil {
				return sums, err
			}
		}
		for i, number := range p.sums {
			sums[i] += number
		}
	}
	return sums, nil
}

// An error of the library must have a message, and any other error is one of this program.
func sameStatus(err error, want l1l2.Status) error {
	var refused *l1l2.Error
	switch {
	case err == nil:
		refused = &l1l2.Error{Status: 0, Message: "success"}
	case !errors.As(err, &refused):
		return err
	case refused.Message == "":
		return fmt.Errorf("status %d without a message", refused.Status)
	}
	if refused.Status != want {
		return fmt.Errorf("status %d (%s), not %d", refused.Status, refused.Message, want)
	}
	return nil
}

func sameFloat(name string, got, want float64) error {
	if math.Float64bits(got) != math.Float64bits(want) {
		return fmt.Errorf("%s %016x, not %016x", name, math.Float64bits(got), math.Float64bits(want))
	}
	return nil
}

func sameArray[T l1l2.Element](name string, got, want []T) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d elements, not %d", name, len(got), len(want))
	}
	gotBits, wantBits := bitsOf(got), bitsOf(want)
	for i := range gotBits {
		if gotBits[i] != wantBits[i] {
			return fmt.Errorf("%s: byte %d is %02x, not %02x", name, i, gotBits[i], wantBits[i])
		}
	}
	return nil
}

func clone[T any](x []T) []T { return append([]T(nil), x...) }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
