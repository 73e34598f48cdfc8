#!/usr/bin/env bash
# Whether l1l2_from_json is linear: twice the length costs at most 2.5 times the instructions, whatever
# the text. PROGRAM is json_cost; valgrind counts. Exits with 77 without valgrind.
#     tests/config/json_cost.sh PROGRAM
set -euo pipefail
command -v valgrind >/dev/null || {
    echo "no valgrind"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
valgrind --tool=callgrind --toggle-collect=l1l2_from_json --dump-after=l1l2_from_json \
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
    if [ "$whole" -lt 10000 ] || [ $((2 * whole)) -gt $((5 * half)) ]; then
        echo "$name: $half instructions for half the length, $whole for all of it"
        failed=1
    fi
done <"$folder/names"
[ "$call" -gt 100 ] # so that no text was left out
echo "$((call / 2)) texts"
exit "$failed"
