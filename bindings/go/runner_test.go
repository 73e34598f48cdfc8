// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestAsManyGoroutinesAsAskedWorkAtOnce(t *testing.T) {
	var arrived, left, running, calls atomic.Int32
	start := time.Now()
	runTasks(3, 3, func(index uintptr) {
		arrived.Add(1)
		for arrived.Load() < 3 {
			if time.Since(start) > 10*time.Second {
				t.Error("fewer than three")
				return
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(index) * 10 * time.Millisecond) // the caller's own, as a rule, is the first
		left.Add(1)
	})
	if left.Load() != 3 {
		t.Error("it returned before all tasks had", left.Load())
	}
	runTasks(2, 20, func(uintptr) {
		if running.Add(1) > 2 {
			t.Error("more than two")
		}
		time.Sleep(time.Millisecond)
		running.Add(-1)
		calls.Add(1)
	})
	if calls.Load() != 20 {
		t.Error(calls.Load())
	}
}

// Each goroutine but the caller's is an allocation more.
func TestGoroutinesAreMadeIfMoreThanOneAreAskedFor(t *testing.T) {
	r, err := New(0.01, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	var terms []Term
	for i := 0; i < 4; i++ {
		x := make([]float64, 1<<16)
		term, err := NewTermWithStep(r, x, make([]float64, len(x)), x)
		if err != nil {
			t.Fatal(err)
		}
		terms = append(terms, term)
	}
	var sums ExactSums
	for name, call := range map[string]func(goroutines int) error{
		"PenaltiesOfTerms": func(goroutines int) error {
			_, _, err := PenaltiesOfTerms(terms, goroutines)
			return err
		},
		"AddGradientOfTerms": func(goroutines int) error {
			_, _, err := AddGradientOfTerms(terms, 1, goroutines)
			return err
		},
		"ProxOfTerms":     func(goroutines int) error { return ProxOfTerms(terms, 1, goroutines) },
		"ProxStepOfTerms": func(goroutines int) error { return ProxStepOfTerms(terms, 1, goroutines) },
		"AddExactTerms":   func(goroutines int) error { return AddExactTerms(&sums, terms, goroutines) },
		"ClipByGivenNorm": func(goroutines int) error { return ClipByGivenNorm(terms, 2, 1, goroutines) },
	} {
		allocations := func(goroutines int) float64 {
			return testing.AllocsPerRun(20, func() { err = errors.Join(err, call(goroutines)) })
		}
		none, one, three := allocations(-1), allocations(1), allocations(3)
		if three < one+2 || none >= one+2 || err != nil {
			t.Error(name, none, one, three, err)
		}
	}
}
