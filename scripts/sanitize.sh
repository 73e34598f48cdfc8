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
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. scripts/lib/packages.sh
. scripts/lib/clang.sh
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(address thread memory valgrind)
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev catch2
offer_packages clang-14 libclang-rt-14-dev valgrind libdlpack-dev libtbb-dev
folder=$PWD/build-sanitize
mkdir -p "$folder"

# quietly COMMAND...: its output goes to the tool's log, which is shown if it fails.
quietly() {
    "$@" >>"$log" 2>&1 </dev/null || {
        tail -n 60 "$log" >&2
        echo "$tool: failed: $*" >&2
        exit 1
    }
}

# build CMAKE_ARGUMENT...: the programs that are run, in the tool's folder.
build() {
    quietly configure "$folder/$tool" "$compiler" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DL1L2_BUILD_THREADS=OFF "$@"
    quietly cmake --build "$folder/$tool" --parallel "$(nproc)" --target unit_tests process_tests
}

# The instruction sets that a program of this build finds on this CPU.
isas() {
    local isa
    for isa in generic sse2 avx2 avx512bw neon64; do
        [[ $(L1L2_ISA=$isa "$1" '[isa]' 2>&1) == *'this CPU does not have it'* ]] || echo "$isa"
    done
}

# How many test cases and assertions the log has, of all runs.
summary() {
    sed -n 's/^All tests passed (\([0-9]*\) assertions in \([0-9]*\) test cases*)$/\1 \2/p' "$log" |
        awk '{ assertions += $1; cases += $2 } END { print cases " test cases, " assertions " assertions" }'
}

# What a sanitizer cannot follow. The C++ library is not compiled with it: what its compiled part
# writes counts as unwritten, so it is compiled here as far as it consists of templates, and its headers
# and Catch2's are not looked at. strlen and memcmp are called in there on what it has written itself.
memory_flags() {
    mkdir -p "$folder/headers/bits"
    local header
    header=$(echo '#include <cstddef>' | "$compiler" -x c++ -M - | grep -o '[^ ]*/bits/c++config.h')
    sed 's/\(define _GLIBCXX_EXTERN_TEMPLATE\) 1/\1 0/' "$header" >"$folder/headers/bits/c++config.h"
    cat >"$folder/ignored" <<'END_OF_LIST'
[memory]
src:*/include/c[+][+]/*
src:*/include/catch2/*
# std::to_chars of a double is in the compiled part.
src:*/src/decimal.cpp
END_OF_LIST
    # A flag of CMake's ends at a space.
    local path=$folder
    if [[ $path == *' '* ]]; then
        path=$alias/link
        ln -sfn "$folder" "$path"
    fi
    echo "-isystem $path/headers -fsanitize-ignorelist=$path/ignored"
}

alias=$(mktemp -d)
trap 'rm -r "$alias"' EXIT
memcheck=(valgrind --quiet --error-exitcode=9 --leak-check=full
    --errors-for-leak-kinds=definite,indirect) # glibc keeps stacks of threads, "possibly lost"
ran=0
for tool in "${tools[@]}"; do
    log=$folder/$tool.log
    : >"$log"
    case $tool in
    address) sanitizers=address,undefined ;;
    thread | memory) sanitizers=$tool ;;
    valgrind) sanitizers= ;;
    *)
        sed -n '2,11p' scripts/sanitize.sh >&2
        exit 2
        ;;
    esac
    compiler=g++
    if [ -n "$sanitizers" ]; then
        compiler=$(find_clang 'int main() {}' -fsanitize="$sanitizers")
        if [ -z "$compiler" ]; then
            echo "$tool: skipped, as no clang++ has -fsanitize=$sanitizers"
            continue
        fi
        # Not every kernel lays out memory as the thread sanitizer wants it.
        "$compiler" -x c++ -fsanitize="$sanitizers" - -o "$folder/probe" <<<'int main() {}'
        if ! "$folder/probe" 2>/dev/null; then
            echo "$tool: skipped, as what -fsanitize=$sanitizers makes does not run here"
            continue
        fi
    elif ! command -v valgrind >/dev/null; then
        echo "valgrind: skipped, as it is not installed"
        continue
    fi
    begin=$SECONDS
    tests=$folder/$tool/tests
    case $tool in
    address)
        build -DL1L2_SANITIZE="$sanitizers"
        for isa in $(isas "$tests/unit_tests"); do
            quietly env L1L2_ISA="$isa" "$tests/unit_tests" '[isa],[bits]'
        done
        quietly "$tests/unit_tests" '~[locale]~[isa]~[bits]'
        # In a child that is forked among threads the sanitizer's own allocator may be locked.
        quietly "$tests/process_tests" '~"a child that is forked*"'
        ;;
    thread)
        build -DL1L2_SANITIZE="$sanitizers"
        quietly "$tests/unit_tests" '~[locale]~[isa]'
        quietly "$tests/process_tests"
        ;;
    memory)
        flags=$(memory_flags)
        build -DL1L2_SANITIZE="$sanitizers" -DCMAKE_CXX_FLAGS="$flags"
        export MSAN_OPTIONS=intercept_strlen=0:intercept_memcmp=0
        quietly "$tests/unit_tests" '~[locale]~[isa]'
        quietly "$tests/process_tests"
        ;;
    valgrind)
        build
        # It computes in one rounding mode, without flush-to-zero, and long double as double.
        quietly "${memcheck[@]}" "$tests/unit_tests" \
            '~[locale]~[isa]~"*environment*"~"*rounding mode*"~"*half an ulp*"'
        quietly "${memcheck[@]}" "$tests/process_tests"
        ;;
    esac
    echo "$tool: nothing found in $(summary), $((SECONDS - begin)) seconds"
    ran=1
done
[ $ran -eq 1 ] || exit 77
