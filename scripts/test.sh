#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests:
#     scripts/test.sh [--languages] [--frameworks] [--binaries] [--code] [CTEST_ARGUMENT...]
#     scripts/test.sh --full [CTEST_ARGUMENT...]      all but --frameworks
#
# Without options it runs the quick tier; docs/testing.md describes the tiers.
#
#     --languages   also tests the examples in every language against the shared vectors, and on Open MPI and
#                   torch.distributed. Installs the tools of the languages and these two from the system's
#                   packages; crates, Go modules, npm and Python packages come from their own registries
#     --frameworks  also tests the Python package with JAX, PyTorch, TensorFlow and Keras: with those of python3, or
#                   else it fetches them, some gigabytes. --languages tests with those that are there
#     --binaries    also tests the README's quick start and the Debian packages in fresh roots, the tarball for
#                   older systems, what a release publishes, and the library on Windows, six other processors,
#                   older x86-64, musl, FreeBSD, macOS and WebAssembly, as far as an emulator or a browser is
#                   there. Needs to be root, or sudo
#     --code        also runs sanitizers, valgrind, fuzzers for 10 seconds each, linters, coverage and a sample of
#                   mutants, and builds with three compilers at three levels and with three versions of xsimd, and
#                   the benchmark. A compiler's warning is an error
#
# Other arguments go to ctest:  scripts/test.sh -R consumer
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
languages=OFF frameworks=OFF binaries=OFF code=OFF
while true; do
    case ${1-} in
    --languages) languages=ON ;;
    --frameworks) frameworks=ON ;;
    --binaries) binaries=ON ;;
    --code) code=ON ;;
    --full) languages=ON binaries=ON code=ON ;;
    *) break ;;
    esac
    shift
done

ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev catch2 binutils
# Without these, the tests that need them are shown as skipped.
offer_packages abigail-tools clang-format-14 libdlpack-dev libeigen3-dev libhdf5-dev libopenblas-dev libtbb-dev libzip-dev \
    locales python3 python3-numpy python3-tqdm
# What only tests use is installed while the compiler runs.
later=()
if [ "$languages" = ON ]; then
    # offer_tool COMMAND PACKAGE...: installs the packages unless the command is there, of whatever version.
    # Julia is not in every Debian; its test fetches it.
    offer_tool() {
        command -v "$1" >/dev/null || later+=("${@:2}")
    }
    offer_tool cargo cargo rustc
    offer_tool go golang-go
    offer_tool node nodejs libnode-dev
    offer_tool npm npm
    later+=(python3-venv ca-certificates libopenmpi-dev openmpi-bin python3-torch)
fi
if [ "$frameworks" = ON ]; then
    later+=(python3-venv ca-certificates)
fi
if [ "$binaries" = ON ]; then
    later+=(debootstrap debian-archive-keyring gpgv dpkg-dev lintian g++-mingw-w64-x86-64-posix wine64 wine qemu-user
        g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-i686-linux-gnu g++-powerpc64le-linux-gnu
        g++-riscv64-linux-gnu g++-s390x-linux-gnu)
fi
if [ "$code" = ON ]; then
    offer_packages clang-14 clang-19 libbenchmark-dev
    later+=(clang-tidy-14 libclang-rt-14-dev llvm-14 cppcheck valgrind)
fi
# sudo asks for a password now, not in the middle of the tests.
[ "$binaries$code" = OFFOFF ] || [ "$(id -u)" -eq 0 ] || sudo --validate
finish_packages() {
    [ -z "$(jobs -r)" ] || echo "Waiting for the packages to be installed" >&2
    wait
}
if [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; then
    SUDO="sudo -n" offer_packages "${later[@]}" &
    trap finish_packages EXIT # not to leave it behind after an error
else
    offer_packages "${later[@]}"
fi

cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    -DL1L2_TEST_LANGUAGES=$languages -DL1L2_TEST_FRAMEWORKS=$frameworks \
    -DL1L2_TEST_BINARIES=$binaries -DL1L2_TEST_CODE=$code -DCMAKE_COMPILE_WARNING_AS_ERROR=$code
cmake --build build --parallel "$(nproc)"
finish_packages
ctest --test-dir build --output-on-failure --parallel "$(nproc)" "$@" </dev/null
