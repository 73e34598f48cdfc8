// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux && !l1l2_shared

package l1l2

import _ "example.invalid/l1l2/internal/static" // what cgo.go links, if build.sh has made it
