package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"example/l1l2"
)

func checkLifetimes() error {
	// First, while no call has opened the library.
	for _, never := range []*l1l2.Regularizer{nil, {}} {
		if err := checkClosed(never); err != nil {
			return fmt.Errorf("a regularizer that was never made: %w", err)
		}
	}
	if err := firstError(checkForgotten(), checkClose(), checkGoroutines()); err != nil {
		return err
	}
	fmt.Println("handles are released")
	return nil
}

func checkForgotten() error {
	if err := forget(20000); err != nil {
		return err
	}
	before, err := peakMemory()
	if err != nil {
		return err
	}
	if err := forget(500000); err != nil {
		return err
	}
	after, err := peakMemory()
	if err != nil {
		return err
	}
	if after-before >= 8192 {
		return fmt.Errorf("forgotten regularizers: peak memory rose by %d KiB", after-before)
	}
	return nil
}

func forget(count int) error {
	const batch = 5000
	for i := 0; i < count; i += batch {
		for j := 0; j < batch; j++ {
			if _, err := l1l2.New(float64(i), float64(j)); err != nil {
				return err
			}
		}
		collect()
	}
	return nil
}

// collect waits until the finalizers run: those of a collection before, at least, have run then.
func collect() {
	done := make(chan struct{})
	runtime.SetFinalizer(&struct{ pointer *int }{}, func(any) { close(done) })
	runtime.GC()
	<-done
}

// checkClosed closes a regularizer that is closed already, and calls everything else.
func checkClosed(r *l1l2.Regularizer) error {
	r.Close()
	x, unchanged := []float32{1}, []float32{0}
	_, _, errCoefficients := r.Coefficients()
	_, errJSON := r.JSON(l1l2.JSONConfig)
	_, errPenalty := l1l2.Penalty(r, x)
	_, errPenaltyOfSums := l1l2.PenaltyOfSums(r, &l1l2.ExactSums{})
	_, errWithPenalty := l1l2.AddGradientWithPenalty(r, x, 1, unchanged)
	for _, err := range []error{
		errCoefficients, errJSON, errPenalty, errPenaltyOfSums, errWithPenalty,
		l1l2.AddGradient(r, x, 1, unchanged),
		l1l2.Prox(r, x, 1, unchanged),
	} {
		if err := sameStatus(err, l1l2.InvalidArgument); err != nil {
			return err
		}
	}
	if unchanged[0] != 0 {
		return errors.New("something was written")
	}
	return nil
}

func checkClose() error {
	r, err := l1l2.New(1, 2)
	if err != nil {
		return err
	}
	shared := *r
	r = nil
	collect()
	collect()
	if err := checkCoefficients(&shared, 1, 2); err != nil {
		return fmt.Errorf("a copy that outlives the original: %w", err)
	}

	another := shared
	shared.Close()
	// These two take the same memory if the first is freed twice.
	first, err := l1l2.New(3, 4)
	if err != nil {
		return err
	}
	defer first.Close()
	err = firstError(checkClosed(&shared), checkClosed(&another))
	second, errSecond := l1l2.New(5, 6)
	if err := firstError(err, errSecond); err != nil {
		return fmt.Errorf("a closed regularizer: %w", err)
	}
	defer second.Close()
	return firstError(checkCoefficients(first, 3, 4), checkCoefficients(second, 5, 6))
}

func checkCoefficients(r *l1l2.Regularizer, wantL1, wantL2 float64) error {
	l1, l2, err := r.Coefficients()
	return firstError(err, sameFloat("l1", l1, wantL1), sameFloat("l2", l2, wantL2))
}

// checkGoroutines collects while nothing but a call has its regularizer.
func checkGoroutines() error {
	const calls = 200
	x := make([]float64, 1<<20) // long enough that a collection ends meanwhile
	for i := range x {
		x[i] = 1
	}
	var failures [goroutines]error
	var group sync.WaitGroup
	for i := range failures {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for call := 0; call < calls && failures[i] == nil; call++ {
				l1 := float64(i*calls + call)
				r, err := l1l2.New(l1, 0)
				if err != nil {
					failures[i] = err
					return
				}
				got, err := l1l2.Penalty(r, x)
				failures[i] = firstError(err, sameFloat("penalty", got, float64(len(x))*l1))
			}
		}(i)
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for {
		select {
		case <-done:
			return firstError(failures[:]...)
		default:
			runtime.GC()
		}
	}
}
