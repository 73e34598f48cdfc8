// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package l1l2_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"example.invalid/l1l2"
)

// peakMemory returns the most memory that the process has had, in KiB.
func peakMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	if _, err2 := fmt.Sscan(line, &kib); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return kib
}

// collect returns when the finalizers of an earlier collection, at least, have run.
func collect() {
	done := make(chan struct{})
	runtime.SetFinalizer(&struct{ pointer *int }{}, func(any) { close(done) })
	runtime.GC()
	<-done
}

func TestMemoryThatGoDidNotAllocate(t *testing.T) {
	if strings.HasPrefix(runtime.Version(), "go1.21") {
		t.Skip("its runtime.Pinner refuses such memory")
	}
	memory, err := syscall.Mmap(-1, 0, 24, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(memory)
	r, x := made(t), unsafe.Slice((*float64)(unsafe.Pointer(&memory[0])), 3)
	copy(x, []float64{1, -2, 3})
	want, err := l1l2.Penalty(r, []float64{1, -2, 3})
	alone, err2 := l1l2.Penalty(r, x)
	ofTensor, err3 := l1l2.PenaltyOfTensor(r, vector(x))
	_, total, err4 := l1l2.PenaltiesOfTerms([]l1l2.Term{l1l2.NewTerm(r, x)}, 2)
	if err := errors.Join(err, err2, err3, err4); alone != want || ofTensor != want || total != want || err != nil {
		t.Error(alone, ofTensor, total, want, err)
	}
}

func TestForgottenRegularizersAreReleased(t *testing.T) {
	forget := func(count int) {
		for i := 0; i < count; i++ {
			if _, err := l1l2.New(float64(i), 0); err != nil {
				t.Fatal(err)
			}
			if i%5000 == 0 {
				collect()
			}
		}
	}
	forget(20000)
	debug.FreeOSMemory() // of the tests before, which would hide the rise
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skip("the peak of memory cannot be set back:", err)
	}
	before := peakMemory(t)
	forget(500000)
	if rise := peakMemory(t) - before; rise >= 8192 {
		t.Errorf("peak memory rose by %d KiB", rise)
	}
}

// checkClosed closes a regularizer that is closed already, and calls all else.
func checkClosed(t *testing.T, r *l1l2.Regularizer) {
	t.Helper()
	r.Close()
	x, unchanged := []float32{1}, []float32{0}
	tensor := l1l2.Tensor[float32]{Data: x, Shape: []int{1}}
	_, _, errCoefficients := r.Coefficients()
	_, errJSON := r.JSON(l1l2.JSONConfig)
	_, errPenalty := l1l2.Penalty(r, x)
	_, errSums := l1l2.PenaltyOfSums(r, &l1l2.ExactSums{})
	_, errGradient := l1l2.AddGradientWithPenalty(r, x, 1, unchanged)
	_, errTensor := l1l2.PenaltyOfTensor(r, tensor)
	for _, err := range []error{
		errCoefficients, errJSON, errPenalty, errSums, errGradient, errTensor,
		l1l2.AddGradient(r, x, 1, unchanged), l1l2.Prox(r, x, 1, unchanged),
		l1l2.ProxOfTensor(r, tensor, 1, tensor), l1l2.ProxStep(r, x, x, 1, unchanged),
		l1l2.ProxStepOfTensor(r, tensor, tensor, 1, tensor),
	} {
		refused(t, err, l1l2.InvalidArgument)
	}
	if unchanged[0] != 0 || x[0] != 1 || r.String() != "closed" {
		t.Error("something was written", unchanged, x, r)
	}
}

func checkCoefficients(t *testing.T, r *l1l2.Regularizer, wantL1, wantL2 float64) {
	t.Helper()
	if l1, l2, err := r.Coefficients(); l1 != wantL1 || l2 != wantL2 || err != nil {
		t.Error(l1, l2, err)
	}
}

