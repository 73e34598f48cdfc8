#!/usr/bin/env bash
# Runs the program of a README in a process that has the functions of another libl1l2 already, which end it:
#     other_copy.sh FOLDER COMMAND...     (FOLDER is for what it prints)
# A package calls its own. Fails unless the program prints its penalty.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
printed=$(realpath "$1")/printed
folder=$(mktemp -d) # LD_PRELOAD ends at a space, which the requested folder may have in its path
trap 'rm -r "$folder"' EXIT
{
    echo '#include <fcntl.h>'
    echo '#include <stdlib.h>'
    echo "__attribute__((constructor)) static void leave(void) { (void)!open(\"$folder/loaded\", O_CREAT | O_WRONLY, 0600); }"
    grep -oE '\bl1l2_[a-z0-9_]+' "$root/capi/l1l2.map" | sort -u | sed 's/.*/void &(void) { abort(); }/'
} >"$folder/other.c"
"${CC:-cc}" -shared -fPIC -Wl,-soname,libl1l2.so.0 "$folder/other.c" -o "$folder/other.so"
LD_PRELOAD=$folder/other.so "${@:2}" >"$printed"
[ -e "$folder/loaded" ] || {
    echo "the other libl1l2 was not loaded" >&2
    exit 1
}
grep -qE '^penalty 0\.15375(,|$)' "$printed" || {
    echo "beside another libl1l2: $(cat "$printed")" >&2
    exit 1
}
