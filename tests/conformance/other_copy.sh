#!/usr/bin/env bash
# Runs the program of a README in a process that has the functions of another libl1l2 already, which end it:
#     other_copy.sh FOLDER COMMAND...
# A package calls its own. Fails unless the program prints its penalty.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
{
    echo '#include <stdlib.h>'
    grep -oE '\bl1l2_[a-z0-9_]+' "$root/capi/l1l2.map" | sort -u | sed 's/.*/void &(void) { abort(); }/'
} >"$folder/other.c"
cc -shared -fPIC -Wl,-soname,libl1l2.so.0 "$folder/other.c" -o "$folder/other.so"
printed=$(LD_PRELOAD=$folder/other.so "${@:2}")
grep -qE '^penalty 0\.15375(,|$)' <<<"$printed" || {
    echo "beside another libl1l2: $printed" >&2
    exit 1
}
