// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || windows

// Package shared holds the shared libraries for programs without cgo, libl1l2_SYSTEM_ARCH.so, which
// build.sh makes.
package shared

import "embed"

//go:embed *
var files embed.FS

// Library returns the shared library for a system, or nil if there is none.
func Library(system, architecture string) []byte {
	library, err := files.ReadFile("libl1l2_" + system + "_" + architecture + ".so")
	if err != nil {
		return nil
	}
	return library
}
