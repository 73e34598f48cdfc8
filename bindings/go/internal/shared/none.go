// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !windows

// Package shared holds the shared libraries for programs without cgo.
package shared

// Library returns nil: with cgo there is the static library.
func Library(_, _ string) []byte { return nil }
