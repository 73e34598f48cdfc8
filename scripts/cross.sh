#!/usr/bin/env bash
# Builds the library for another system with a cross compiler, and runs the programs that compare bits
# there (tests/conformance, tests/bits) under an emulator:
#     scripts/cross.sh windows    build-cross/windows/libl1l2-0.dll, by mingw-w64, under Wine
#     scripts/cross.sh PROCESSOR  build-cross/PROCESSOR/libl1l2.so.0, under QEMU; PROCESSOR is aarch64,
#                                 arm, i386, ppc64le, riscv64 or s390x, whose bytes are in the other order
#     scripts/cross.sh x86_64     the same on older x86-64 CPUs and such that lack one thing, each of
#                                 which must choose the instruction set that is right for it
# Exits with 77 if compiler or emulator cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev binutils
target=${1-}
# The CPUs to emulate, each with the instruction set that it must choose; else the emulator's own CPU, with
# each of the instruction sets that may be there. AVX-512 is not.
cpus=()

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
x86_64)
    compiler=x86_64-linux-gnu suffix='' isas='' emulator=(qemu-x86_64 -L "/usr/x86_64-linux-gnu")
    [ "$(uname -m)" != x86_64 ] || emulator=(qemu-x86_64)
    cpus=('qemu64 sse2' 'Nehalem sse2' 'SandyBridge sse2' 'Haswell avx2' 'EPYC avx2' 'Haswell,-fma sse2'
        'Haswell,-f16c sse2' 'Haswell,-avx2 sse2' 'Haswell,-xsave sse2') # the last has no OSXSAVE either
    command -v "$compiler-g++" >/dev/null || offer_packages "g++-x86-64-linux-gnu"
    offer_packages qemu-user
    system=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=x86_64)
    ;;
*)
    sed -n '2,9p' scripts/cross.sh >&2
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

# The programs that compare bits with what NumPy found.
prefix=$build/prefix vectors=tests/conformance/vectors.txt golden=tests/bits/golden.txt
cases=$(grep -vc '^#' "$vectors")
exe='' library=(-L"$build" -l:libl1l2.so.0 -Wl,-rpath,"$PWD/$build") run=("${emulator[@]}")
if [ "$target" = windows ]; then
    cp "$prefix/bin/libl1l2-0.dll" "$build/"
    exe=.exe library=(-D__USE_MINGW_ANSI_STDIO "$prefix/lib/libl1l2.dll.a" -static)
    export WINEDEBUG=-all WINEPREFIX=$PWD/$build/wine
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
    # So that bits can set the register of what the library computes with.
    [ "$target" != i386 ] || library+=(-msse2)
fi
options=(-O2 -Wall -Wextra -Werror -I"$prefix/include" -pthread)
"$compiler-gcc$suffix" -std=gnu11 "${options[@]}" tests/conformance/conformance.c "${library[@]}" \
    -o "$build/conformance$exe"
"$compiler-g++$suffix" -std=c++17 "${options[@]}" tests/bits/bits.cpp "${library[@]}" -o "$build/bits$exe"

say_isa() {
    "${run[@]}" "$build/conformance$exe" isa </dev/null 2>/dev/null | tr -d '\r'
}

# check NAME PROGRAM NUMBER ARGUMENT...  prints what the program says, which must be that all bits of that
# number of things are equal.
check() {
    "${run[@]}" "$build/$2$exe" "${@:4}" </dev/null 2>"$build/errors" | tr -d '\r' >"$build/out" || {
        grep -v 'warning: TCG' "$build/errors" | tail -n 20 >&2 # QEMU names what it leaves out of a CPU
        exit 1
    }
    grep -qE "^$3, all bits equal" "$build/out" || {
        echo "$1: not $3: $(cat "$build/out")" >&2
        exit 1
    }
    echo "$1: $(cat "$build/out")"
}
check_both() {
    check "$1" conformance "$cases cases" vectors "$vectors"
    check "$1" bits '[1-9][0-9]* hashes' "$golden"
}

# It runs at all: what does not is not to be taken for a CPU that lacks something.
if [ -n "$isas" ] && [ "$(L1L2_ISA=generic say_isa)" != generic ]; then
    echo "$target: ${emulator[0]} does not run a program"
    exit 77
fi

# Under each of the instruction sets that the emulator has, the same bits.
for isa in $isas; do
    export L1L2_ISA=$isa
    if [ "$(say_isa)" != "$isa" ]; then
        echo "$target, $isa: left out, as this machine does not have it"
        continue
    fi
    check_both "$target, $isa"
done
unset L1L2_ISA
for cpu in "${cpus[@]}"; do
    isa=${cpu#* } cpu=${cpu% *}
    run=("${emulator[@]}" -cpu "$cpu")
    for wish in '' avx512bw; do # which none of them has
        chosen=$(L1L2_ISA=$wish say_isa) || true # an illegal instruction chooses nothing
        [ "$chosen" = "$isa" ] || {
            echo "$target, $cpu: chooses ${chosen:-nothing}, not $isa" >&2
            exit 1
        }
    done
    check_both "$target, $cpu, $isa"
done
