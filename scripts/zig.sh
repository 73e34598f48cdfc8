#!/usr/bin/env bash
# Builds the library for systems that Debian has no compiler for, by zig, and checks it:
#     scripts/zig.sh musl      x86-64 Linux with musl, as Alpine; runs, linked statically
#     scripts/zig.sh glibc     x86-64 Linux from glibc 2.17 on, as RHEL 7; runs
#     scripts/zig.sh freebsd   x86-64; exports and needed libraries are checked, nothing is run
#     scripts/zig.sh macos     arm64 and x86-64; likewise
#     scripts/zig.sh wasi      WebAssembly; the test vectors run in Node
# The programs are those of tests/conformance and tests/bits. zig is the one on the PATH, or it is fetched from
# Python's package index. Exits with 77 if there is none, or for wasi no Node.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/zig.sh
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev binutils
folder=$PWD/build-zig
mkdir -p "$folder"

case ${1-} in
musl) targets=(x86_64-linux-musl) system=Linux ;;
glibc) targets=(x86_64-linux-gnu.2.17) system=Linux ;;
freebsd) targets=(x86_64-freebsd) system=FreeBSD ;;
macos) targets=(aarch64-macos x86_64-macos) system=Darwin ;;
wasi) targets=(wasm32-wasi) system=Generic ;; # of CMake's systems the one without shared libraries
*) wrong_usage "zig.sh takes one system: ${1:-none was named}" ;;
esac

if [ "$1" = wasi ]; then
    offer_packages nodejs
    command -v node >/dev/null || {
        echo "no node"
        exit 77
    }
fi
tools=$folder/$1
make_zig "$tools" "$folder"
copy_headers "$tools/headers"

# Fails unless the program finds all bits equal, with each instruction set of this CPU.
compare() {
    local isa found
    for isa in avx512bw avx2 sse2 generic; do
        found=$(L1L2_ISA=$isa "$1/conformance" isa)
        [ "$found" = "$isa" ] || continue
        echo "$target, $isa: $(L1L2_ISA=$isa "$1/conformance" vectors tests/conformance/vectors.txt)"
        echo "$target, $isa: $(L1L2_ISA=$isa "$1/bits" tests/bits/golden.txt)"
    done
    # zig's runtime has no __builtin_cpu_supports: the best one must be chosen nevertheless.
    [ "$("$1/conformance" isa)" = "$(g++ -x c++ -E -march=native -dM /dev/null | awk '
        / __AVX2__ / { two = 1 } / __AVX512BW__ / { wide = 1 }
        END { print wide ? "avx512bw" : two ? "avx2" : "sse2" }')" ]
}

for target in "${targets[@]}"; do
    build=$tools/$target
    cmake -S . -B "$build" -DCMAKE_SYSTEM_NAME=$system -DCMAKE_SYSTEM_PROCESSOR="${target%%-*}" \
        -DCMAKE_CXX_COMPILER="$tools/c++" -DCMAKE_AR="$tools/ar" -DCMAKE_CXX_FLAGS="-target $target" \
        -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF "${dependencies[@]}" \
        >"$build.log" 2>&1 && cmake --build "$build" --parallel "$(nproc)" >>"$build.log" 2>&1 || {
        tail -n 40 "$build.log" >&2
        exit 1
    }
    options=(-target "$target" -O1 -Iinclude)
    case $1 in
    macos)
        tests/binary/foreign.sh macho "$build/capi/libl1l2.0.dylib" @rpath/libl1l2.0.dylib
        echo "$target: built, not run"
        continue
        ;;
    musl)
        # What a program links is one file: no loader of musl is needed to run it.
        [ "$(readelf -d "$build/capi/libl1l2.so.0" | grep -c NEEDED)" -eq 1 ]
        library=("$build/capi/libl1l2.a")
        ;;
    wasi)
        "$tools/cc" "${options[@]}" -std=gnu11 tests/conformance/conformance.c "$build/capi/libl1l2.a" -lc++ -s \
            -o "$build/conformance.wasm"
        found=$(node --no-warnings tests/support/wasi.mjs "$build/conformance.wasm" vectors \
            tests/conformance/vectors.txt)
        echo "$target: $found"
        [ "$found" = "$(grep -vc '^#' tests/conformance/vectors.txt) cases, all bits equal" ]
        continue
        ;;
    *) library=(-L"$build/capi" -ll1l2 "-Wl,-rpath,$build/capi") ;;
    esac
    tests/binary/symbols.sh exports "$build/capi/libl1l2.so.0" include/l1l2.h capi/l1l2.map
    if [ "$1" = freebsd ]; then
        needed=$(readelf -d "$build/capi/libl1l2.so.0" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | LC_ALL=C sort | xargs)
        [ "$needed" = "libc.so.7 libm.so.5 libthr.so.3" ] || {
            echo "$target: needs $needed" >&2
            exit 1
        }
        echo "$target: built, not run"
        continue
    fi
    "$tools/cc" "${options[@]}" -std=gnu11 -c tests/conformance/conformance.c -o "$build/conformance.o"
    "$tools/c++" "${options[@]}" "$build/conformance.o" "${library[@]}" -pthread -o "$build/conformance"
    "$tools/c++" "${options[@]}" -std=c++17 tests/bits/bits.cpp "${library[@]}" -pthread -o "$build/bits"
    compare "$build"
done
