// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"example.invalid/l1l2"
)

// waves returns three arrays, of which the last has no negative elements.
func waves(n int) (x, gradient, steps []float64) {
	for i := 0; i < n; i++ {
		angle := float64(i)
		x, gradient = append(x, math.Sin(angle)), append(gradient, math.Cos(angle))
		steps = append(steps, math.Mod(angle, 7)/4)
	}
	return x, gradient, steps
}

// stepped is the formula of l1l2.h for float64, with the coefficients of made.
func stepped(x, gradient, step, factor float64) float64 {
	l1, l2 := 0.01, 0.02
	v := x - float64(step*factor*gradient)
	shrunk := math.Max(math.Abs(v)-float64(step*l1*factor), 0)
	return math.Copysign(shrunk/(1+float64(2*(step*l2)*factor)), v)
}

func TestAProximalStepFollowsTheFormula(t *testing.T) {
	r := made(t)
	x, gradient, steps := waves(300)
	want, out := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		want[i] = stepped(x[i], gradient[i], 0.7, steps[i])
	}
	err := l1l2.ProxStepWithSteps(r, x, gradient, 0.7, steps, out)
	if err != nil || !slices.Equal(out, want) {
		t.Error("into another slice", err)
	}
	inPlace, overwritten := slices.Clone(x), slices.Clone(gradient)
	err = l1l2.ProxStepWithSteps(r, inPlace, gradient, 0.7, steps, inPlace)
	err2 := l1l2.ProxStepWithSteps(r, x, overwritten, 0.7, steps, overwritten)
	if err != nil || err2 != nil || !slices.Equal(inPlace, want) || !slices.Equal(overwritten, want) {
		t.Error("in place", err, err2)
	}
	backwards := make([]float64, len(x))
	reversed := vector(backwards)
	reversed.Offset, reversed.Strides = len(x)-1, []int{-1}
	err = l1l2.ProxStepWithStepsOfTensor(r, vector(x), vector(gradient), 0.7, vector(steps), reversed)
	if slices.Reverse(backwards); err != nil || !slices.Equal(backwards, want) {
		t.Error("of a tensor", err)
	}
}

