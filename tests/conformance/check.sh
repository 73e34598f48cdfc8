#!/usr/bin/env bash
# Runs the check.sh of an example with an installed prefix:
#     check.sh EXAMPLE SOURCE PREFIX WORK     (SOURCE the project's tree, WORK a folder of its own)
# It is called in WORK, with L1L2_LIBRARY, the path of the shared library, PKG_CONFIG_PATH and LD_LIBRARY_PATH in
# its environment, and exits with 77, which means skipped, if a tool is missing.
set -euo pipefail
library=$(find "$3" -name libl1l2.so.0)
[ -n "$library" ] || {
    echo "no libl1l2.so.0 in $3" >&2
    exit 1
}
export L1L2_LIBRARY=$library
export LD_LIBRARY_PATH=${library%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH=${library%/*}/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
mkdir -p "$4"
cd "$4"
exec "$2/examples/$1/check.sh"
