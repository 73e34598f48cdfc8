#!/usr/bin/env bash
# Runs the tests of the library's inside under tools that see what a test does not:
#     scripts/sanitize.sh [TOOL...]      all of them by default
#
#     address    clang's address, leak and undefined behaviour sanitizers, with every instruction set
#     thread     clang's thread sanitizer
#     memory     clang's memory sanitizer: no result depends on what was never written
#     valgrind   memcheck over the ordinary build, which it runs with AVX2, and leaks
#
# One line a tool. Exits with 1 if one of them has found something, with 77 if none could be run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(address thread memory valgrind)
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev catch2
offer_packages clang-14 libclang-rt-14-dev valgrind libdlpack-dev libtbb-dev
folder=$PWD/build-sanitize
mkdir -p "$folder"

# The first clang++ that links a sanitizer's program, which then runs.
find_clang() {
    local clang
    for clang in clang++ clang++-14 clang++-19; do
        if echo 'int main() {}' | "$clang" -x c++ -fsanitize="$1" - -o "$folder/probe" 2>/dev/null &&
            "$folder/probe" 2>/dev/null; then
            echo "$clang"
            return
        fi
    done
}

# quietly COMMAND...: its output goes to the tool's log, which is shown if it fails.
quietly() {
    "$@" >>"$log" 2>&1 </dev/null || {
        tail -n 60 "$log" >&2
        echo "$tool: failed: $*" >&2
        exit 1
    }
}

# build NAME CMAKE_ARGUMENT... -- TARGET...
build() {
    local name=$1 arguments=()
    shift
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    quietly cmake -S . -B "$folder/$name" -DCMAKE_BUILD_TYPE=RelWithDebInfo "${arguments[@]}"
    quietly cmake --build "$folder/$name" --parallel "$(nproc)" --target "$@"
}

# The instruction sets that a program of this build finds on this CPU.
isas() {
    local isa
    for isa in generic sse2 avx2 avx512bw neon64; do
        L1L2_ISA=$isa "$1" '[isa]' 2>/dev/null | grep -q 'this CPU does not have it' || echo "$isa"
    done
}

# The cases of the unit tests, the last line of whose output says how many there were.
summary() {
    sed -n 's/^All tests passed (\([0-9]*\) assertions in \([0-9]*\) test cases)$/\2 cases, \1 assertions/p' "$log" |
        paste -s -d + | sed 's/+/; /g'
}

# What a sanitizer cannot follow. The C++ library is not compiled with it: what its compiled part
# writes counts as unwritten, so it is compiled here as far as it consists of templates, and its headers
# and Catch2's are not looked at. strlen is called in there on what it has written itself.
memory_flags() {
    mkdir -p "$folder/headers/bits"
    local header
    header=$(echo '#include <cstddef>' | "$clang" -x c++ -M - | grep -o '[^ ]*/bits/c++config.h')
    sed 's/\(define _GLIBCXX_EXTERN_TEMPLATE\) 1/\1 0/' "$header" >"$folder/headers/bits/c++config.h"
    cat >"$folder/ignored" <<'END_OF_LIST'
[memory]
src:*/include/c++/*
src:*/include/catch2/*
# std::to_chars and std::from_chars of a double are in the compiled part.
src:*/src/decimal_charconv.cpp
END_OF_LIST
    # A flag of CMake's ends at a space.
    ln -sfn "$folder" "$alias"
    echo "-isystem $alias/headers -fsanitize-ignorelist=$alias/ignored"
}

alias=$(mktemp -u)
trap 'rm -f "$alias"' EXIT
ran=0
for tool in "${tools[@]}"; do
    log=$folder/$tool.log
    : >"$log"
    case $tool in
    address) sanitizers=address,undefined ;;
    thread | memory) sanitizers=$tool ;;
    valgrind) sanitizers= ;;
    *)
        sed -n '2,11p' "$0" >&2
        exit 2
        ;;
    esac
    if [ -n "$sanitizers" ]; then
        clang=$(find_clang "$sanitizers")
        if [ -z "$clang" ]; then
            echo "$tool: skipped, as no clang++ has -fsanitize=$sanitizers"
            continue
        fi
        compiler=(-DCMAKE_CXX_COMPILER="$clang" -DCMAKE_C_COMPILER="${clang/clang++/clang}"
            -DL1L2_SANITIZE="$sanitizers")
    elif ! command -v valgrind >/dev/null; then
        echo "valgrind: skipped, as it is not installed"
        continue
    fi
    begin=$SECONDS
    tests=$folder/$tool/tests
    case $tool in
    address)
        build address "${compiler[@]}" -- unit_tests process_tests
        for isa in $(isas "$tests/unit_tests"); do
            quietly env L1L2_ISA="$isa" "$tests/unit_tests" '[isa],[bits]'
        done
        quietly "$tests/unit_tests" '~[locale]~[isa]~[bits]'
        quietly "$tests/process_tests"
        ;;
    thread)
        build thread "${compiler[@]}" -- unit_tests process_tests
        quietly "$tests/process_tests"
        quietly "$tests/unit_tests" '~[locale]~[isa]'
        ;;
    memory)
        flags=$(memory_flags)
        build memory "${compiler[@]}" -DL1L2_BUILD_THREADS=OFF -DCMAKE_CXX_FLAGS="$flags" -- unit_tests
        quietly env MSAN_OPTIONS=intercept_strlen=0 "$tests/unit_tests" '~[locale]~[isa]'
        ;;
    valgrind)
        build valgrind -- unit_tests process_tests
        # It computes in one rounding mode, without flush-to-zero, and long double as double.
        memcheck=(valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible)
        quietly "${memcheck[@]}" "$tests/unit_tests" '~[locale]~[isa]~*environment*~*rounding mode*~*half an ulp*'
        quietly "${memcheck[@]}" "$tests/process_tests"
        ;;
    esac
    echo "$tool: nothing found in $(summary), $((SECONDS - begin)) seconds"
    ran=1
done
[ $ran -eq 1 ] || exit 77
