// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.invalid/l1l2"
)

// What one way to compute a case returned: its outputs as its line has them, once that is expanded.
type result struct {
	err     error
	outputs []string
}

func regularizer(l1, l2 string) *l1l2.Regularizer { return must(l1l2.New(double(l1), double(l2))) }

// written is the result of a call that changed before to after, which a failure must not do.
func written[T l1l2.Element](before string, after []T, err error, others ...string) result {
	if err != nil && array(elements[T](before)) != array(after) {
		panic("a call that failed has written")
	}
	return result{err, append([]string{array(after)}, others...)}
}

// arrays computes a case by each function that can, and expands the arrays of want.
func arrays[T l1l2.Element](r *l1l2.Regularizer, operation string, in, want []string) []result {
	for i := range want {
		if strings.Contains(want[i], ":") {
			want[i] = array(elements[T](want[i]))
		}
	}
	last := in[len(in)-1]
	x, first, second := elements[T](in[len(in)/2]), elements[T](last), elements[T](last)
	penalty, err := l1l2.Penalty(r, x)
	switch operation {
	case "penalty":
		return []result{{err, []string{number(penalty)}}}
	case "prox":
		err := l1l2.Prox(r, x, double(in[0]), first)
		return []result{written(last, first, err),
			written(last, second, l1l2.Prox(r, second, double(in[0]), second))}
	}
	same, err := l1l2.AddGradientWithPenalty(r, x, double(in[0]), first)
	return []result{written(last, first, err, number(same)),
		written(last, second, l1l2.AddGradient(r, x, double(in[0]), second), number(penalty))}
}

func add[T l1l2.Element](sums *l1l2.ExactSums, x string) error {
	return l1l2.AddExact(sums, elements[T](x))
}

var dtypes = map[string]struct {
	arrays func(r *l1l2.Regularizer, operation string, in, want []string) []result
	add    func(sums *l1l2.ExactSums, x string) error
}{
	"float32":  {arrays[float32], add[float32]},
	"float64":  {arrays[float64], add[float64]},
	"float16":  {arrays[l1l2.Float16], add[l1l2.Float16]},
	"bfloat16": {arrays[l1l2.BFloat16], add[l1l2.BFloat16]},
}

func config(r *l1l2.Regularizer, err error) []result {
	if err != nil {
		return []result{{err, nil}}
	}
	l1, l2, err := r.Coefficients()
	return []result{{err, []string{number(l1), number(l2)}}}
}

func compute(in, want []string) []result {
	switch in[0] {
	case "create":
		return config(l1l2.New(double(in[1]), double(in[2])))
	case "from_json":
		return config(l1l2.FromJSON(text(in[1])))
	case "to_json":
		json, err := regularizer(in[2], in[3]).JSON(l1l2.JSONStyle(in[1][0] - '0'))
		return []result{{err, []string{hex.EncodeToString(json)}}}
	case "exact_sums":
		return exactSums(regularizer(in[1], in[2]), strings.Split(in[3], "+"), want)
	}
	return dtypes[in[1]].arrays(regularizer(in[2], in[3]), in[0], in[4:], want)
}

// difference returns what differs from a line, or nothing.
func difference(line string) (what string) {
	defer func() {
		if cause := recover(); cause != nil {
			what = fmt.Sprint(cause)
		}
	}()
	inputs, expected, _ := strings.Cut(line, " -> ")
	want := strings.Split(expected, " ")
	for _, got := range compute(strings.Split(inputs, " "), want[1:]) {
		status, refused := "0", &l1l2.Error{}
		if errors.As(got.err, &refused) && refused.Message != "" {
			status = strconv.Itoa(int(refused.Status))
		}
		if status != want[0] || status == "0" && !slices.Equal(got.outputs, want[1:]) {
			return fmt.Sprintf("%.300v", got)
		}
	}
	return ""
}

// Every case of tests/conformance/vectors.txt, or of the file that L1L2_VECTORS names, to the bit.
func TestVectorsOnFourGoroutines(t *testing.T) {
	file, lines := vectors()
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for index, line := range lines {
				if what := difference(line); line[0] != '#' && what != "" {
					t.Errorf("%s:%d: %s", file, index+1, what)
				}
			}
		}()
	}
	group.Wait()
}
