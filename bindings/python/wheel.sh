#!/usr/bin/env bash
# Makes the wheel of an sdist for a platform, by zig, and checks it:
#     wheel.sh FOLDER SDIST PYTHON PLATFORM [FETCHED]
# FOLDER/l1l2-VERSION-py3-none-PLATFORM.whl. PLATFORM is manylinux_2_17_x86_64, manylinux_2_17_aarch64,
# musllinux_1_2_x86_64 or musllinux_1_2_aarch64, PYTHON that of a virtual environment with scikit-build-core and
# auditwheel. zig may be fetched into FETCHED, FOLDER by default. auditwheel finds the wheel suitable; it cannot read
# what zig links with musl, which needs libc.so alone. The library in the wheel gives the vectors, where the platform's
# loader is here.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd) sdist=$(realpath "$2") python=$(cd "$(dirname "$3")" && pwd)/${3##*/} platform=$4
mkdir -p "${5-$1}"
fetched=$(cd "${5-$1}" && pwd)
cd "$(dirname "$0")/../.."
. scripts/lib/packages.sh
. scripts/lib/zig.sh

fail() {
    echo "$*" >&2
    exit 1
}

processor=${platform#*linux_*_*_} strip=strip loader=()
case $platform in
manylinux_2_17_x86_64) target=x86_64-linux-gnu.2.17 ;;
manylinux_2_17_aarch64)
    target=aarch64-linux-gnu.2.17 strip=aarch64-linux-gnu-strip loader=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
    offer_packages binutils-aarch64-linux-gnu qemu-user libc6-arm64-cross
    ;;
musllinux_1_2_x86_64)
    target=x86_64-linux-musl loader=(/lib/ld-musl-x86_64.so.1)
    offer_packages musl
    ;;
musllinux_1_2_aarch64)
    target=aarch64-linux-musl strip=aarch64-linux-gnu-strip loader=(/lib/ld-musl-aarch64.so.1)
    offer_packages binutils-aarch64-linux-gnu qemu-user
    if unpack_foreign arm64 musl "$folder/musl"; then
        loader=(qemu-aarch64 -L "$folder/musl")
    fi
    ;;
*) fail "no such platform: $platform" ;;
esac
command -v $strip >/dev/null || {
    echo "no $strip"
    exit 77
}
make_zig "$folder/tools" "$fetched" "$target"

# The headers of Python's limited API are the same on all these platforms. Python reads the last variable as the
# platform that the wheel is for.
settings=()
for setting in CMAKE_SYSTEM_NAME=Linux "CMAKE_SYSTEM_PROCESSOR=$processor" "CMAKE_AR=$folder/tools/ar" \
    "CMAKE_STRIP=$(type -P $strip)"; do
    settings+=("--config-settings=cmake.define.$setting")
done
host=${platform/_/-}
CC=$folder/tools/cc CXX=$folder/tools/c++ _PYTHON_HOST_PLATFORM=${host/_"$processor"/-$processor} "$python" -m pip \
    wheel --no-index --no-deps --no-build-isolation --wheel-dir "$folder" "${settings[@]}" "$sdist" \
    >"$folder/log" 2>&1 || fail "$(tail -n 20 "$folder/log")"
wheel=$(echo "$folder"/*.whl)
[[ $wheel == *"-py3-none-$platform.whl" ]] || fail "not a wheel for $platform: $wheel"
[ "$(stat -c %s "$wheel")" -le 500000 ] || fail "$wheel is larger than 500 KB"

unzip -q -o "$wheel" 'l1l2/*.so' -d "$folder/unpacked"
[ -e "$folder/unpacked/l1l2/_fast.abi3.so" ] || fail "$wheel has no compiled module"
case $platform in
manylinux*)
    "$python" -m auditwheel show "$wheel" 2>&1 | tr '\n' ' ' >"$folder/log"
    grep "is consistent with the following platform tag: \"$platform\"" "$folder/log" >/dev/null ||
        fail "$(<"$folder/log")"
    ;;
*)
    needed=$(readelf -d "$folder"/unpacked/l1l2/*.so | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort -u)
    [ "$needed" = libc.so ] || fail "$wheel needs $needed"
    ;;
esac

"$folder/tools/cc" -dynamic -O1 -std=gnu11 -DL1L2_CONFORMANCE_DLOPEN -Iinclude tests/conformance/conformance.c \
    -pthread -ldl -o "$folder/conformance"
if [ ${#loader[@]} -gt 0 ] && [ ! -x "$(type -P "${loader[0]}")" ]; then
    echo "$platform: not run, as there is no ${loader[0]}"
else
    said=$(L1L2_LIBRARY=$folder/unpacked/l1l2/libl1l2.so "${loader[@]}" "$folder/conformance" vectors \
        tests/conformance/vectors.txt)
    echo "$platform: $said"
fi
