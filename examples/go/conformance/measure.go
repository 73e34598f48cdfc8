package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"example/l1l2"
)

func checkMemory() error {
	x := make([]float32, 1<<28)
	for i := range x {
		x[i] = 1
	}
	l1, l2 := 0.01, 0.02
	regularizer, err := l1l2.New(l1, l2)
	if err != nil {
		return err
	}
	defer regularizer.Close()

	before, err := peakMemory()
	if err != nil {
		return err
	}
	penalty, err := l1l2.Penalty(regularizer, x)
	if err != nil {
		return err
	}
	var sums l1l2.ExactSums
	if err := l1l2.AddExact(&sums, x); err != nil {
		return err
	}
	if err := l1l2.Prox(regularizer, x, 1, x); err != nil {
		return err
	}
	after, err := peakMemory()
	if err != nil {
		return err
	}

	// l1 and l2 are variables, since Go would add constants without rounding.
	n := float64(len(x))
	absolute, _, _, err := sums.Read()
	if err != nil || penalty != (l1+l2)*n || absolute != n || x[len(x)-1] >= 1 {
		return errors.New("a wrong result")
	}
	fmt.Printf("an array of 1024 MiB: peak memory rose by %d KiB\n", after-before)
	return nil
}

// The most memory that the process has had so far, in KiB.
func peakMemory() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	_, err = fmt.Sscan(line, &kib)
	return kib, err
}

func measureOverhead() error {
	const calls, repetitions = 20000, 31
	emptyCall, err := newEmptyCall()
	if err != nil {
		return err
	}
	regularizer, err := l1l2.New(0.01, 0.02)
	if err != nil {
		return err
	}
	defer regularizer.Close()
	x := make([]float32, 16)
	for i := range x {
		x[i] = float32(i)
	}

	var empty, full [repetitions]float64
	for r := range empty {
		start := time.Now()
		for i := 0; i < calls; i++ {
			emptyCall()
		}
		middle := time.Now()
		for i := 0; i < calls; i++ {
			if _, err := l1l2.Penalty(regularizer, x); err != nil {
				return err
			}
		}
		full[r] = float64(time.Since(middle)) / calls
		empty[r] = float64(middle.Sub(start)) / calls
	}
	sort.Float64s(empty[:])
	sort.Float64s(full[:])
	fmt.Printf("empty call %.1f ns, penalty of 16 elements %.1f ns\n",
		empty[repetitions/2], full[repetitions/2])
	return nil
}
