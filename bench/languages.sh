#!/usr/bin/env bash
# What a call costs in each language: prints the table of docs/languages.md. Takes four minutes, after
# scripts/test.sh --languages has installed the tools. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=$PWD/build-bench/prefix
cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF >/dev/null
cmake --build build-bench --parallel "$(nproc)" >build-bench/log
cmake --install build-bench --prefix "$prefix" >/dev/null

# In rounds, of which the best counts: a virtual machine has neighbours, who can only make a call slower.
measured=build-bench/languages.csv
: >"$measured"
for _ in 1 2 3 4 5 6 7; do
    while read -r language; do
        [ -e "examples/$language/programs.sh" ] || continue
        tests/conformance/check.sh overhead "$language" "$PWD" "$prefix" \
            "$PWD/build-bench/languages/$language" </dev/null >build-bench/out || {
            [ $? -eq 77 ] || exit 1
            cat build-bench/out >&2
            continue
        }
        cat build-bench/out >>"$measured"
    done <tests/conformance/languages.txt
done

# best VARIANT FIELD
best() { grep -F "$1: empty" "$measured" | cut -d ' ' -f "$2" | sort -g | head -n 1; }
echo '| | empty call | penalty of 16 elements | above the empty call |'
echo '|---|---:|---:|---:|'
sed -n 's/: empty call .*//p' "$measured" | awk '!seen[$0]++' | while read -r variant; do
    awk -v variant="$variant" -v empty="$(best "$variant" 5)" -v full="$(best "$variant" 11)" \
        'function ns(t) { return sprintf(t < 100 ? "%.1f ns" : "%.0f ns", t) }
        BEGIN { print "| " variant " | " ns(empty) " | " ns(full) " | " ns(full - empty) " |" }'
done
