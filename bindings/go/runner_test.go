// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAsManyGoroutinesAsAskedWorkAtOnce(t *testing.T) {
	var together sync.WaitGroup
	together.Add(3)
	runTasks(3, 3, func(uintptr) {
		together.Done()
		together.Wait()
	})
	var running, calls atomic.Int32
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
