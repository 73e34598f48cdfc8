#!/usr/bin/env bash
# Builds the shared library for a platform of the packages for Node and Go, and checks it:
#     platform.sh FOLDER PLATFORM [FETCHED]
# FOLDER/libl1l2.so.0, libl1l2.0.dylib or libl1l2-0.dll, and FOLDER/tools/cc, a C compiler for the platform. PLATFORM is
# one of those below, named as in Node. linux and darwin are built by zig, which may be fetched into FETCHED, win32 by
# mingw-w64. Nothing is run. Exits with 77 if a compiler is missing.
set -euo pipefail
mkdir -p "$1" "${3-$1}"
folder=$(cd "$1" && pwd) platform=$2 fetched=$(cd "${3-$1}" && pwd)
cd "$(dirname "$0")/../.."
. scripts/lib/packages.sh
. scripts/lib/zig.sh

tools=$folder/tools
case $platform in
linux-x64-gnu) target=x86_64-linux-gnu.2.17 ;;
linux-arm64-gnu) target=aarch64-linux-gnu.2.17 ;;
linux-x64-musl) target=x86_64-linux-musl ;;
linux-arm64-musl) target=aarch64-linux-musl ;;
darwin-x64) target=x86_64-macos.13.0 ;;
darwin-arm64) target=aarch64-macos.13.0 ;;
win32-x64) target=x86_64-w64-mingw32 ;;
*)
    echo "no such platform: $platform" >&2
    exit 2
    ;;
esac
case $platform in
linux-*) system=Linux library=libl1l2.so.0 ;;
darwin-*) system=Darwin library=libl1l2.0.dylib ;;
win32-*) system=Windows library=libl1l2-0.dll ;;
esac
if [ $system = Windows ]; then
    offer_packages g++-mingw-w64-x86-64-posix
    command -v $target-g++-posix >/dev/null || {
        echo "no $target-g++-posix"
        exit 77
    }
    mkdir -p "$tools"
    ln -sf "$(type -P $target-gcc-posix)" "$tools/cc"
    options=(-DCMAKE_CXX_COMPILER=$target-g++-posix)
else
    make_zig "$tools" "$fetched" "$target"
    options=("-DCMAKE_CXX_COMPILER=$tools/c++" "-DCMAKE_AR=$tools/ar")
fi
# A signed library for macOS must not be stripped later.
cmake -S . -B "$folder/build" "${options[@]}" -DCMAKE_SYSTEM_NAME=$system "-DCMAKE_SYSTEM_PROCESSOR=${target%%-*}" \
    -DCMAKE_SHARED_LINKER_FLAGS=-s -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_STATIC=OFF \
    -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF >"$folder/log" 2>&1 &&
    cmake --build "$folder/build" --parallel "$(nproc)" --target l1l2_shared >>"$folder/log" 2>&1 || {
    tail -n 20 "$folder/log" >&2
    exit 1
}
cp "$folder/build/capi/$library" "$folder/"

case $system in
Linux)
    tests/binary/symbols.sh exports "$folder/$library" include/l1l2.h capi/l1l2.map
    tests/binary/foreign.sh elf "$folder/$library"
    ;;
Darwin) tests/binary/foreign.sh macho "$folder/$library" "@rpath/$library" ;;
Windows) tests/binary/foreign.sh pe "$folder/$library" ;;
esac
