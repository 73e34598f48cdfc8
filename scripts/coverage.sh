#!/usr/bin/env bash
# Measures which lines and branches of src, capi and threads the tests reach, by clang's own counters:
#     scripts/coverage.sh
# Prints a line for each file, and what is not reached. Exits with 1 if something is not reached that
# tests/coverage/unreached.txt does not explain, with 77 without clang and llvm-cov.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev catch2 python3
offer_packages clang-14 llvm-14 libclang-rt-14-dev libdlpack-dev libtbb-dev locales
folder=$PWD/build-coverage
mkdir -p "$folder"
version=
for candidate in -14 -19 ''; do
    command -v "llvm-cov$candidate" >/dev/null || continue
    if echo 'int main() {}' | "clang++$candidate" -x c++ -fprofile-instr-generate - -o "$folder/probe" 2>/dev/null; then
        version=$candidate
        break
    fi
done
[ -n "${candidate+found}" ] && [ -x "$folder/probe" ] || {
    echo "no clang++ with llvm-cov"
    exit 77
}

targets=(unit_tests process_tests allocation_tests threads_tests)
cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="clang++$version" \
    -DCMAKE_C_COMPILER="clang$version" -DL1L2_BUILD_THREADS=ON \
    -DCMAKE_CXX_FLAGS="-fprofile-instr-generate -fcoverage-mapping" >"$folder/log"
cmake --build "$folder" --parallel "$(nproc)" --target "${targets[@]}" >>"$folder/log" 2>&1 || {
    tail -n 40 "$folder/log"
    exit 1
}

rm -rf "$folder/profiles"
export LLVM_PROFILE_FILE=$folder/profiles/%p-%m.profraw
run() {
    "$@" >>"$folder/log" 2>&1 </dev/null || {
        tail -n 40 "$folder/log"
        exit 1
    }
}
tests=$folder/tests
for isa in generic sse2 avx2 avx512bw neon64 none; do
    L1L2_ISA=$isa run "$tests/unit_tests" '[isa]'
done
run "$tests/unit_tests" '~[locale]~[isa]'
for locale in de_DE ps_AF; do
    LOCPATH=$tests/locales L1L2_TEST_LOCALE=$locale.UTF-8 run "$tests/unit_tests" '[locale]'
done
run "$tests/process_tests"
run "$tests/allocation_tests" '~[isa]'
run "$tests/threads_tests"

"llvm-profdata$version" merge -sparse "$folder"/profiles/*.profraw -o "$folder/profile"
"llvm-cov$version" export -format=lcov "$tests/unit_tests" -object "$folder/capi/libl1l2.so.0" \
    -object "$folder/threads/libl1l2_threads.so.0" -instr-profile="$folder/profile" \
    "$PWD/src" "$PWD/capi" "$PWD/threads" >"$folder/lcov"
python3 tests/coverage/report.py "$folder/lcov" tests/coverage/unreached.txt
