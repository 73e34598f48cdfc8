// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"example.invalid/l1l2"
)

func sumsOf(t *testing.T, x ...float64) *l1l2.ExactSums {
	t.Helper()
	var sums l1l2.ExactSums
	if err := l1l2.AddExact(&sums, x); err != nil {
		t.Fatal(err)
	}
	return &sums
}

// normOf computes the norm with more bits than any sum of a few squares has.
func normOf(x []float64) float64 {
	sum := new(big.Float).SetPrec(4400)
	for _, element := range x {
		square := new(big.Float).SetPrec(4400).SetFloat64(element)
		sum.Add(sum, square.Mul(square, square))
	}
	norm, _ := sum.Sqrt(sum).Float64()
	return norm
}

func TestTheNormIsRoundedOnce(t *testing.T) {
	wave, _, _ := waves(1000)
	for _, x := range [][]float64{
		nil, {3, -4}, {1e200, 1, 1}, {1e-200, 1e-200, 1e-200}, {5e-324, -5e-324}, {1.7e308}, wave,
	} {
		if norm, err := sumsOf(t, x...).Norm(); norm != normOf(x) || err != nil {
			t.Error(x, norm, normOf(x), err)
		}
	}
	if norm, err := sumsOf(t, 1.7e308, 1.7e308).Norm(); !math.IsInf(norm, 1) || err != nil {
		t.Error(norm, err)
	}
	if norm, err := sumsOf(t, 1, math.NaN()).Norm(); !math.IsNaN(norm) || err != nil {
		t.Error(norm, err)
	}
	damaged := *sumsOf(t, 1)
	damaged[7] ^= 1
	_, err := damaged.Norm()
	refused(t, err, l1l2.InvalidSums)
}

func TestWhatWasAddedCanBeSubtracted(t *testing.T) {
	sums := sumsOf(t, 1.5, -2, math.Inf(1))
	if err := sums.Subtract(sumsOf(t, math.Inf(1), 1.5)); err != nil || *sums != *sumsOf(t, -2) {
		t.Error(sums, err)
	}
	for _, other := range []float64{3, math.NaN(), math.Inf(1)} {
		refused(t, sums.Subtract(sumsOf(t, other)), l1l2.InvalidSums)
	}
	refused(t, sums.Subtract(sumsOf(t, 1, 1)), l1l2.InvalidSums)
	if *sums != *sumsOf(t, -2) {
		t.Error("something was written", sums)
	}
	if err := sums.Subtract(sums); err != nil || *sums != (l1l2.ExactSums{}) {
		t.Error(sums, err)
	}
}

func TestTermsAreAddedAllOrNone(t *testing.T) {
	x, half := make([]float32, 100000), []l1l2.Float16{0x3c00, 0xc000} // 1, -2
	for i := range x {
		x[i] = float32(i%97) / 7
	}
	var want l1l2.ExactSums
	err, err2 := l1l2.AddExact(&want, x), l1l2.AddExact(&want, half)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, goroutines := range []int{1, 3} {
		var sums l1l2.ExactSums
		terms := []l1l2.Term{l1l2.NewTerm(nil, x), l1l2.NewTerm(made(t), half)}
		if err := l1l2.AddExactTerms(&sums, terms, goroutines); err != nil || sums != want {
			t.Error(goroutines, err)
		}
		if err := l1l2.AddExactTerms(&sums, nil, goroutines); err != nil || sums != want {
			t.Error(goroutines, err)
		}
	}
}

func clipTerm[T l1l2.Element](t *testing.T, x []T) l1l2.Term {
	t.Helper()
	term, err := l1l2.NewTermWithOut(nil, x, x)
	if err != nil {
		t.Fatal(err)
	}
	return term
}

func TestTensorsAreClippedByTheNormOfAll(t *testing.T) {
	wave, _, _ := waves(70000)
	want := normOf(append(slices.Clone(wave), 3))
	for _, goroutines := range []int{1, 3} {
		x, y := slices.Clone(wave), []float32{3}
		terms := []l1l2.Term{clipTerm(t, x), clipTerm(t, y)}
		for _, maxNorm := range []float64{1e9, want} {
			norm, err := l1l2.ClipByNorm(terms, maxNorm, goroutines)
			if norm != want || err != nil || !slices.Equal(x, wave) || y[0] != 3 {
				t.Error(norm, want, err, y)
			}
		}
		norm, err := l1l2.ClipByNorm(terms, 1.5, goroutines)
		factor := 1.5 / want
		if norm != want || err != nil || y[0] != 3*float32(factor) {
			t.Error(norm, want, err, y)
		}
		for i := range x {
			if x[i] != wave[i]*factor {
				t.Fatal(i, x[i], wave[i]*factor)
			}
		}
	}
	half := []l1l2.Float16{0x5cb0} // 300
	norm, err := l1l2.ClipByNorm([]l1l2.Term{clipTerm(t, half)}, 1, 1)
	if norm != 300 || err != nil || half[0] != 0x3c00 {
		t.Error(norm, err, half)
	}
	given := []float64{3, 4}
	err = l1l2.ClipByGivenNorm([]l1l2.Term{clipTerm(t, given)}, 10, 5, 1)
	if err != nil || given[0] != 1.5 || given[1] != 2 {
		t.Error(err, given)
	}
	if norm, err := l1l2.ClipByNorm(nil, 1, 1); norm != 0 || err != nil {
		t.Error(norm, err)
	}
}

func TestANormThatIsNotFiniteClipsNothing(t *testing.T) {
	x, bad := []float32{30}, []float64{math.Inf(-1)}
	terms := []l1l2.Term{clipTerm(t, x), clipTerm(t, bad)}
	norm, err := l1l2.ClipByNorm(terms, 1, 1)
	if refused(t, err, l1l2.InvalidNorm); !math.IsInf(norm, 1) {
		t.Error(norm)
	}
	for _, wrong := range []float64{-1, math.NaN(), math.Inf(1)} {
		err := l1l2.ClipByGivenNorm(terms, wrong, 1, 1)
		refused(t, err, l1l2.InvalidNorm)
		if errors.As(err, new(*l1l2.TermsError)) {
			t.Error("a term is said to be wrong", err)
		}
		refused(t, l1l2.ClipByGivenNorm(terms, 1, wrong, 1), l1l2.InvalidNorm)
	}
	for _, terms[1] = range []l1l2.Term{l1l2.NewTerm(nil, []float32{1}), {}} {
		_, err = l1l2.ClipByNorm(terms, 1, 1)
		var wrong *l1l2.TermsError
		if refused(t, err, l1l2.InvalidArgument); !errors.As(err, &wrong) || wrong.Index != 1 {
			t.Error(err)
		}
	}
	if x[0] != 30 || !math.IsInf(bad[0], -1) {
		t.Error("something was written", x, bad)
	}
}
