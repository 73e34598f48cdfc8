#!/usr/bin/env bash
# Checks the layout of every C and C++ source: format.sh SOURCE CLANG_FORMAT
# Other versions than 14 lay out some lines differently; without it the test is skipped.
set -euo pipefail
if [ ! -x "${2:-}" ]; then
    echo "clang-format-14 is not installed"
    exit 77
fi
cd "$1"
find include src capi threads tools tests bench examples bindings/node/src bindings/node/test bindings/python/src \
    \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) -print0 | xargs -0 "$2" --dry-run -Werror
