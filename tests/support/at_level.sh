#!/usr/bin/env bash
# Compiles at one optimisation level, whatever the build system asks for:
#     at_level.sh LEVEL COMPILER ARGUMENT...
# For CMAKE_CXX_COMPILER_LAUNCHER: src/CMakeLists.txt has -O3 for the kernels after the user's flags.
# LEVEL is -O0, for instance.
set -euo pipefail
arguments=()
for argument in "${@:3}"; do
    case $argument in
    -O*) ;;
    *) arguments+=("$argument") ;;
    esac
done
exec "$2" "$1" "${arguments[@]}"
