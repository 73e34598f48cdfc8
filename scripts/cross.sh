#!/usr/bin/env bash
# Builds the library for another system with a cross compiler, and runs the conformance program there
# under an emulator:
#     scripts/cross.sh windows    build-cross/windows/libl1l2-0.dll, by mingw-w64, under Wine
#     scripts/cross.sh PROCESSOR  build-cross/PROCESSOR/libl1l2.so.0, under QEMU; PROCESSOR is aarch64,
#                                 arm, i386, ppc64le, riscv64 or s390x, whose bytes are in the other order
# Exits with 77 if compiler or emulator cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev binutils
target=${1-}

case $target in
windows)
    offer_packages g++-mingw-w64-x86-64-posix wine64 wine
    compiler=x86_64-w64-mingw32 suffix=-posix emulator=(wine)
    system=(-DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64)
    isas='generic sse2 avx2 avx512bw'
    ;;
aarch64 | arm | i386 | ppc64le | riscv64 | s390x)
    compiler=$target-linux-gnu suffix='' isas=generic
    case $target in
    aarch64) isas='generic neon64' ;;
    arm) compiler=arm-linux-gnueabihf ;;
    i386) compiler=i686-linux-gnu ;;
    ppc64le) compiler=powerpc64le-linux-gnu ;;
    esac
    emulator=("qemu-$target" -L "/usr/$compiler")
    # An x86-64 runs i386 itself, by that system's own loader.
    [ "$target" != i386 ] ||
        emulator=("/usr/$compiler/lib/ld-linux.so.2" --library-path "/usr/$compiler/lib")
    offer_packages "g++-$compiler" qemu-user
    system=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$target")
    ;;
*)
    sed -n '2,7p' "$0" >&2
    exit 2
    ;;
esac
for tool in "$compiler-g++$suffix" "${emulator[0]}"; do
    command -v "$tool" >/dev/null || {
        echo "no $tool"
        exit 77
    }
done

# The two libraries of headers, in a folder without this system's others.
build=build-cross/$target
mkdir -p "$build/headers"
header_files libxsimd-dev nlohmann-json3-dev | xargs cp --parents -t "$build/headers"
headers=$PWD/$build/headers/usr
cmake -S . -B "$build" "${system[@]}" -DCMAKE_CXX_COMPILER="$compiler-g++$suffix" \
    -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF \
    -Dxsimd_DIR="$(dirname "$(find "$headers" -name xsimdConfig.cmake)")" \
    -Dnlohmann_json_DIR="$(dirname "$(find "$headers" -name nlohmann_jsonConfig.cmake)")" >/dev/null
cmake --build "$build" --parallel "$(nproc)" >"$build/log"
cmake --install "$build" --prefix "$build/prefix" --strip >/dev/null

# Under each of the instruction sets that the emulator has, the same bits.
prefix=$build/prefix vectors=tests/conformance/vectors.txt
cases=$(grep -vc '^#' "$vectors")
compile() {
    "$compiler-gcc$suffix" -std=gnu11 -O2 -Wall -Wextra -Werror -I"$prefix/include" \
        tests/conformance/conformance.c "$@" -pthread
}
if [ "$target" = windows ]; then
    cp "$prefix/bin/libl1l2-0.dll" "$build/"
    compile -D__USE_MINGW_ANSI_STDIO "$prefix/lib/libl1l2.dll.a" -static -o "$build/conformance.exe"
    export WINEDEBUG=-all WINEPREFIX=$PWD/$build/wine
    run=("${emulator[@]}" "$build/conformance.exe")
    # The exports are those of the version script, and it needs what every Windows has.
    objdump=$compiler-objdump
    diff <(grep -oE '\bl1l2_[a-z0-9_]+' capi/l1l2.map | sort) \
        <("$objdump" -p "$build/libl1l2-0.dll" | grep -oE '\bl1l2_[a-z0-9_]+$' | sort)
    diff <("$objdump" -p "$build/libl1l2-0.dll" | grep -c '\[ *[0-9]*\] +base') \
        <(grep -cE '\bl1l2_[a-z0-9_]+' capi/l1l2.map)
    diff <("$objdump" -p "$build/libl1l2-0.dll" | sed -n 's/.*DLL Name: //p' | sort) \
        <(printf '%s\n' KERNEL32.dll msvcrt.dll)
else
    cp "$prefix"/lib*/libl1l2.so.0 "$build/"
    compile -L"$build" -l:libl1l2.so.0 -Wl,-rpath,"$PWD/$build" -o "$build/conformance"
    run=("${emulator[@]}" "$build/conformance")
fi
for isa in $isas; do
    has=$(L1L2_ISA=$isa "${run[@]}" isa </dev/null 2>/dev/null | tr -d '\r')
    if [ "$has" != "$isa" ]; then
        echo "$target, $isa: left out, as this machine does not have it"
        continue
    fi
    L1L2_ISA=$isa "${run[@]}" vectors "$vectors" </dev/null 2>"$build/errors" | tr -d '\r' >"$build/out" || {
        cat "$build/errors" >&2
        exit 1
    }
    grep -qx "$cases cases, all bits equal" "$build/out" || {
        echo "$target, $isa: not all of $cases cases: $(cat "$build/out")" >&2
        exit 1
    }
    echo "$target, $isa: $(cat "$build/out")"
done
