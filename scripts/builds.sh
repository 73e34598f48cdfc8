#!/usr/bin/env bash
# Builds the library with other compilers, optimisation levels, versions of xsimd and ways of CMake, and checks that
# all compute the same bits:
#     scripts/builds.sh [NAME...]
#
#     COMPILER-LEVEL         gcc, clang-14 or clang-19, at O0, O2 or O3, kernels included, with this system's
#                            xsimd
#     COMPILER-LEVEL-SUITE   with the xsimd of Debian's trixie (13.2) or sid (14.3)
#     trixie, sid            in a root of that release, with its compiler, xsimd and Catch2, and with the unit
#                            tests and those of the threads; needs root
#     unity                  CMAKE_UNITY_BUILD: several sources are compiled as one
#     lto                    CMAKE_INTERPROCEDURAL_OPTIMIZATION: what is outside of src is optimised by the linker
#     multi-config           by the generator Ninja Multi-Config, as Debug
#     libc++                 with LLVM's C++ library in the place of GCC's
#     plain                  without hardening, and with the system's C++ runtime
#
# Without a name: each compiler at each level, gcc and clang-19 at O2 with the xsimd of each suite, and each way. Each
# library runs the programs of tests/conformance and tests/bits with each instruction set of this CPU. Prints
# a line for each name; logs are in build-builds/NAME. A run without names is recorded as a figure of docs/testing.md.
# Exits with 1 if one failed, with 77 if none was built.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/roots.sh
. scripts/lib/suites.sh
. scripts/lib/figures.sh
folder=$PWD/build-builds
mkdir -p "$folder/headers"

# Prints the folder of the headers of a suite's xsimd, which is fetched once. Its package depends on xtl-dev,
# which is not used here, in a version that this system may not have.
suite_headers() {
    local headers=$folder/headers/$1
    echo "$headers"
    [ -e "$headers.fetched" ] || {
        rm -rf "$headers"
        fetch_packages "$1" "$headers" libxsimd-dev xtl-dev && touch "$headers.fetched"
    }
}

# compare PROGRAMS SOURCE COMMAND...  runs both programs through the command, and prints the instruction sets
# with which they found all bits equal.
compare() {
    local programs=$1 source=$2 isa found
    for isa in avx512bw avx2 sse2 neon64 generic; do
        local run=("${@:3}" "L1L2_ISA=$isa")
        found=$("${run[@]}" "$programs/conformance" isa)
        [ "$found" = "$isa" ] || continue
        "${run[@]}" "$programs/conformance" vectors "$source/tests/conformance/vectors.txt" >&2
        "${run[@]}" "$programs/bits" "$source/tests/bits/golden.txt" >&2
        echo "$isa"
    done
}

# programs COMPILER C_COMPILER BUILD SOURCE COMMAND...  compiles both programs into a build folder.
programs() {
    local options=(-O1 -I"$4/include" -L"$3/capi" -l:libl1l2.so.0 "-Wl,-rpath,$3/capi" -pthread)
    "${@:5}" "$2" -std=gnu11 "$4/tests/conformance/conformance.c" "${options[@]}" -o "$3/conformance"
    "${@:5}" "$1" -std=c++17 "$4/tests/bits/bits.cpp" "${options[@]}" -o "$3/bits"
}

