#!/usr/bin/env bash
# Builds and runs the programs in Julia for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)

case $1 in
build)
    "$source/../../scripts/julia.sh" julia >julia_path
    # There is nothing to build, but the module can be loaded.
    "$(cat julia_path)" --startup-file=no "$source/L1L2.jl"
    ;;
variants) echo ccall ;;
*) JULIA_NUM_THREADS=4 exec "$(cat julia_path)" --startup-file=no "$source/$2.jl" "${@:3}" ;;
esac
