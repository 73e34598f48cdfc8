#!/usr/bin/env bash
# Checks that a conformance test notices vectors that are wrong:
#     changes.sh WORK_DIR COMMAND...
#
# What the conformance test of a language keeps to:
#   * It reads the file that the environment variable L1L2_VECTORS names. bindings/LANGUAGE/test.sh sets it
#     to tests/conformance/vectors.txt, this script to a file of its own.
#   * For each case that fails it prints FILE:LINE followed by what differs, where FILE is L1L2_VECTORS as it
#     was given and LINE counts from 1. It goes on to the last case, then exits with a status other than 0.
#
# The file made here (WORK_DIR/changed.txt) alternates a correct case and a wrong one. There is a wrong
# case for every output of every operation, with its lowest bit flipped, and for every operation that can
# fail, with another status. COMMAND must fail and name the lines of the wrong cases and no other.
set -euo pipefail
vectors=$(cd "$(dirname "$0")" && pwd)/vectors.txt
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift

awk '
    /^#/ { next }
    { split($0, field, " ") }
    !(field[1] in seen) { operations[++n] = field[1]; seen[field[1]] }
    / -> 0 / { correct[$1] = $0 }
    / -> [1-9]/ { failing[$1] = $0 }
    # With the lowest bit of its last digit flipped.
    function flipped(text,  last) {
        last = length(text)
        return substr(text, 1, last - 1) \
            substr("1032547698badcfe", index("0123456789abcdef", substr(text, last)), 1)
    }
    function write(right, wrong) {
        print right
        print wrong
    }
    END {
        for (o = 1; o <= n; ++o) {
            good = correct[operations[o]]
            fields = split(good, field, " ")
            for (first = 1; field[first] != "->";) ++first
            for (i = first + 2; i <= fields; ++i) {
                text = field[1]
                for (j = 2; j <= fields; ++j) text = text " " (j == i ? flipped(field[j]) : field[j])
                write(good, text)
            }
            if (operations[o] in failing) {
                bad = failing[operations[o]]
                sub(/ -> .*/, " -> 99", bad)
                write(failing[operations[o]], bad)
            }
        }
    }' "$vectors" >"$work/changed.txt"

if L1L2_VECTORS=$work/changed.txt "$@" >"$work/changed.out" 2>&1; then
    echo "wrong vectors were not noticed: $*" >&2
    exit 1
fi
seq 2 2 "$(wc -l <"$work/changed.txt")" >"$work/expected.lines"
grep -oE "changed\.txt:[0-9]+" "$work/changed.out" | sed 's/.*://' | sort -nu >"$work/named.lines" || true
if ! diff "$work/expected.lines" "$work/named.lines" >"$work/lines.diff"; then
    echo "wrong lines (<) and lines that $* named (>):" >&2
    cat "$work/lines.diff" "$work/changed.out" >&2
    exit 1
fi
echo "each of $(wc -l <"$work/expected.lines") wrong cases was noticed"
