// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !windows

package l1l2

/*
#include <stddef.h>
#include <stdint.h>

static void call_task(void* task, void* work, size_t index) {
	((void (*)(void*, size_t))task)(work, index);
}
*/
import "C"

import "unsafe"

// goRunTasks is the library's runner, whose state is the number of goroutines.
//
//export goRunTasks
func goRunTasks(goroutines C.uintptr_t, task, work unsafe.Pointer, count C.size_t) C.int32_t {
	runTasks(uintptr(goroutines), uintptr(count), func(index uintptr) {
		C.call_task(task, work, C.size_t(index))
	})
	return 0
}
