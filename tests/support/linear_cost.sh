#!/usr/bin/env bash
# Whether functions are linear: twice the length costs at most 2.5 times the instructions.
#     linear_cost.sh PROGRAM CALLS FUNCTION
# PROGRAM calls the function twice for each line that it prints, with half of a length and with all of it, and CALLS
# times or more. valgrind counts. Exits with 77 without valgrind.
set -euo pipefail
command -v valgrind >/dev/null || {
    echo "no valgrind"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
valgrind --tool=callgrind "--toggle-collect=$3" "--dump-after=$3" \
    --callgrind-out-file="$folder/calls" "$1" >"$folder/names" 2>"$folder/log" || {
    cat "$folder/log"
    exit 1
}

# The instructions of call number $1.
instructions() {
    sed -n 's/^totals: //p' "$folder/calls.$1"
}

call=0 failed=0
while read -r name; do
    half=$(instructions $((call + 1)))
    whole=$(instructions $((call + 2)))
    call=$((call + 2))
    if [ "$whole" -lt 5000 ] || [ $((2 * whole)) -gt $((5 * half)) ]; then
        echo "$name: $half instructions for half the length, $whole for all of it"
        failed=1
    fi
done <"$folder/names"
[ "$call" -ge "$2" ] # so that none was left out
echo "$((call / 2)) cases"
exit "$failed"
