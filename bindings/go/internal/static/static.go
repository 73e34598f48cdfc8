// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

// Package static holds the static library for cgo on Linux, libl1l2_linux_ARCH.syso, which build.sh
// makes: the Go command links it into every program that imports this package.
package static

import "C"
