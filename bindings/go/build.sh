#!/usr/bin/env bash
# Makes what this module contains of the C++ library, for the system that this runs on:
#     build.sh [PREFIX [MODULE]]
# internal/static/libl1l2_linux_ARCH.syso, which cgo links, and internal/shared/libl1l2_linux_ARCH.so, which is
# embedded where cgo is off. `go generate` runs it. PREFIX is an installed libl1l2; without it, the sources
# of this checkout are built (by CMake; on Debian: g++ cmake libxsimd-dev nlohmann-json3-dev). MODULE is where
# the two go, this folder by default. With GOARCH=arm64 on another processor, Debian's cross compiler builds.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
module=$(cd "${2-$source/bindings/go}" && pwd)
[ "$(uname -s)" = Linux ] || {
    echo "a static library is made on Linux only; elsewhere install libl1l2, which this module opens" >&2
    exit 1
}
architecture=$(go env GOARCH) cross='' options=()
if [ "$architecture" != "$(go env GOHOSTARCH)" ]; then
    [ "$architecture" = arm64 ] || {
        echo "there is no cross compiler for $architecture" >&2
        exit 1
    }
    cross=aarch64-linux-gnu-
    options=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 "-DCMAKE_CXX_COMPILER=${cross}g++")
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=${1-}
if [ -z "$prefix" ]; then
    cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/prefix" \
        -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF \
        "${options[@]}" >/dev/null
    cmake --build "$work/build" --parallel >/dev/null
    cmake --install "$work/build" >/dev/null
    prefix=$work/prefix
fi
archive=$(find "$prefix" -name libl1l2.a) shared=$(find "$prefix" -name libl1l2.so.0)
[ -f "$archive" ] && [ -f "$shared" ] || {
    echo "no libl1l2.a and libl1l2.so.0 in $prefix" >&2
    exit 1
}

# One object with the parts of the C++ runtime that the library needs, of which only the functions of l1l2.h
# are seen outside: it meets no other C++ runtime, and a program needs no C++ compiler.
compiler=${CXX:-c++}
[ -z "$cross" ] || compiler=${cross}g++
runtime=$("$compiler" -print-file-name=libstdc++.a)
"${cross}nm" --defined-only --extern-only "$archive" | sed -n 's/^[0-9a-f]* [TR] \(l1l2_[a-z0-9_]*\)$/\1/p' >"$work/names"
[ -s "$work/names" ] || {
    echo "$archive has none of the functions of l1l2.h" >&2
    exit 1
}
"${cross}ld" -r --force-group-allocation --gc-sections $(sed 's/^/-u /' "$work/names") \
    --whole-archive "$archive" --no-whole-archive "$runtime" -o "$work/all.o"
"${cross}objcopy" --strip-debug --keep-global-symbols="$work/names" "$work/all.o" "$work/l1l2.o"
install -m 644 "$work/l1l2.o" "$module/internal/static/libl1l2_linux_$architecture.syso"
"${cross}strip" --strip-unneeded "$shared" -o "$work/l1l2.so"
"$source/bindings/go/embed.sh" "$module" linux "$architecture" "$work/l1l2.so"
