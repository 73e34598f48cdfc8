#!/usr/bin/env bash
# Measures which lines and branches of src, capi and threads the tests reach, by clang's counters:
#     scripts/coverage.sh
# Prints a line for each file, and what is not reached. Exits with 1 if a place is not reached that
# tests/coverage/unreached.txt does not explain; with 77 if clang, llvm-cov, something that a test needs or a
# CPU with AVX-512 is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
[ $# -eq 0 ] || wrong_usage "unknown argument: $*"
. scripts/lib/packages.sh
. scripts/lib/clang.sh
. scripts/lib/together.sh
. scripts/lib/figures.sh
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev catch2
offer_packages clang-14 llvm-14 libclang-rt-14-dev libdlpack-dev libtbb-dev locales python3
folder=$PWD/build-coverage
mkdir -p "$folder"
skip() {
    echo "$*"
    exit 77
}
clang=$(find_clang 'int main() {}' -fprofile-instr-generate -fcoverage-mapping)
[ -n "$clang" ] || skip "no clang++ with -fprofile-instr-generate"
version=${clang#clang++}
# Without these, code would be counted as not reached.
for tool in "llvm-cov$version" "llvm-profdata$version" python3 localedef; do
    command -v "$tool" >/dev/null || skip "no $tool"
done
for header in dlpack/dlpack.h oneapi/tbb/task_arena.h; do
    "$clang" -x c++ -std=c++17 -fsyntax-only -include "$header" /dev/null 2>/dev/null || skip "no $header"
done

export LLVM_PROFILE_FILE=$folder/profiles/%p-%m.profraw
# Atomic counters, as threads that count at once would lose some, and a difference of such counters wraps. Of
# unoptimised tests the run takes longer than optimising them.
configure "$folder" "$clang" -DCMAKE_BUILD_TYPE=Debug -DL1L2_BUILD_THREADS=ON -DL1L2_BUILD_TOOLS=OFF \
    -DCMAKE_CXX_FLAGS_DEBUG="-O1 -fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic"
targets=(unit_tests allocation_tests threads_tests bits)
log=$folder/log
cmake --build "$folder" --parallel "$(nproc)" --target "${targets[@]}" >"$log" 2>&1 || {
    tail -n 40 "$log"
    exit 1
}
tests=$folder/tests
[ "$(L1L2_ISA=avx512bw "$tests/bits/bits" isa)" = avx512bw ] || skip "this CPU has no AVX-512"

rm -rf "$folder/profiles"
# The exhaustive tests take ten minutes, and reach nothing but a few places that the list names.
commands=("./unit_tests '[terms]'" "./unit_tests '~[terms]~[kernels]~[locale]~[isa]'"
    "./unit_tests '[kernels]~[isa]~[exhaustive]'" "./allocation_tests '~[isa]'"
    ./threads_tests)
for isa in generic sse2 avx2 avx512bw neon64 none; do
    commands+=("L1L2_ISA=$isa ./unit_tests '[isa]'")
done
for locale in de_DE ps_AF; do
    commands+=("LOCPATH=locales L1L2_TEST_LOCALE=$locale.UTF-8 ./unit_tests '[locale]'")
done
(cd "$tests" && run_together "$log" "${commands[@]}")

"llvm-profdata$version" merge -sparse "$folder"/profiles/*.profraw -o "$folder/profile"
"llvm-cov$version" export -format=lcov "$tests/unit_tests" -object "$folder/capi/libl1l2.so.0" \
    -object "$folder/threads/libl1l2_threads.so.0" -instr-profile="$folder/profile" \
    "$PWD/src" "$PWD/capi" "$PWD/threads" >"$folder/lcov"
python3 tests/coverage/report.py "$folder/lcov" tests/coverage/unreached.txt | tee "$folder/report"
figure coverage "$(awk '$1 == "all" { print $3 " of " $2 " lines, " $5 " of " $4 " branches; the rest is explained" }' \
    "$folder/report")"