func TestAClosedRegularizerIsRefused(t *testing.T) {
	checkClosed(t, nil)
	checkClosed(t, &l1l2.Regularizer{})
	r, err := l1l2.New(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	shared := *r
	r = nil
	collect()
	collect()
	checkCoefficients(t, &shared, 1, 2) // a copy outlives the original
	another := shared
	shared.Close()
	// The next two take the same memory if the first is freed twice.
	first, err := l1l2.New(3, 4)
	checkClosed(t, &shared)
	checkClosed(t, &another)
	second, err2 := l1l2.New(5, 6)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	checkCoefficients(t, first, 3, 4)
	checkCoefficients(t, second, 5, 6)
}

// A regularizer that nothing but a call has lives until the call returns.
func TestCollectionsDuringCalls(t *testing.T) {
	x, out := make([]float64, 1<<22), make([]float64, 1<<22) // long enough that a collection ends meanwhile
	for i := range x {
		x[i] = 1 / float64(len(x))
	}
	const step = 1.0 / 1024
	// Each returns l1, which the library reads after it has gone through an array.
	calls := []func(r *l1l2.Regularizer) (float64, error){
		func(r *l1l2.Regularizer) (float64, error) { return l1l2.Penalty(r, x) },
		func(r *l1l2.Regularizer) (float64, error) { return l1l2.PenaltyOfTensor(r, vector(x)) },
		func(r *l1l2.Regularizer) (float64, error) { return l1l2.AddGradientWithPenalty(r, x, 1, out) },
		func(r *l1l2.Regularizer) (float64, error) {
			return l1l2.AddGradientOfTensor(r, vector(x), 1, vector(out))
		},
		func(r *l1l2.Regularizer) (float64, error) {
			_, total, err := l1l2.PenaltiesOfTerms([]l1l2.Term{l1l2.NewTerm(r, x)}, 1)
			return total, err
		},
		func(r *l1l2.Regularizer) (float64, error) {
			err := l1l2.ProxStepWithSteps(r, x, nil, step, x, out)
			return (1 - out[0]/x[0]) / step, err
		},
		func(r *l1l2.Regularizer) (float64, error) {
			err := l1l2.ProxStepWithStepsOfTensor(r, vector(x), l1l2.Tensor[float64]{}, step, vector(x), vector(out))
			return (1 - out[0]/x[0]) / step, err
		},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < 20*len(calls); i++ {
			r, err := l1l2.New(float64(i), 0)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := calls[i%len(calls)](r); got != float64(i) || err != nil {
				t.Error(i, got, err)
			}
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
			runtime.GC()
		}
	}
}

func TestAnArrayOf1GiBIsNotCopied(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection takes memory of its own
	r, zero := made(t), l1l2.Tensor[float32]{}
	run := func(x []float32) (penalty float64, sums l1l2.ExactSums) {
		half := len(x) / 2
		low, high := x[:half], x[half:]
		term, err := l1l2.NewTermWithStep(r, low, high, low)
		terms := []l1l2.Term{term}
		penalty, err2 := l1l2.Penalty(r, x)
		_, err3 := l1l2.PenaltyOfTensor(r, vector(x))
		_, err4 := l1l2.AddGradientOfTensor(r, vector(low), 0, vector(high))
		_, _, err5 := l1l2.PenaltiesOfTerms(terms, 2)
		_, _, err6 := l1l2.AddGradientOfTerms(terms, 0, 2)
		_, err7 := l1l2.ClipByNorm(terms, 1e9, 2)
		for i, err := range []error{
			err, err2, err3, err4, err5, err6, err7,
			l1l2.AddExact(&sums, x), l1l2.AddExactTensor(&sums, vector(x)), l1l2.AddExactTerms(&sums, terms, 2),
			l1l2.AddGradient(r, low, 0, high), l1l2.Prox(r, x, 0, x), l1l2.ProxOfTensor(r, vector(x), 0, vector(x)),
			l1l2.ProxStep(r, low, high, 0, low), l1l2.ProxStepWithSteps(r, low, nil, 0, high, low),
			l1l2.ProxStepOfTensor(r, vector(low), zero, 0, vector(low)),
			l1l2.ProxOfTerms(terms, 0, 2), l1l2.ProxStepOfTerms(terms, 0, 2),
		} {
			if err != nil {
				t.Error(i, err)
			}
		}
		return penalty, sums
	}
	x := make([]float32, 1<<28)
	for i := range x {
		x[i] = 1
	}
	run(x[:1<<18]) // the first calls start threads
	before := peakMemory(t)
	penalty, sums := run(x)
	rise := peakMemory(t) - before
	t.Logf("an array of 1024 MiB: peak memory rose by %d KiB", rise)
	absolute, _, _, err := sums.Read()
	l1, l2, n := 0.01, 0.02, float64(len(x)) // Go would add constants without rounding
	if rise >= 1126 || penalty != (l1+l2)*n || absolute != 2.5*n || err != nil {
		t.Error(rise, penalty, absolute, err)
	}
}
