// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"errors"
	"fmt"

	"example.invalid/l1l2"
)

func Example() {
	regularizer, err := l1l2.New(0.01, 0.02)
	if err != nil {
		panic(err)
	}
	defer regularizer.Close()
	weights := []float32{0.5, -1.25, 0, 2}
	gradient := make([]float32, len(weights))
	penalty, err := l1l2.AddGradientWithPenalty(regularizer, weights, 1, gradient)
	fmt.Println(penalty, gradient, err)
	fmt.Println(l1l2.Prox(regularizer, weights, 0.1, weights), weights)
	// Output:
	// 0.15375 [0.03 -0.059999995 0 0.089999996] <nil>
	// <nil> [0.497012 -1.2440239 0 1.9910358]
}

func ExampleFromJSON() {
	regularizer, err := l1l2.FromJSON([]byte(`{"class_name": "L2", "config": {"l2": 0.5}}`))
	fmt.Println(regularizer, err)
	_, err = l1l2.FromJSON([]byte(`{"l3": 0.5}`))
	fmt.Println(err, errors.Is(err, l1l2.UnknownConfig))
	// Output:
	// {"l1": 0.0, "l2": 0.5} <nil>
	// l1l2: unknown key "l3" true
}

func ExampleRegularizer_JSON() {
	regularizer, _ := l1l2.New(0.01, 0.02)
	for _, style := range []l1l2.JSONStyle{l1l2.JSONConfig, l1l2.JSONKeras2, l1l2.JSONKeras3} {
		text, err := regularizer.JSON(style)
		fmt.Println(string(text), err)
	}
	// Output:
	// {"l1": 0.01, "l2": 0.02} <nil>
	// {"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}} <nil>
	// {"module": "keras.regularizers", "class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}, "registered_name": null} <nil>
}

func ExampleExactSums() {
	regularizer, _ := l1l2.New(0.01, 0.02)
	var sums, others l1l2.ExactSums
	for _, piece := range [][]float32{{0.5}, {-1.25, 0}} {
		if err := l1l2.AddExact(&sums, piece); err != nil {
			panic(err)
		}
	}
	fmt.Println(l1l2.AddExact(&others, []float64{2}), sums.Merge(&others))
	fmt.Println(l1l2.PenaltyOfSums(regularizer, &sums))
	fmt.Println(&sums)
	// Output:
	// <nil> <nil>
	// 0.15375 <nil>
	// sum |x| = 3.75, sum x^2 = 5.8125, 4 elements
}

func ExamplePenaltyOfTensor() {
	regularizer, _ := l1l2.New(1, 0)
	matrix := []float64{1, 2, 3, 4, 5, 6} // 2 x 3
	column := l1l2.Tensor[float64]{Data: matrix, Offset: 1, Shape: []int{2}, Strides: []int{3}}
	fmt.Println(l1l2.PenaltyOfTensor(regularizer, column))
	// Output: 7 <nil>
}

func ExamplePenaltiesOfTerms() {
	regularizer, _ := l1l2.New(1, 0)
	kernel, bias := make([]float32, 1000), []float64{-3, 4}
	terms := []l1l2.Term{l1l2.NewTerm(regularizer, kernel), l1l2.NewTerm(regularizer, bias)}
	fmt.Println(l1l2.PenaltiesOfTerms(terms, 2))
	// Output: [0 7] 7 <nil>
}

func ExampleExactSums_Subtract() {
	var all, first l1l2.ExactSums
	err := errors.Join(
		l1l2.AddExact(&all, []float64{1e200, 3, 4}),
		l1l2.AddExact(&first, []float64{1e200}),
		all.Subtract(&first),
	)
	norm, err2 := all.Norm()
	fmt.Println(norm, err, err2)
	// Output: 5 <nil> <nil>
}

func ExampleClipByNorm() {
	kernel, bias := []float32{3, 0}, []float64{4}
	first, err := l1l2.NewTermWithOut(nil, kernel, kernel)
	second, err2 := l1l2.NewTermWithOut(nil, bias, bias)
	if err != nil || err2 != nil {
		panic(errors.Join(err, err2))
	}
	fmt.Println(l1l2.ClipByNorm([]l1l2.Term{first, second}, 2.5, 2))
	fmt.Println(kernel, bias)
	// Output:
	// 5 <nil>
	// [1.5 0] [2]
}

func ExampleProxStepWithSteps() {
	regularizer, _ := l1l2.New(1, 0)
	weights, gradient := []float32{1, -3}, []float32{2, 2}
	steps := []float32{1, 0.5} // of proximal Adagrad, for one
	fmt.Println(l1l2.ProxStepWithSteps(regularizer, weights, gradient, 0.5, steps, weights), weights)
	// Output: <nil> [0 -3.25]
}
