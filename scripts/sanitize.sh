#!/usr/bin/env bash
# Runs the unit tests and those of processes under sanitizers or valgrind:
#     scripts/sanitize.sh [TOOL...]      all of them by default
#
#     address    clang's address, leak and undefined behaviour sanitizers, with each instruction set
#     thread     clang's thread sanitizer
#     memory     clang's memory sanitizer: no result depends on uninitialised memory
#     valgrind   memcheck, with AVX2 and without a sanitizer, and its search for leaks
#
# Prints one line for each tool. Exits with 1 if one of them reports something, with 77 if none can be run.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/clang.sh
. scripts/lib/together.sh
. scripts/lib/figures.sh
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(address thread memory valgrind)
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev catch2
offer_packages clang-14 libclang-rt-14-dev valgrind libdlpack-dev libtbb-dev
folder=$PWD/build-sanitize
mkdir -p "$folder"

# quietly COMMAND...: writes the output to the tool's log, which is shown if the command fails.
quietly() {
    "$@" >>"$log" 2>&1 </dev/null || {
        tail -n 60 "$log" >&2
        echo "$tool: failed: $*" >&2
        exit 1
    }
}

# build FLAGS CMAKE_ARGUMENT...: builds the programs in the tool's folder. Of unoptimised tests the run takes
# longer than the compiler takes to optimise them.
build() {
    quietly configure "$folder/$tool" "$compiler" -DCMAKE_BUILD_TYPE=Debug -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF \
        -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1 $1" "${@:2}"
    quietly cmake --build "$folder/$tool" --parallel "$(nproc)" --target unit_tests process_tests
}

# The instruction sets of this CPU.
isas() {
    local isa
    for isa in generic sse2 avx2 avx512bw neon64; do
        [[ $(L1L2_ISA=$isa "$1" '[isa]' 2>&1) == *'this CPU does not have it'* ]] || echo "$isa"
    done
}

# run COMMAND...: runs tests at once, from the folder of the tests.
run() {
    (cd "$folder/$tool/tests" && run_together "$log" "$@") || {
        echo "$tool: failed" >&2
        exit 1
    }
}

# Prints how many test cases and assertions the log has.
summary() {
    sed -n 's/^All tests passed (\([0-9]*\) assertions in \([0-9]*\) test cases*)$/\1 \2/p' "$log" |
        awk '{ assertions += $1; cases += $2 } END { print cases " test cases, " assertions " assertions" }'
}

# Prints flags for the memory sanitizer. The C++ library is compiled without it, so that all it writes counts as
# uninitialised. Its templates are therefore compiled here, decimals are written without its std::to_chars, and its
# headers and Catch2's are not checked; nor are strlen and memcmp, which the library calls on its own strings.
memory_flags() {
    mkdir -p "$folder/headers/bits"
    local header
    header=$(echo '#include <cstddef>' | "$compiler" -x c++ -M - | grep -o '[^ ]*/bits/c++config.h')
    sed 's/\(define _GLIBCXX_EXTERN_TEMPLATE\) 1/\1 0/' "$header" >"$folder/headers/bits/c++config.h"
    cat >"$folder/ignored" <<'END_OF_LIST'
[memory]
src:*/include/c[+][+]/*
src:*/include/catch2/*
END_OF_LIST
    # CMake splits flags at spaces.
    local path=$folder
    if [[ $path == *' '* ]]; then
        path=$alias/link
        ln -sfn "$folder" "$path"
    fi
    echo "-isystem $path/headers -fsanitize-ignorelist=$path/ignored -DL1L2_NO_TO_CHARS"
}

alias=$(mktemp -d)
trap 'rm -r "$alias"' EXIT
ran=0
for tool in "${tools[@]}"; do
    log=$folder/$tool.log
    : >"$log"
    case $tool in
    address) sanitizers=address,undefined ;;
    thread | memory) sanitizers=$tool ;;
    valgrind) sanitizers= ;;
    *) wrong_usage "there is no tool $tool" ;;
    esac
    compiler=g++
    if [ -n "$sanitizers" ]; then
        compiler=$(find_clang 'int main() {}' -fsanitize="$sanitizers")
        if [ -z "$compiler" ]; then
            echo "$tool: skipped, as no clang++ has -fsanitize=$sanitizers"
            continue
        fi
        # The thread sanitizer does not run with every layout of memory that a kernel chooses.
        "$compiler" -x c++ -fsanitize="$sanitizers" - -o "$folder/probe" <<<'int main() {}'
        if ! "$folder/probe" 2>/dev/null; then
            echo "$tool: skipped, as a program with -fsanitize=$sanitizers does not run here"
            continue
        fi
    elif ! command -v valgrind >/dev/null; then
        echo "valgrind: skipped, as it is not installed"
        continue
    fi
    begin=$SECONDS
    # Exhaustive tests of kernels take longer than all others, and reach no other code.
    most='~[locale]~[isa]~[exhaustive]'
    # In a child that is forked among threads, a sanitizer's own allocator may be locked.
    unforked="'~\"a child that is forked*\"'"
    case $tool in
    address)
        # Checks of undefined behaviour compile in half the time if they end in a trap, whose place the address
        # sanitizer reports. Function types are left to the runtime, which compares those of two libraries.
        build "-fsanitize-trap=undefined -fno-sanitize-trap=function" -DL1L2_SANITIZE="$sanitizers"
        # A cancelled thread leaves marks on its stack, which would be found when its own stack for signals is removed.
        export ASAN_OPTIONS=handle_sigill=1:use_sigaltstack=0
        commands=("./unit_tests '$most~[bits][kernels]'" "./unit_tests '$most~[bits]~[kernels]'")
        for isa in $(isas "$folder/$tool/tests/unit_tests"); do
            commands+=("L1L2_ISA=$isa ./unit_tests '[isa],[bits]'")
        done
        run "${commands[@]}" "./process_tests $unforked"
        ;;
    thread)
        build '' -DL1L2_SANITIZE="$sanitizers"
        # Of the unit tests those in which several threads may take part.
        run "./unit_tests '[terms],[clip],[capi],[cpp]'" ./process_tests
        ;;
    memory)
        flags=$(memory_flags)
        build "$flags" -DL1L2_SANITIZE="$sanitizers"
        export MSAN_OPTIONS=intercept_strlen=0:intercept_memcmp=0
        run "./unit_tests '$most[kernels]'" "./unit_tests '$most~[kernels]'" "./process_tests $unforked"
        ;;
    valgrind)
        build ''
        # glibc keeps the stacks of threads: "possibly lost". A child that is forked among threads loses what
        # the others had allocated.
        memcheck='valgrind --quiet --error-exitcode=9'
        leaks='--leak-check=full --errors-for-leak-kinds=definite,indirect'
        # valgrind has one rounding mode, no flush-to-zero, and computes long double as double.
        run "$memcheck $leaks ./unit_tests '$most~[float_environment]~\"*environment*\"~\"*rounding mode*\"~\"*half an ulp*\"'" \
            "$memcheck $leaks ./process_tests $unforked" \
            "$memcheck ./process_tests '\"a child that is forked*\"'"
        ;;
    esac
    line="no reports in $(summary), $((SECONDS - begin)) seconds"
    echo "$tool: $line"
    figure "sanitizer $tool" "$line"
    ran=1
done
[ $ran -eq 1 ] || exit 77
