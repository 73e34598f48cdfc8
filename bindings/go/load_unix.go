// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build !cgo && !windows

package l1l2

import (
	"runtime"

	"github.com/ebitengine/purego"
)

func loadLibrary(path string) (uintptr, error) {
	// dlerror knows only what failed on its own thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func findSymbol(library uintptr, name string) (uintptr, error) { return purego.Dlsym(library, name) }
