#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#     scripts/test.sh [--languages] [--binaries] [--code] [CTEST_ARGUMENT...]
#     scripts/test.sh --full [CTEST_ARGUMENT...]      all three
#
# Without these what takes few minutes; docs/testing.md has the tiers.
#
#     --languages   and the examples in every language, each against the shared vectors, and on Open MPI
#                   and torch.distributed. Installs the languages' tools and these two from the system's
#                   packages; the languages' own package managers fetch the rest (crates, Go modules, npm
#                   and Python packages)
#     --binaries    and the binaries for others: the tarball for older systems, the Debian packages in a
#                   fresh root, Windows, six other processors and older x86-64 under emulators. Makes
#                   roots, so it needs to be root or to have sudo
#     --code        and the code itself: sanitizers, valgrind, fuzzers for 20 seconds each, linters, three
#                   compilers at three levels, three versions of xsimd, coverage
#
# Further arguments go to ctest:  scripts/test.sh -R consumer
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
languages=OFF binaries=OFF code=OFF
while true; do
    case ${1-} in
    --languages) languages=ON ;;
    --binaries) binaries=ON ;;
    --code) code=ON ;;
    --full) languages=ON binaries=ON code=ON ;;
    *) break ;;
    esac
    shift
done

ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev catch2 binutils
# Tests that need these are shown as skipped without them.
offer_packages abigail-tools clang-format-14 libdlpack-dev libeigen3-dev libopenblas-dev libtbb-dev locales \
    python3 python3-numpy python3-tqdm
if [ "$languages" = ON ]; then
    # offer_tool COMMAND PACKAGE...: somebody's own newer one is as good. Julia is not in every Debian:
    # its test sees to itself.
    offer_tool() {
        command -v "$1" >/dev/null || offer_packages "${@:2}"
    }
    offer_tool cargo cargo rustc
    offer_tool go golang-go
    offer_tool node nodejs libnode-dev
    offer_tool npm npm
    offer_packages python3-venv ca-certificates libopenmpi-dev openmpi-bin python3-torch
fi
if [ "$binaries" = ON ]; then
    offer_packages debootstrap dpkg-dev lintian g++-mingw-w64-x86-64-posix wine64 wine qemu-user \
        g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-i686-linux-gnu g++-powerpc64le-linux-gnu \
        g++-riscv64-linux-gnu g++-s390x-linux-gnu
fi
if [ "$code" = ON ]; then
    offer_packages clang-14 clang-19 clang-tidy-14 libclang-rt-14-dev llvm-14 cppcheck valgrind
fi
# What asks for a password asks now, not in the middle of the tests.
[ "$binaries$code" = OFFOFF ] || [ "$(id -u)" -eq 0 ] || sudo --validate

cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=ON \
    -DL1L2_TEST_LANGUAGES=$languages -DL1L2_TEST_BINARIES=$binaries -DL1L2_TEST_CODE=$code
cmake --build build --parallel "$(nproc)"
ctest --test-dir build --output-on-failure --parallel "$(nproc)" "$@" </dev/null
