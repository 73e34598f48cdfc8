// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

// Package shared holds the shared libraries for programs that do not link the static one: for each
// system libl1l2_SYSTEM_ARCH.so, and embed_SYSTEM_ARCH.go, which embeds it there. embed.sh makes both.
package shared

// Library is the one for this system, or nil if there is none.
var Library []byte
