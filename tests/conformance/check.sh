#!/usr/bin/env bash
# Runs one language's programs against an installed prefix:
#     check.sh LANGUAGE SOURCE PREFIX WORK     (SOURCE the project's tree, WORK a folder of its own)
# Exits with 77, which means skipped, if the language's tools are not there.
#
# What it needs to know of a language is in examples/LANGUAGE/programs.sh, which is called in WORK:
#     programs.sh build                  builds; exits with 77 and says what is missing if it cannot
#     programs.sh variants               names the ways in which the language reaches the library
#     programs.sh VARIANT example        runs the example, which prints "penalty 0.15375"
#     programs.sh VARIANT conformance vectors FILE | memory | lifetimes
# Or a folder has a check.sh instead, which does all that is to be done.
# Both have in their environment L1L2_LIBRARY, the path of the shared library for dlopen; PKG_CONFIG_PATH
# and LD_LIBRARY_PATH, for those who link it.
set -euo pipefail
language=$1 source=$2 prefix=$3 work=$4
vectors=$source/tests/conformance/vectors.txt
programs=$source/examples/$language/programs.sh

fail() {
    echo "$*" >&2
    exit 1
}

library=$(find "$prefix" -name libl1l2.so.0)
[ -n "$library" ] || fail "no libl1l2.so.0 in $prefix"
export L1L2_LIBRARY=$library
export LD_LIBRARY_PATH=${library%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH=${library%/*}/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}

mkdir -p "$work"
cd "$work"
[ ! -e "${programs%/*}/check.sh" ] || exec "${programs%/*}/check.sh"
"$programs" build
variants=$("$programs" variants)
[ -n "$variants" ] || fail "no variants"

# The last case of each operation that succeeds, with one bit changed in one of its outputs, and the last
# one that fails with another status, each in a file of its own. The programs must notice it.
cases=$(grep -vc '^#' "$vectors")
rm -f ./*.output* ./*.status
operations=$(grep -v '^#' "$vectors" | cut -d ' ' -f 1 | sort -u)
for operation in $operations; do
    awk -v operation="$operation" '
        $1 == operation && / -> 0 / { good = $0 }
        $1 == operation && / -> [1-9]/ { bad = $0 }
        # With the lowest bit of its last digit flipped.
        function changed(text,  last) {
            last = length(text)
            return substr(text, 1, last - 1) \
                substr("1032547698badcfe", index("0123456789abcdef", substr(text, last)), 1)
        }
        END {
            n = split(good, field, " ")
            for (i = 1; i <= n; ++i) {
                if (field[i] == "->") status = i + 1
                if (status == 0 || i <= status) continue
                text = field[1]
                for (j = 2; j <= n; ++j) text = text " " (j == i ? changed(field[j]) : field[j])
                print text >(operation ".output" i - status)
            }
            if (bad != "") {
                sub(/ -> .*/, " -> 99", bad)
                print bad >(operation ".status")
            }
        }' "$vectors"
done

for variant in $variants; do
    echo "$language, $variant:"
    "$programs" "$variant" example | tee example.out
    grep -qE '^penalty 0\.15375($|[^0-9])' example.out || fail "the example has not printed its penalty"

    "$programs" "$variant" conformance vectors "$vectors" | tee vectors.out
    grep -qx "$cases cases, all bits equal" vectors.out || fail "not all of $cases cases"
    for changed in ./*.output* ./*.status; do
        if "$programs" "$variant" conformance vectors "$changed" >changed.out 2>&1; then
            fail "$changed has one bit changed, which was not noticed"
        fi
        # Noticed for what it is: by its line, and not because the program broke down.
        grep -q "$changed:[0-9]" changed.out || fail "$(cat changed.out)"
    done

    "$programs" "$variant" conformance memory | tee memory.out
    rise=$(sed -n 's/^an array of 1024 MiB: peak memory rose by \([0-9]*\) KiB$/\1/p' memory.out)
    [ -n "$rise" ] || fail "no peak memory"
    [ "$rise" -lt 65536 ] || fail "an array of 1024 MiB was copied"

    "$programs" "$variant" conformance lifetimes | tee lifetimes.out
    grep -qx "handles are released" lifetimes.out || fail "handles are not released"
done
