#!/usr/bin/env bash
# Builds and runs the programs in C++ for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
conformance=$source/../../tests/conformance/conformance.cpp
compiler=${CXX:-c++}

compile() {
    "$compiler" -std=c++17 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror "$@" -pthread
}

case $1 in
build)
    for tool in "$compiler" pkg-config; do
        command -v "$tool" >/dev/null || {
            echo "no $tool"
            exit 77
        }
    done
    eval "cflags=($(pkg-config --cflags l1l2)) shared=($(pkg-config --libs l1l2))"
    eval "static=($(pkg-config --static --libs l1l2))"
    # Where both libraries are installed, -l takes the shared one.
    static=("${static[@]/#-ll1l2/-l:libl1l2.a}")
    for program in example conformance; do
        file=$source/penalty/penalty.cpp
        [ $program = example ] || file=$conformance
        compile "${cflags[@]}" "$file" "${shared[@]}" -o linked_$program
        compile "${cflags[@]}" "$file" "${static[@]}" -o static_$program
    done
    ;;
variants) echo linked static ;;
*) "./$1_$2" "${@:3}" ;;
esac
