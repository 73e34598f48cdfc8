// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

// Example computes the penalty, the gradient and the proximal operator of four weights.
package main

import (
	"errors"
	"fmt"
	"log"
	"sync"

	"example.invalid/l1l2"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	weights := []float32{0.5, -1.25, 0, 2}

	regularizer, err := l1l2.New(0.01, 0.02)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	penalty, err := l1l2.Penalty(regularizer, weights)
	if err != nil {
		return err
	}
	fmt.Println("penalty", penalty)

	// Added to a gradient that is there already; the penalty comes from the same pass.
	gradient := make([]float32, len(weights))
	penalty, err = l1l2.AddGradientWithPenalty(regularizer, weights, 1, gradient)
	if err != nil {
		return err
	}
	fmt.Println("gradient", gradient, "and penalty", penalty)

	// The last argument may be the weights themselves.
	shrunk := make([]float32, len(weights))
	if err := l1l2.Prox(regularizer, weights, 0.1, shrunk); err != nil {
		return err
	}
	fmt.Println("prox", shrunk)

	// Of pieces, which may come from anywhere in any order.
	var sums l1l2.ExactSums
	for _, piece := range [][]float32{weights[2:], weights[:2]} {
		if err := l1l2.AddExact(&sums, piece); err != nil {
			return err
		}
	}
	penalty, err = l1l2.PenaltyOfSums(regularizer, &sums)
	if err != nil {
		return err
	}
	fmt.Println("of two pieces", penalty)

	text, err := regularizer.JSON(l1l2.JSONKeras3)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", text)
	fromText, err := l1l2.FromJSON(text)
	if err != nil {
		return err
	}
	defer fromText.Close()
	l1, l2, err := fromText.Coefficients()
	if err != nil {
		return err
	}
	fmt.Println("l1", l1, "l2", l2)

	var refused *l1l2.Error
	if _, err := l1l2.New(-1, 0.02); errors.As(err, &refused) {
		fmt.Println("status", refused.Status, refused.Message)
	}
	if _, err := l1l2.FromJSON([]byte(`{"l3": 0.01}`)); errors.As(err, &refused) {
		fmt.Println("status", refused.Status, refused.Message)
	}

	// A regularizer never changes, so goroutines share it.
	var penalties [4]float64
	var failures [4]error
	var group sync.WaitGroup
	for i := range penalties {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			penalties[i], failures[i] = l1l2.Penalty(regularizer, weights[:i+1])
		}(i)
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	fmt.Println("goroutines", penalties)

	version, err := l1l2.Version()
	if err != nil {
		return err
	}
	isa, err := l1l2.ISA()
	if err != nil {
		return err
	}
	fmt.Printf("libl1l2 %s, %s\n", version, isa)
	return nil
}
