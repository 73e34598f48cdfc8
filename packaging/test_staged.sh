#!/usr/bin/env bash
# Tests the recipe that stage.sh has made in FOLDER, in a project of a user's own:
#     test_staged.sh NAME FOLDER TARBALL
# conan, meson and ninja, or vcpkg are on the PATH; of vcpkg VCPKG_ROOT names the checkout. Each finds the tarball by its
# hash, where it keeps what it has downloaded, and needs no network.
set -euo pipefail
name=$1 tarball=$(realpath "$3") source=$(cd "$(dirname "$0")/.." && pwd)
vectors=$source/tests/conformance/vectors.txt
cd "$2"
rm -rf fresh log
mkdir fresh

# quietly COMMAND...: prints what it says only if it fails.
quietly() {
    "$@" >>log 2>&1 || {
        tail -n 30 log >&2
        exit 1
    }
}
# gives_penalty KIND: fails unless the last line but blank ones of the log is that of the README's program.
gives_penalty() {
    local said
    said=$(grep . log | tail -n 1)
    [[ $said == 'penalty 0.15375, computed with '* ]] || {
        echo "$name, $1: $said" >&2
        exit 1
    }
    echo "$name, $1: $said"
}
# all_vectors KIND PROGRAM: runs the test vectors with each instruction set, as every kernel has flags of its own.
all_vectors() {
    local isa said
    for isa in avx512bw avx2 sse2 neon64 generic; do
        [ "$(L1L2_ISA=$isa "$2" isa)" = $isa ] || continue
        said=$(L1L2_ISA=$isa "$2" vectors "$vectors")
        echo "$name, $1, $isa: $said"
    done
}
# program FOLDER BUILD_FILE: a program of a user's, with the tests' own sources.
program() {
    mkdir "$1"
    cp "$source"/examples/c/penalty/penalty.c "$source"/tests/conformance/*.[ch] "$1"
    cat >"$1/$2"
}

case $name in
conan)
    export CONAN_HOME=$PWD/fresh/home
    quietly conan profile detect
    hash=$(sha256sum "$tarball")
    mkdir -p fresh/cache/s
    cp "$tarball" "fresh/cache/s/${hash%% *}"
    echo "core.sources:download_cache=$PWD/fresh/cache" >>"$CONAN_HOME/global.conf"
    for shared in False True; do
        quietly conan create . --options "l1l2/*:shared=$shared"
        gives_penalty "shared=$shared"
    done
    ;;
meson)
    program fresh/project meson.build <<'PROJECT'
project('fresh', 'c')
l1l2 = dependency('l1l2', version: '>=0.4')
executable('penalty', 'penalty.c', dependencies: l1l2)
executable('conformance', 'conformance.c', c_args: '-std=gnu11', dependencies: [l1l2, dependency('threads')])
PROJECT
    mkdir -p fresh/project/subprojects/packagecache
    cp -r l1l2.wrap packagefiles fresh/project/subprojects
    cp "$tarball" fresh/project/subprojects/packagecache
    # The flags are such as a user might set: they would change bits if they reached the library.
    for kind in shared static; do
        build=fresh/$kind
        CXXFLAGS=-ffast-math quietly meson setup "$build" fresh/project "-Ddefault_library=$kind" -Dcpp_args=-ffast-math
        quietly ninja -C "$build"
        quietly "$build/penalty"
        gives_penalty $kind
        all_vectors $kind "$build/conformance"
    done
    "$source/tests/binary/symbols.sh" exports "$(find fresh/shared -name libl1l2.so.0)" "$source/include/l1l2.h" \
        "$source/capi/l1l2.map"
    ;;
vcpkg)
    program fresh/project CMakeLists.txt <<'PROJECT'
cmake_minimum_required(VERSION 3.18)
project(fresh LANGUAGES C)
find_package(l1l2 CONFIG REQUIRED)
add_executable(penalty penalty.c)
target_link_libraries(penalty PRIVATE l1l2::l1l2)
find_package(Threads REQUIRED)
add_executable(conformance conformance.c)
target_link_libraries(conformance PRIVATE l1l2::l1l2 Threads::Threads)
PROJECT
    mkdir -p fresh/ports/l1l2 fresh/downloads
    cp portfile.cmake usage vcpkg.json fresh/ports/l1l2
    cp "$tarball" fresh/downloads
    export VCPKG_DISABLE_METRICS=1 VCPKG_FORCE_SYSTEM_BINARIES=1
    processor=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
    for triplet in "$processor-linux" "$processor-linux-dynamic"; do
        # The recipe's own vcpkg.json, in this folder, is no manifest of a project.
        quietly vcpkg install --classic "l1l2:$triplet" --overlay-ports=fresh/ports --binarysource=clear \
            --downloads-root="$PWD/fresh/downloads" --x-buildtrees-root="$PWD/fresh/trees" \
            --x-packages-root="$PWD/fresh/packages" --x-install-root="$PWD/fresh/installed"
        for type in Debug Release; do
            build=fresh/$triplet-$type
            quietly cmake -S fresh/project -B "$build" -DCMAKE_BUILD_TYPE=$type -DVCPKG_TARGET_TRIPLET="$triplet" \
                -DCMAKE_TOOLCHAIN_FILE="$VCPKG_ROOT/scripts/buildsystems/vcpkg.cmake" -DVCPKG_MANIFEST_MODE=OFF \
                -DVCPKG_INSTALLED_DIR="$PWD/fresh/installed"
            quietly cmake --build "$build"
            quietly "$build/penalty"
            gives_penalty "$triplet, $type"
            all_vectors "$triplet, $type" "$build/conformance"
        done
    done
    # vcpkg warns of what a port does not do as its others do.
    if grep 'post-build checks\|^warning: .*portfile' log; then
        exit 1
    fi
    ;;
esac
