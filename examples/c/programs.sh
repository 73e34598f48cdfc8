#!/usr/bin/env bash
# Builds and runs the programs in C for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
conformance=$source/../../tests/conformance/conformance.c
compile() { "${CC:-cc}" -O2 -Wall -Wextra -Wpedantic -Werror "$@"; }

case $1 in
build)
    for tool in "${CC:-cc}" pkg-config; do
        command -v "$tool" >/dev/null || {
            echo "no $tool"
            exit 77
        }
    done
    pkg-config --exists l1l2 # whose failure eval would hide
    eval "cflags=($(pkg-config --cflags l1l2)) libs=($(pkg-config --libs l1l2))"
    compile "${cflags[@]}" "$source/penalty/penalty.c" "${libs[@]}" -o linked_example
    compile "${cflags[@]}" -std=gnu11 "$source/dlopen/dlopen.c" -pthread -ldl -o dlopen_example
    compile "${cflags[@]}" "$conformance" "${libs[@]}" -pthread -o linked_conformance
    compile "${cflags[@]}" -DL1L2_CONFORMANCE_DLOPEN "$conformance" -pthread -ldl -o dlopen_conformance
    ;;
variants) echo linked dlopen ;;
*) "./$1_$2" "${@:3}" ;;
esac
