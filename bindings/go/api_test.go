// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"example.invalid/l1l2"
)

func made(t testing.TB) *l1l2.Regularizer {
	t.Helper()
	r, err := l1l2.New(0.01, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// vector is a slice as a tensor of one axis.
func vector[T l1l2.Element](x []T) l1l2.Tensor[T] {
	return l1l2.Tensor[T]{Data: x, Shape: []int{len(x)}}
}

// refused checks that a call failed with a status, a sentence and an *Error.
func refused(t *testing.T, err error, want l1l2.Status) {
	t.Helper()
	var refused *l1l2.Error
	if !errors.Is(err, want) || !errors.As(err, &refused) || refused.Message == "" {
		t.Errorf("%v, not %v", err, want)
	}
}

func TestErrorsAreFoundByTheirStatus(t *testing.T) {
	r := made(t)
	_, err := l1l2.New(-1, 0)
	refused(t, err, l1l2.InvalidCoefficient)
	if errors.Is(err, l1l2.InvalidStep) || errors.Is(err, l1l2.ErrLibrary) {
		t.Error("it is another error, too")
	}
	x := []float32{1}
	refused(t, l1l2.AddGradient(r, x, math.Inf(1), []float32{0}), l1l2.InvalidScale)
	refused(t, l1l2.AddGradient(r, x, 1, x), l1l2.Overlap)
	refused(t, l1l2.Prox(r, x, -1, x), l1l2.InvalidStep)
	refused(t, l1l2.Prox(r, x, 1, nil), l1l2.InvalidArgument)
	_, err = r.JSON(7)
	refused(t, err, l1l2.InvalidArgument)
	_, err = l1l2.FromJSON(nil)
	refused(t, err, l1l2.MalformedJSON)
	if strings.ContainsRune(err.Error(), 0) {
		t.Errorf("%q", err)
	}
	if l1l2.Overlap.String() != "overlap" || l1l2.Status(77).Error() != "status 77" {
		t.Error("the name of a status")
	}
}

func TestStatusesHaveTheNumbersOfTheHeader(t *testing.T) {
	statuses := []l1l2.Status{
		l1l2.InvalidArgument, l1l2.InvalidCoefficient, l1l2.InvalidScale, l1l2.InvalidStep, l1l2.Overlap,
		l1l2.InvalidTensor, l1l2.InvalidSums, l1l2.UnknownLayout, l1l2.CountOverflow, l1l2.InvalidNorm,
		l1l2.OutOfMemory, l1l2.MalformedJSON, l1l2.UnknownConfig,
	}
	if !slices.Equal(statuses, []l1l2.Status{10, 11, 13, 14, 15, 16, 18, 19, 21, 22, 30, 40, 41}) {
		t.Error(statuses)
	}
}

func TestTheInstructionSetHasAName(t *testing.T) {
	names := []string{"avx512bw", "avx2", "sse2", "neon64", "generic"}
	if isa, err := l1l2.ISA(); err != nil || !slices.Contains(names, isa) {
		t.Error(isa, err)
	}
}

// penaltyAfterAStep moves x by a step whose factors are of its type.
func penaltyAfterAStep[T l1l2.Step](t *testing.T, x ...T) float64 {
	t.Helper()
	r := made(t)
	err := l1l2.ProxStepWithSteps(r, x, nil, 1, []T{1, 2}, x)
	penalty, err2 := l1l2.Penalty(r, x)
	if err != nil || err2 != nil {
		t.Error(err, err2)
	}
	return penalty
}

func TestTypesOfOtherNames(t *testing.T) {
	type weight float32
	type score float64
	if penaltyAfterAStep[weight](t, 0.5, -1.25) != penaltyAfterAStep[float32](t, 0.5, -1.25) {
		t.Error("named float32")
	}
	if penaltyAfterAStep[score](t, 0.5, -1.25) != penaltyAfterAStep[float64](t, 0.5, -1.25) {
		t.Error("named float64")
	}
}

func TestTensorsOfAnyStrides(t *testing.T) {
	r := made(t)
	x := []float32{1, -2, 3, -4, 5, -6}
	gradient := make([]float32, 6)
	column := l1l2.Tensor[float32]{Data: x, Offset: 1, Shape: []int{3}, Strides: []int{2}}
	written := l1l2.Tensor[float32]{Data: gradient, Shape: []int{3}, Strides: []int{2}}
	penalty, err := l1l2.AddGradientOfTensor(r, column, 1, written)
	want, err2 := l1l2.Penalty(r, []float32{-2, -4, -6})
	if err != nil || err2 != nil || penalty != want || gradient[0] == 0 || gradient[1] != 0 {
		t.Error(penalty, want, gradient, err, err2)
	}
	alone := []float32{-2, -4, -6}
	err, err2 = l1l2.ProxOfTensor(r, column, 1, column), l1l2.Prox(r, alone, 1, alone)
	if want := []float32{1, alone[0], 3, alone[1], 5, alone[2]}; err != nil || err2 != nil || !slices.Equal(x, want) {
		t.Error(x, want, err, err2)
	}
	// A blas32.Vector whose increment is negative begins at the end.
	n, inc := 3, -2
	backwards := l1l2.Tensor[float32]{Data: x[1:], Offset: max(0, (1-n)*inc), Shape: []int{n}, Strides: []int{inc}}
	if err := l1l2.ProxOfTensor(r, vector(alone), 0, backwards); err != nil || x[1] != alone[2] || x[5] != alone[0] {
		t.Error(x, alone, err)
	}
	repeated := l1l2.Tensor[float32]{Data: x, Shape: []int{3}, Strides: []int{0}}
	refused(t, l1l2.ProxOfTensor(r, repeated, 1, repeated), l1l2.Overlap)
	var sums l1l2.ExactSums
	if err := l1l2.AddExactTensor(&sums, column); err != nil {
		t.Error(err)
	}
	if _, _, count, err := sums.Read(); count != 3 || err != nil {
		t.Error(count, err)
	}
}

func TestTensorsOfHalfPrecisions(t *testing.T) {
	r := made(t)
	want, err := l1l2.Penalty(r, []float32{1, -2})
	half, err2 := l1l2.PenaltyOfTensor(r, vector([]l1l2.Float16{0x3c00, 0xc000}))
	brain, err3 := l1l2.PenaltyOfTensor(r, vector([]l1l2.BFloat16{0x3f80, 0xc000}))
	if err != nil || err2 != nil || err3 != nil || half != want || brain != want {
		t.Error(half, brain, want, err, err2, err3)
	}
}

func TestTensorsStayInTheirSlice(t *testing.T) {
	r := made(t)
	x, ones := make([]float64, 6), make([]int, 64)
	for i := range ones {
		ones[i] = 1
	}
	type tensor = l1l2.Tensor[float64]
	for _, good := range []tensor{
		{Data: x, Shape: []int{2, 3}},
		{Data: x, Offset: 5, Shape: []int{6}, Strides: []int{-1}},
		{Data: x, Offset: 99, Shape: []int{4, 0}},
		{Shape: []int{math.MaxInt, math.MaxInt, 0}},
		{Shape: []int{0, math.MaxInt, math.MaxInt}},
		{Data: x},
		{Data: x, Shape: ones},
	} {
		if _, err := l1l2.PenaltyOfTensor(r, good); err != nil {
			t.Error(good, err)
		}
	}
	for _, bad := range []tensor{
		{Data: x, Shape: []int{7}},
		{Data: x, Offset: 1, Shape: []int{6}},
		{Data: x, Offset: -1, Shape: []int{2}},
		{Data: x, Offset: -1},
		{Data: x, Offset: 6},
		{Data: x, Offset: 2, Shape: []int{2, 2}, Strides: []int{-3, 1}},
		{Data: x, Offset: 4, Shape: []int{6}, Strides: []int{-1}},
		{Data: x, Shape: []int{2, 4}, Strides: []int{3, 1}},
		{Data: x, Shape: []int{6}, Strides: []int{1, 1}},
		{Data: x, Shape: []int{-1}},
		{Data: x, Shape: []int{2}, Strides: []int{math.MinInt}},
		{Data: x, Shape: []int{math.MaxInt, math.MaxInt}, Strides: []int{math.MaxInt, 1}},
		{Data: x, Shape: []int{1 << 16, 1 << 16, 1 << 16, 1 << 16}},
		{Data: x, Shape: []int{0, -1}},
		{Data: x, Shape: make([]int, 65)},
		{Shape: []int{1}},
	} {
		_, err := l1l2.PenaltyOfTensor(r, bad)
		refused(t, err, l1l2.InvalidTensor)
	}
}

func TestTermsHaveTheSameBitsOnAnyNumberOfGoroutines(t *testing.T) {
	r := made(t)
	large, small := make([]float32, 100000), []float64{1, 2, 3}
	for i := range large {
		large[i] = float32(i%97) / 7
	}
	wantGradient := make([]float32, len(large))
	alone, err := l1l2.AddGradientWithPenalty(r, large, 1, wantGradient)
	another, err2 := l1l2.Penalty(r, small)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	wantTotal := alone
	for i := 0; i < 300; i++ {
		wantTotal += another
	}
	for _, goroutines := range []int{-1, 0, 1, 2, 7, 100} {
		gradient := make([]float32, len(large))
		term, err := l1l2.NewTermWithGradient(r, large, gradient)
		if err != nil {
			t.Fatal(err)
		}
		terms := []l1l2.Term{term}
		for i := 0; i < 300; i++ {
			terms = append(terms, l1l2.NewTerm(r, small))
		}
		each, total, err := l1l2.AddGradientOfTerms(terms, 1, goroutines)
		if err != nil || len(each) != 301 || each[0] != alone || each[300] != another {
			t.Fatal(each, alone, another, err)
		}
		if total != wantTotal || !slices.Equal(gradient, wantGradient) {
			t.Error("other bits on", goroutines)
		}
	}
}

func TestManyGoroutinesUseTheSameRegularizer(t *testing.T) {
	r, x := made(t), []float64{1, 2, 3}
	terms := []l1l2.Term{l1l2.NewTerm(r, x), l1l2.NewTerm(r, x)}
	want, err := l1l2.Penalty(r, x)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	for i := 0; i < 8; i++ {
		go func() {
			alone, err := l1l2.Penalty(r, x)
			ofTensor, err2 := l1l2.PenaltyOfTensor(r, vector(x))
			_, total, err3 := l1l2.PenaltiesOfTerms(terms, 3)
			if err := errors.Join(err, err2, err3); alone != want || ofTensor != want || total != 2*want || err != nil {
				t.Error(alone, ofTensor, total, want, err)
			}
			if text := r.String(); text != `{"l1": 0.01, "l2": 0.02}` {
				t.Error(text)
			}
			done <- struct{}{}
		}()
	}
	for i := 0; i < 8; i++ {
		<-done
	}
}

// penaltiesAtDepth is called with so many frames more on the stack.
func penaltiesAtDepth(depth int, terms []l1l2.Term) (total float64, err error) {
	if depth > 0 {
		return penaltiesAtDepth(depth-1, terms)
	}
	_, total, err = l1l2.PenaltiesOfTerms(terms, 2)
	return total, err
}

func TestAStackMayGrowWhileTasksRun(t *testing.T) {
	terms := []l1l2.Term{l1l2.NewTerm(made(t), []float64{1, 2, 3})}
	done := make(chan struct{})
	for depth := 0; depth < 100; depth++ {
		go func(depth int) {
			if total, err := penaltiesAtDepth(depth, terms); total == 0 || err != nil {
				t.Error(total, err)
			}
			done <- struct{}{}
		}(depth)
		<-done
	}
}

func TestProxesOfTermsAndAWrongTerm(t *testing.T) {
	r := made(t)
	x, y := []float32{1, 1}, []float64{2}
	first, err := l1l2.NewTermWithOut(r, x, x)
	if err != nil {
		t.Fatal(err)
	}
	err = l1l2.ProxOfTerms([]l1l2.Term{first, l1l2.NewTerm(r, y)}, 1, 2)
	var wrong *l1l2.TermsError
	if refused(t, err, l1l2.InvalidArgument); !errors.As(err, &wrong) || wrong.Index != 1 || x[0] != 1 {
		t.Error(err, x)
	}
	if err := l1l2.ProxOfTerms([]l1l2.Term{first}, 1, 2); err != nil || x[0] >= 1 || x[0] != x[1] {
		t.Error(err, x)
	}
	closed := made(t)
	closed.Close()
	_, _, err = l1l2.PenaltiesOfTerms([]l1l2.Term{l1l2.NewTerm(closed, x)}, 1)
	refused(t, err, l1l2.InvalidArgument)
	if want := "l1l2: term 0: the regularizer is closed or was never made"; err.Error() != want {
		t.Error(err, want)
	}
	_, err = l1l2.NewTermWithGradient(r, x, nil)
	refused(t, err, l1l2.InvalidArgument)
	if each, total, err := l1l2.PenaltiesOfTerms(nil, 1); len(each) != 0 || total != 0 || err != nil {
		t.Error(each, total, err)
	}
	if each, total, err := l1l2.AddGradientOfTerms(nil, 1, 1); len(each) != 0 || total != 0 || err != nil {
		t.Error(each, total, err)
	}
}

func TestExactSumsFromElsewhereAreChecked(t *testing.T) {
	var sums, total l1l2.ExactSums
	if err := l1l2.AddExact(&sums, []float32{1.5, -2}); err != nil {
		t.Fatal(err)
	}
	damaged := sums
	damaged[7] ^= 1
	refused(t, damaged.Check(), l1l2.InvalidSums)
	refused(t, total.Merge(&damaged), l1l2.InvalidSums)
	if damaged.String() != "damaged exact sums" || total != (l1l2.ExactSums{}) {
		t.Error(&damaged, total)
	}
	other := sums
	other[0] = 3
	if other.Check() == nil {
		t.Error("another layout is taken")
	}
}
