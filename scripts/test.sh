#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests. Extra arguments go to ctest:
#     scripts/test.sh -R consumer
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev catch2 binutils
# Tests that need these are shown as skipped without them.
offer_packages clang-format-14 libdlpack-dev libtbb-dev locales

cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=ON
cmake --build build --parallel "$(nproc)"
ctest --test-dir build --output-on-failure --parallel "$(nproc)" "$@" </dev/null
