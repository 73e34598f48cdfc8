#!/usr/bin/env bash
# Compiles at one optimisation level, whatever level the build system passes:
#     at_level.sh LEVEL COMPILER ARGUMENT...
# For CMAKE_CXX_COMPILER_LAUNCHER, as src/CMakeLists.txt passes -O3 for the kernels after the user's flags.
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
