#!/usr/bin/env bash
# Puts a shared library into the module, for programs that are built for its system without the static one:
#     embed.sh MODULE SYSTEM ARCH LIBRARY
# SYSTEM and ARCH are Go's names. build.sh and stage.sh run it.
set -euo pipefail
folder=$1/internal/shared name=$2_$3
install -m 644 "$4" "$folder/libl1l2_$name.so"
cat >"$folder/embed_$name.go" <<END
// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build (!cgo || !linux) && !l1l2_shared

package shared

import _ "embed"

//go:embed libl1l2_$name.so
var embedded []byte

func init() { Library = embedded }
END
