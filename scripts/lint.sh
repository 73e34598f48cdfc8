#!/usr/bin/env bash
# What reads the code instead of running it, over src, capi and threads:
#     scripts/lint.sh [TOOL...]      all of them by default
#
#     tidy        clang-tidy with the checks of .clang-tidy
#     cppcheck    its warnings of errors, performance and portability
#     analyzer    GCC's -fanalyzer, but for kernels of intrinsics and oneTBB; over the C of the examples, too
#     gcc, clang  the warnings that CMakeLists.txt asks for, -Wconversion among them, as errors
#
# One line a tool, about three minutes in all. Exits with 1 if there is something to mend, with 77 if
# none of the tools is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
. scripts/clang.sh
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(tidy cppcheck analyzer gcc clang)
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev
offer_packages clang-tidy-14 clang-14 cppcheck libtbb-dev

ran=0
# has TOOL COMMAND: whether the command is there; says what is skipped if not.
has() {
    if command -v "$2" >/dev/null; then
        ran=1
    else
        echo "$1: skipped, as $2 is not installed"
        return 1
    fi
}

run_tidy() {
    has clang-tidy clang-tidy-14 || return 0
    cmake -S . -B build-lint/tidy -DL1L2_BUILD_TESTS=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
    # An option of GCC that clang-tidy does not know.
    sed -i 's/ -fno-gnu-unique//g' build-lint/tidy/compile_commands.json
    local sources=(src/*.cpp src/kernels/*.cpp capi/*.cpp threads/*.cpp) i
    # Of the kernels only those for this architecture are compiled, threads/ only with oneTBB.
    for i in "${!sources[@]}"; do
        grep -qF "/${sources[i]}\"" build-lint/tidy/compile_commands.json || unset "sources[i]"
    done
    printf '%s\n' "${sources[@]}" |
        xargs -P "$(nproc)" -n 1 clang-tidy-14 -p build-lint/tidy --quiet 2>build-lint/tidy.log || {
        grep -v ' warnings generated' build-lint/tidy.log
        exit 1
    }
    echo "clang-tidy: ${#sources[@]} files, nothing to mend"
}

run_cppcheck() {
    has cppcheck cppcheck || return 0
    # Not looked for: casts of pointers, which intrinsics take; and a variable that a lambda has by
    # reference, which is taken for a parameter.
    cppcheck --quiet --inline-suppr --error-exitcode=1 --enable=warning,performance,portability --std=c++17 \
        --suppress=invalidPointerCast --suppress=uselessAssignmentPtrArg \
        -DL1L2_X86_64_KERNELS -D__x86_64__ -D__SSE2__ -I src -I include \
        -i src/kernels/neon64.cpp src capi threads
    echo "cppcheck: nothing to mend"
}

# At -O1: with more, GCC 12 follows inlined code of its own library into what it cannot reach.
run_analyzer() {
    has -fanalyzer g++ || return 0
    local sources=(src/*.cpp src/kernels/cpu.cpp src/kernels/dispatch.cpp src/kernels/generic.cpp capi/*.cpp)
    local programs=(examples/c/*/*.c) i
    for i in "${!sources[@]}"; do
        [[ ${sources[i]} != *double_conversion* ]] || unset "sources[i]"
    done
    printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 g++ -std=c++17 -O1 -fanalyzer -Wall -Wextra \
        -Werror -I src -I include -DL1L2_BUILDING -DL1L2_X86_64_KERNELS -c -o /dev/null
    printf '%s\n' "${programs[@]}" | xargs -P "$(nproc)" -n 1 gcc -std=gnu11 -O1 -fanalyzer -Wall -Wextra \
        -Werror -I include -c -o /dev/null
    echo "-fanalyzer: $((${#sources[@]} + ${#programs[@]})) files, nothing to mend"
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
    tidy | cppcheck | analyzer) "run_$tool" ;;
    gcc) run_warnings g++ ;;
    clang) run_warnings clang++-14 ;;
    *)
        sed -n '2,10p' scripts/lint.sh >&2
        exit 2
        ;;
    esac
done
[ $ran -eq 1 ] || exit 77