# Prints the compiler and the xsimd of a build folder.
describe() {
    local xsimd compiler
    compiler=$(sed -nE 's/^set\(CMAKE_CXX_COMPILER_(ID|VERSION) "(.*)"\)/\2/p' \
        "$1"/CMakeFiles/*/CMakeCXXCompiler.cmake)
    xsimd=$(sed -n 's/^xsimd_DIR:[A-Z]*=//p' "$1/CMakeCache.txt")
    xsimd=$(sed -nE 's/^set\(PACKAGE_VERSION "(.*)"\)/\1/p' "${2-}$xsimd/xsimdConfigVersion.cmake")
    echo "${compiler//$'\n'/ }, xsimd $xsimd"
}

build_here() {
    local compiler=$1 level=$2 suite=$3 build=$4 headers cxx=g++ cc=gcc options=()
    if [ "$compiler" != gcc ]; then
        cxx=${compiler/clang/clang++} cc=$compiler
    fi
    command -v "$cxx" >/dev/null || {
        echo "no $cxx"
        return 77
    }
    if [ -n "$suite" ]; then
        headers=$(suite_headers "$suite" 2>&1) || {
            echo "no xsimd of Debian's $suite: ${headers#*$'\n'}"
            return 77
        }
        options=(-Dxsimd_DIR="$(dirname "$(find "$headers" -name xsimdConfig.cmake)")"
            -DCMAKE_PREFIX_PATH="$headers/usr")
    fi
    {
        cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$cxx" \
            -DCMAKE_CXX_COMPILER_LAUNCHER="$PWD/tests/support/at_level.sh;-$level" -DL1L2_BUILD_STATIC=OFF \
            -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF "${options[@]}"
        cmake --build "$build"
        programs "$cxx" "$cc" "$build" "$PWD" env
    } >"$build/log" 2>&1
    isas=$(compare "$build" "$PWD" env 2>>"$build/log")
    echo "$(describe "$build"): ${isas//$'\n'/ }"
}

build_way() {
    local build=$2 cxx=g++ cc=gcc tool options=()
    case $1 in
    unity) options=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0) ;;
    lto) options=(-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON) ;;
    multi-config) options=(-G "Ninja Multi-Config") ;;
    libc++) cxx=clang++-19 cc=clang-19 options=(-DCMAKE_CXX_FLAGS=-stdlib=libc++) ;;
    plain) options=(-DL1L2_HARDENING=OFF -DL1L2_STATIC_CXX_RUNTIME=OFF) ;;
    esac
    for tool in "$cxx" $([ "$1" != multi-config ] || echo ninja); do
        command -v "$tool" >/dev/null || {
            echo "no $tool"
            return 77
        }
    done
    if [ "$1" = libc++ ] && ! "$cxx" -stdlib=libc++ -x c++ -include vector -fsyntax-only /dev/null 2>/dev/null; then
        echo "no libc++ for $cxx"
        return 77
    fi
    {
        cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$cxx" -DL1L2_BUILD_TESTS=OFF \
            -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF "${options[@]}"
        cmake --build "$build" --config Debug
        [ "$1" != multi-config ] || ln -sf Debug/libl1l2.so.0 "$build/capi/"
        programs "$cxx" "$cc" "$build" "$PWD" env
    } >"$build/log" 2>&1
    isas=$(compare "$build" "$PWD" env 2>>"$build/log")
    echo "$(describe "$build"): ${isas//$'\n'/ }"
}

# Like in_root, with a /proc, through which a test starts itself again. It vanishes with its namespace.
in_root_with_proc() {
    as_root unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec env -i PATH=/usr/sbin:/usr/bin \
        HOME=/ LC_ALL=C.UTF-8 chroot "$0" "$@"' "$@" </dev/null
}

build_in_root() {
    local suite=$1 build=$2 root=$folder/roots/$1
    make_root "$suite" "$root" g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev catch2 \
        libtbb-dev libdlpack-dev binutils
    {
        as_root rm -rf "$root/l1l2/source"
        as_root mkdir -p "$root/l1l2/source"
        as_root cp -r --parents CMakeLists.txt CHANGELOG.md LICENSE NOTICE README.md capi cmake docs include \
            pkgconfig scripts src threads tests examples/c "$root/l1l2/source"
        in_root "$root" cmake -S /l1l2/source -B /l1l2/build -DCMAKE_BUILD_TYPE=Release
        in_root "$root" cmake --build /l1l2/build --parallel "$(nproc)" \
            --target unit_tests threads_tests l1l2_shared
        programs c++ cc /l1l2/build /l1l2/source in_root "$root"
        in_root_with_proc "$root" env --chdir=/l1l2/build/tests ./unit_tests '~[locale]~[isa]'
        in_root_with_proc "$root" env --chdir=/l1l2/build/tests ./threads_tests
    } >"$build/log" 2>&1
    isas=$(compare /l1l2/build /l1l2/source in_root "$root" env 2>>"$build/log")
    echo "$(describe "$root/l1l2/build" "$root"), unit tests, threads_tests: ${isas//$'\n'/ }"
}

# Prints the result and returns the status of the build.
check() {
    local build=$folder/$1
    mkdir -p "$build"
    case $1 in
    trixie | sid) build_in_root "$1" "$build" ;;
    *-O[023]) build_here "${1%-*}" "${1##*-}" '' "$build" ;;
    *-O[023]-trixie | *-O[023]-sid)
        local rest=${1%-*}
        build_here "${rest%-*}" "${rest##*-}" "${1##*-}" "$build"
        ;;
    unity | lto | multi-config | libc++ | plain) build_way "$1" "$build" ;;
    *)
        echo "there is no such build"
        return 1
        ;;
    esac
}

if [ "${1-}" = --one ]; then
    # A shell of its own, as set -e has no effect in report.
    check "$2"
    exit
fi

ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev binutils
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    names=({gcc,clang-14,clang-19}-{O0,O2,O3} {gcc,clang-19}-O2-{trixie,sid} unity lto multi-config libc++ plain)
fi
for name in "${names[@]}"; do
    case $name in
    clang-*) offer_packages "${name%%-O*}" ;;
    trixie | sid) offer_packages debootstrap debian-archive-keyring gpgv ;;
    libc++) offer_packages clang-19 libc++-19-dev libc++abi-19-dev ;;
    multi-config) offer_packages ninja-build ;;
    *-O[023] | *-O[023]-trixie | *-O[023]-sid | unity | lto | plain) ;;
    *) wrong_usage "there is no build $name" ;;
    esac
done
# Fetched here, as two builds at once may want the same.
for suite in trixie sid; do
    [[ " ${names[*]} " != *-$suite\ * ]] || suite_headers $suite >/dev/null 2>&1 || true
done

report() {
    local start=$SECONDS status=0 result
    result=$(scripts/builds.sh --one "$1") || status=$?
    case $status in
    0) echo "$1: all bits equal, $((SECONDS - start)) s: $(tail -n 1 <<<"$result")" ;;
    77) echo "$1: skipped, $(tail -n 1 <<<"$result")" ;;
    *) echo "$1: FAILED, see build-builds/$1/log $result" ;;
    esac
}
# As many at once as there are cores.
results=$(mktemp)
trap 'rm -f "$results"' EXIT
{
    for name in "${names[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
            wait -n
        done
        report "$name" &
    done
    wait
} | tee "$results"
! grep -q ': FAILED' "$results" || exit 1
[ "$(wc -l <"$results")" -eq ${#names[@]} ] # a build that was killed prints nothing
equal=$(sed -n 's/: all bits equal.*//p' "$results" | LC_ALL=C sort | paste -sd ' ')
[ -n "$equal" ] || exit 77
[ $# -gt 0 ] || figure builds "all bits equal: ${equal// /, }"
