// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
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
