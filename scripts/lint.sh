#!/usr/bin/env bash
# Runs static analysis over src, capi, threads and tools:
#     scripts/lint.sh [TOOL...]      all of them by default
#
#     tidy        clang-tidy with the checks of .clang-tidy, over src, capi and threads
#     tidy_tools  the same over tools
#     cppcheck    its errors and its warnings of performance and portability
#     analyzer    GCC's -fanalyzer, over the C examples
#     gcc, clang  the warnings of CMakeLists.txt, -Wconversion among them, as errors
#
# Prints one line for each tool; takes about eight minutes. Exits with 1 if a tool reports something, with 77
# if none of the tools is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/clang.sh
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(tidy tidy_tools cppcheck analyzer gcc clang)
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev
offer_packages clang-tidy-14 clang-14 cppcheck libtbb-dev libhdf5-dev libzip-dev

ran=0
# has TOOL COMMAND: whether the command is installed; prints what is skipped if not.
has() {
    if command -v "$2" >/dev/null; then
        ran=1
    else
        echo "$1: skipped, as $2 is not installed"
        return 1
    fi
}

# tidy SOURCE...
tidy() {
    has clang-tidy clang-tidy-14 || return 0
    local build=build-lint/$tool sources=("$@") i
    # Without the static libraries, whose sources it would read a second time.
    cmake -S . -B "$build" -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_STATIC=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
    # clang-tidy does not know this option of GCC.
    sed -i 's/ -fno-gnu-unique//g' "$build/compile_commands.json"
    # Kernels of other architectures are not compiled here, nor is what needs a library that is not installed.
    for i in "${!sources[@]}"; do
        grep -qF "/${sources[i]}\"" "$build/compile_commands.json" || unset "sources[i]"
    done
    printf '%s\n' "${sources[@]}" |
        xargs -r -P "$(nproc)" -n 1 clang-tidy-14 -p "$build" --quiet 2>"$build.log" || {
        grep -v ' warnings generated' "$build.log"
        exit 1
    }
    echo "clang-tidy: ${#sources[@]} files, no warnings"
}

run_cppcheck() {
    has cppcheck cppcheck || return 0
    # Suppressed: casts of pointers, which intrinsics need; a variable that a lambda captures by reference, which
    # cppcheck mistakes for a parameter; and what an Isa has in place of another one's.
    cppcheck --quiet --inline-suppr --error-exitcode=1 --enable=warning,performance,portability --std=c++17 \
        --suppress=invalidPointerCast --suppress=uselessAssignmentPtrArg --suppress=duplInheritedMember \
        -DL1L2_X86_64_KERNELS -D__x86_64__ -D__SSE2__ -D__cpp_exceptions=199711 -I src -I include \
        -I tools/keras/include -I tools/keras/src -i src/kernels/neon64.cpp src capi threads tools
    echo "cppcheck: no warnings"
}

# Of C alone, which is all that it is for, as GCC's manual says; clang-tidy has an analyzer of C++.
run_analyzer() {
    has -fanalyzer gcc || return 0
    local programs=(examples/c/*/*.c)
    printf '%s\n' "${programs[@]}" | xargs -P "$(nproc)" -n 1 gcc -std=gnu11 -O1 -fanalyzer -Wall -Wextra \
        -Werror -I include -c -o /dev/null
    echo "-fanalyzer: ${#programs[@]} files, no warnings"
}

# run_warnings COMPILER
run_warnings() {
    has "warnings of $1" "$1" || return 0
    configure "build-lint/$1" "$1" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS=-Werror \
        -DL1L2_BUILD_TESTS=OFF
    cmake --build "build-lint/$1" --parallel "$(nproc)" >"build-lint/$1.log" 2>&1 || {
        cat "build-lint/$1.log"
        exit 1
    }
    echo "warnings of $1: none"
}

mkdir -p build-lint
for tool in "${tools[@]}"; do
    case $tool in
    tidy) tidy src/*.cpp src/kernels/*.cpp capi/*.cpp threads/*.cpp ;;
    tidy_tools) tidy tools/*/*/*.cpp ;;
    cppcheck | analyzer) "run_$tool" ;;
    gcc) run_warnings g++ ;;
    clang) run_warnings clang++-14 ;;
    *)
        wrong_usage "there is no tool $tool"
        ;;
    esac
done
[ $ran -eq 1 ] || exit 77
