#!/usr/bin/env bash
# Builds the library for another system with a cross compiler, and compares its bits there under an emulator:
#     scripts/cross.sh windows    build-cross/windows/libl1l2-0.dll, by mingw-w64, under Wine
#     scripts/cross.sh PROCESSOR  build-cross/PROCESSOR/libl1l2.so.0, under QEMU; PROCESSOR is aarch64, arm,
#                                 i386, ppc64le, riscv64 or s390x, which is big-endian
#     scripts/cross.sh x86_64     the same on older x86-64 CPUs, and on CPUs that lack one feature; each must
#                                 choose the right instruction set
# The programs are those of tests/conformance and tests/bits; each run is recorded as a figure of docs/testing.md.
# Exits with 77 without the compiler or emulator.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/figures.sh
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev binutils
target=${1-}
# The CPUs to emulate, each with the instruction set that it must choose. Without any, the emulator's default
# CPU is used with each of the instruction sets in isas. No emulated CPU has AVX-512.
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
    # An x86-64 runs i386 natively, through the loader of the cross compiler's libc.
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
    wrong_usage "cross.sh takes one system: ${target:-none was named}"
    ;;
esac
for tool in "$compiler-g++$suffix" "${emulator[0]}"; do
    command -v "$tool" >/dev/null || {
        echo "no $tool"
        exit 77
    }
done

# xsimd and nlohmann_json, in a folder without this system's other headers.
build=build-cross/$target
copy_headers "$PWD/$build/headers"
cmake -S . -B "$build" "${system[@]}" -DCMAKE_CXX_COMPILER="$compiler-g++$suffix" \
    -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF "${dependencies[@]}" >/dev/null
cmake --build "$build" --parallel "$(nproc)" >"$build/log"
cmake --install "$build" --prefix "$build/prefix" --strip >/dev/null

# The programs that compare bits with those that NumPy computed.
prefix=$build/prefix vectors=tests/conformance/vectors.txt golden=tests/bits/golden.txt
cases=$(grep -vc '^#' "$vectors")
exe='' library=(-L"$build" -l:libl1l2.so.0 -Wl,-rpath,"$PWD/$build") run=("${emulator[@]}")
if [ "$target" = windows ]; then
    cp "$prefix/bin/libl1l2-0.dll" "$build/"
    exe=.exe library=(-D__USE_MINGW_ANSI_STDIO "$prefix/lib/libl1l2.dll.a" -static)
    export WINEDEBUG=-all WINEPREFIX=$PWD/$build/wine
    tests/binary/foreign.sh pe "$build/libl1l2-0.dll"
else
    cp "$prefix"/lib*/libl1l2.so.0 "$build/"
    [ "$target" != aarch64 ] || find "$build/src" "$build/capi" -name '*.o' -exec tests/binary/symbols.sh hardened {} +
    # The library computes with SSE2, so bits has to set its control register.
    [ "$target" != i386 ] || library+=(-msse2)
fi
options=(-O2 -Wall -Wextra -Werror -I"$prefix/include" -pthread)
"$compiler-gcc$suffix" -std=gnu11 "${options[@]}" tests/conformance/conformance.c "${library[@]}" \
    -o "$build/conformance$exe"
"$compiler-g++$suffix" -std=c++17 "${options[@]}" tests/bits/bits.cpp "${library[@]}" -o "$build/bits$exe"

say_isa() {
    "${run[@]}" "$build/conformance$exe" isa </dev/null 2>/dev/null | tr -d '\r'
}

# check NAME PROGRAM NUMBER ARGUMENT...  prints the program's output, which must be that all bits are equal, of
# that number of cases or hashes.
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
check_vectors() {
    check "$1" conformance "$cases cases" vectors "$vectors"
}
check_both() {
    check_vectors "$1"
    check "$1" bits '[1-9][0-9]* hashes' "$golden"
}

# A program that does not run at all must not pass for a CPU without the instruction set.
if [ -n "$isas" ] && [ "$(L1L2_ISA=generic say_isa)" != generic ]; then
    echo "$target: ${emulator[0]} does not run a program"
    exit 77
fi

# The bits are the same with each instruction set that the emulator has.
equal=()
for isa in $isas; do
    export L1L2_ISA=$isa
    if [ "$(say_isa)" != "$isa" ]; then
        echo "$target, $isa: left out, as this machine does not have it"
        continue
    fi
    # generic runs the long program only where it is the only kernel.
    if [ "$isa" = generic ] && [ "$isas" != generic ]; then
        check_vectors "$target, $isa"
    else
        check_both "$target, $isa"
    fi
    equal+=("$isa")
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
    # The long program on the CPU that has the least; others run it on this one.
    if [ "$cpu" = "${cpus[0]% *}" ]; then
        check_both "$target, $cpu, $isa"
    else
        check_vectors "$target, $cpu, $isa"
    fi
    equal+=("${cpu/,-/ without }")
done
names=$(printf ', %s' "${equal[@]}")
figure "test vectors and bits on $target" "all equal with ${names#, }"