func TestWithoutAGradientAndStepsItIsTheProximalOperator(t *testing.T) {
	r := made(t)
	x, _, _ := waves(300)
	proxed, out := slices.Clone(x), slices.Clone(x)
	err, err2 := l1l2.Prox(r, x, 0.7, proxed), l1l2.ProxStep(r, x, nil, 0.7, out)
	if err != nil || err2 != nil || !slices.Equal(out, proxed) {
		t.Error(err, err2)
	}
	tensor := l1l2.Tensor[float64]{Data: x, Shape: []int{3, 100}}
	err = l1l2.ProxStepOfTensor(r, tensor, l1l2.Tensor[float64]{}, 0.7, tensor)
	if err != nil || !slices.Equal(x, proxed) {
		t.Error(err)
	}
	// A gradient moves x before: with the coefficients 0 that is all.
	zero, err := l1l2.New(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	y := []float32{1, -2}
	if err := l1l2.ProxStep(zero, y, []float32{2, 4}, 0.5, y); err != nil || y[0] != 0 || y[1] != -4 {
		t.Error(y, err)
	}
	// A tensor without axes has one element, as a gradient, too.
	scalar := l1l2.Tensor[float32]{Data: y}
	if err := l1l2.ProxStepOfTensor(zero, scalar, l1l2.Tensor[float32]{Data: []float32{2}}, 0.5, scalar); err != nil || y[0] != -1 {
		t.Error(y, err)
	}
}

func TestStepsOfHalfPrecisionsAreFloat32(t *testing.T) {
	one, err := l1l2.New(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	x, gradient := []l1l2.Float16{0x3c00, 0xc200}, []l1l2.Float16{0x4000, 0x4000} // 1, -3 and 2, 2
	err = l1l2.ProxStepWithSteps(one, x, gradient, 0.5, []float32{1, 0.5}, x)
	if err != nil || !slices.Equal(x, []l1l2.Float16{0, 0xc280}) { // 0, -3.25
		t.Error(x, err)
	}
	err = l1l2.ProxStep(one, x, gradient, 0.5, x)
	if err != nil || !slices.Equal(x, []l1l2.Float16{0xb800, 0xc380}) { // -0.5, -3.75
		t.Error(x, err)
	}
}

func TestWhatAStepReadsMustFit(t *testing.T) {
	r := made(t)
	x, short := []float32{1, 2, 3}, []float32{1, 2}
	wrong := []float32{1, 1, float32(math.NaN())}
	for name, err := range map[string]error{
		"gradient":  l1l2.ProxStep(r, x, short, 1, x),
		"empty":     l1l2.ProxStep(r, x, []float32{}, 1, x),
		"out":       l1l2.ProxStep(r, x, nil, 1, short),
		"steps":     l1l2.ProxStepWithSteps(r, x, nil, 1, short, x),
		"type":      l1l2.ProxStepWithSteps(r, x, nil, 1, []float64{1, 1, 1}, x),
		"half type": l1l2.ProxStepWithSteps(r, []l1l2.Float16{1}, nil, 1, []float64{1}, []l1l2.Float16{1}),
	} {
		t.Log(name)
		refused(t, err, l1l2.InvalidArgument)
	}
	tensor := l1l2.Tensor[float32]{Data: x, Shape: []int{3}}
	float64s := l1l2.Tensor[float64]{Data: []float64{1, 1, 1}, Shape: []int{3}}
	refused(t, l1l2.ProxStepWithStepsOfTensor(r, tensor, tensor, 1, float64s, tensor), l1l2.InvalidArgument)
	other := l1l2.Tensor[float32]{Data: short, Shape: []int{2}}
	refused(t, l1l2.ProxStepOfTensor(r, tensor, other, 1, tensor), l1l2.InvalidTensor)
	refused(t, l1l2.ProxStep(r, x, nil, -1, x), l1l2.InvalidStep)
	refused(t, l1l2.ProxStepWithSteps(r, x, nil, 1, wrong, x), l1l2.InvalidStep)
	refused(t, l1l2.ProxStepWithSteps(r, wrong, nil, 1, x, x), l1l2.Overlap)
	if !slices.Equal(x, []float32{1, 2, 3}) {
		t.Error("something was written", x)
	}
}

func TestProximalStepsOfTermsAreThoseOfTheTensors(t *testing.T) {
	r := made(t)
	x, gradient, steps := waves(70000)
	want := make([]float64, len(x))
	if err := l1l2.ProxStepWithSteps(r, x, gradient, 0.7, steps, want); err != nil {
		t.Fatal(err)
	}
	for _, goroutines := range []int{1, 3} {
		out, half := make([]float64, len(x)), []l1l2.Float16{0x3c00}
		large, err := l1l2.NewTermWithStep(r, x, gradient, out)
		large, err2 := l1l2.WithSteps(large, steps)
		small, err3 := l1l2.NewTermWithStep(r, half, nil, half)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
		var wrong *l1l2.TermsError
		bad, _ := l1l2.WithSteps(small, []float32{-1})
		err = l1l2.ProxStepOfTerms([]l1l2.Term{large, bad}, 0.7, goroutines)
		if refused(t, err, l1l2.InvalidStep); !errors.As(err, &wrong) || wrong.Index != 1 {
			t.Error(err)
		}
		err = l1l2.ProxStepOfTerms([]l1l2.Term{large, small}, 0.7, goroutines)
		if err != nil || !slices.Equal(out, want) || half[0] >= 0x3c00 {
			t.Error(goroutines, err, half)
		}
	}
}

func TestATermThatIsRefusedHasNothingThatDoesNotFit(t *testing.T) {
	r := made(t)
	x, gradient, steps := waves(5)
	want, got := slices.Clone(x), slices.Clone(x)
	if err := l1l2.ProxStep(r, want, nil, 0.7, want); err != nil {
		t.Fatal(err)
	}
	term, err := l1l2.NewTermWithStep(r, x, gradient[1:], got)
	refused(t, err, l1l2.InvalidArgument)
	term, err = l1l2.WithSteps(term, steps[1:])
	refused(t, err, l1l2.InvalidArgument)
	term, err = l1l2.WithSteps(term, make([]float32, len(x)))
	refused(t, err, l1l2.InvalidArgument)
	if err = l1l2.ProxStepOfTerms([]l1l2.Term{term}, 0.7, 1); err != nil || !slices.Equal(got, want) {
		t.Error("more was read than fits", got, want, err)
	}
	_, err = l1l2.NewTermWithStep(r, x, nil, x[1:])
	refused(t, err, l1l2.InvalidArgument)
}
