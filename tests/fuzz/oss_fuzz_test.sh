#!/usr/bin/env bash
# Builds the fuzzers by oss_fuzz.sh with OSS-Fuzz's variables, and runs each for a second:
#     oss_fuzz_test.sh SOURCE WORK
# Exits with 77 without a clang that has libFuzzer.
set -euo pipefail
cd "$1"
. scripts/lib/clang.sh
work=$2
program='extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
CXX=$(find_clang "$program" -fsanitize=fuzzer)
if [ -z "$CXX" ]; then
    echo "no clang++ with -fsanitize=fuzzer"
    exit 77
fi
rm -rf "$work/out"
mkdir -p "$work/out" "$work/build"
export CXX CC=${CXX/clang++/clang} OUT=$work/out WORK=$work/build LIB_FUZZING_ENGINE=-fsanitize=fuzzer
export CFLAGS="-O1 -gline-tables-only -fsanitize=fuzzer-no-link" # those of engine and coverage alone build fastest
export CXXFLAGS=$CFLAGS
tests/fuzz/oss_fuzz.sh >"$work/log" 2>&1 || {
    tail -n 30 "$work/log"
    exit 1
}
cd "$work/out"
for options in *.options; do
    target=${options%.options}
    seeds=$work/seeds/$target
    rm -rf "$seeds"
    mkdir -p "$seeds"
    (cd "$seeds" && cmake -E tar xf "$OUT/${target}_seed_corpus.zip")
    seed_count=$(find "$seeds" -type f | wc -l)
    mapfile -t arguments < <(sed -n 's/^\(max_len\|dict\) = /-\1=/p' "$options")
    [ "$seed_count" -gt 10 ] || { echo "$target has $seed_count seeds" && exit 1; }
    "./$target" "${arguments[@]}" -max_total_time=1 -artifact_prefix="$work/" "$seeds" >"$work/$target.log" 2>&1 || {
        tail -n 30 "$work/$target.log"
        exit 1
    }
    echo "$target: $seed_count seeds, $(grep '^Done ' "$work/$target.log")"
done | tee "$work/ran"
[ "$(wc -l <"$work/ran")" -eq 6 ]
