// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import "testing"

// What a call costs at least, in the same way.
func BenchmarkEmptyCall(b *testing.B) {
	if err := open(); err != nil {
		b.Fatal(err)
	}
	for i := 0; i < b.N; i++ {
		versionNumber()
	}
}

func benchmark(b *testing.B, call func(r *Regularizer, x []float32) error) {
	r, err := New(0.01, 0.02)
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, 16)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if err := call(r, x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPenaltyOf16Elements(b *testing.B) {
	benchmark(b, func(r *Regularizer, x []float32) error {
		_, err := Penalty(r, x)
		return err
	})
}

func BenchmarkGradientOf16Elements(b *testing.B) {
	gradient := make([]float32, 16)
	benchmark(b, func(r *Regularizer, x []float32) error { return AddGradient(r, x, 1, gradient) })
}

func BenchmarkPenaltyOfATensorOf16Elements(b *testing.B) {
	benchmark(b, func(r *Regularizer, x []float32) error {
		_, err := PenaltyOfTensor(r, Tensor[float32]{Data: x, Shape: []int{4, 4}, Strides: []int{1, 4}})
		return err
	})
}

func BenchmarkExactSumsOf16Elements(b *testing.B) {
	var sums ExactSums
	benchmark(b, func(_ *Regularizer, x []float32) error { return AddExact(&sums, x) })
}
