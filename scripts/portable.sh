#!/usr/bin/env bash
# Makes a tarball that runs on any Linux with glibc 2.31 or later (Debian 11, Ubuntu 20.04, RHEL 9), and tests
# it: build-portable/l1l2-VERSION-linux-ARCHITECTURE.tar.gz
#     scripts/portable.sh
# It is built in a root of Debian 11, as libc and static C++ runtime of newer systems bring symbols that older
# ones lack. The same sources make the same bytes; the files' time is $SOURCE_DATE_EPOCH, by default that of the commit.
# Exits with 77 if the root cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
[ $# -eq 0 ] || wrong_usage "unknown argument: $*"
. scripts/lib/packages.sh
. scripts/lib/roots.sh
ensure_packages binutils libxsimd-dev
offer_packages debootstrap debian-archive-keyring gpgv
oldest_glibc=2.31
epoch=${SOURCE_DATE_EPOCH-$(git show --no-patch --format=%ct HEAD 2>/dev/null || echo 0)}

root=$PWD/build-portable/bullseye
make_root bullseye "$root" g++ make cmake pkg-config nlohmann-json3-dev

# The xsimd of Debian 11 is too old. It consists of headers, so those of this system are copied.
as_root rm -rf "$root/l1l2"
as_root mkdir -p "$root/l1l2/xsimd" "$root/l1l2/source"
header_files libxsimd-dev | as_root xargs cp --parents -t "$root/l1l2/xsimd"
as_root cp -r --parents CMakeLists.txt CHANGELOG.md LICENSE NOTICE capi cmake docs include pkgconfig \
    src threads examples/c tests/conformance "$root/l1l2/source"

in_root "$root" cmake -S /l1l2/source -B /l1l2/build -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH=/l1l2/xsimd/usr -DCMAKE_INSTALL_LIBDIR=lib -DL1L2_BUILD_STATIC=OFF \
    -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF -DL1L2_BUILD_TESTS=OFF >build-portable/log
in_root "$root" cmake --build /l1l2/build --parallel "$(nproc)" >>build-portable/log
in_root "$root" env --chdir=/l1l2/build cpack -G TGZ >>build-portable/log
tarball=$(cd "$root/l1l2/build" && echo l1l2-*-linux-*.tar.gz)
name=${tarball%.tar.gz}

# Packs it again, as CPack keeps times and the order of the files.
rm -rf build-portable/unpacked
mkdir build-portable/unpacked
tar -C build-portable/unpacked -xf "$root/l1l2/build/$tarball"
SOURCE_DATE_EPOCH=$epoch scripts/lib/archive.sh "build-portable/unpacked/$name"
mv "build-portable/unpacked/$tarball" build-portable/

# Links and opens the library in programs that check its results.
rm -r build-portable/unpacked
mkdir build-portable/unpacked
tar -C build-portable/unpacked -xf "build-portable/$tarball" --strip-components=1
library=build-portable/unpacked/lib/libl1l2.so.0
newest=$(objdump -T "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
if [ "$(printf '%s\n' "GLIBC_$oldest_glibc" "$newest" | sort -V | tail -n 1)" != "GLIBC_$oldest_glibc" ]; then
    echo "it needs $newest" >&2
    exit 1
fi
tests/binary/symbols.sh exports "$library" include/l1l2.h capi/l1l2.map
tests/binary/symbols.sh dependencies "$library"
tests/binary/symbols.sh size "$library"
as_root cp -r build-portable/unpacked "$root/l1l2/prefix"
in_root "$root" sh -ec '
    cd /l1l2/source/tests/conformance
    export PKG_CONFIG_PATH=/l1l2/prefix/lib/pkgconfig LD_LIBRARY_PATH=/l1l2/prefix/lib
    cc conformance.c $(pkg-config --cflags --libs l1l2) -pthread -o linked
    cc -DL1L2_CONFORMANCE_DLOPEN conformance.c $(pkg-config --cflags l1l2) -pthread -ldl -o opened
    for program in linked opened; do
        ./$program vectors vectors.txt
    done'
echo "build-portable/$tarball: needs $newest, ran with $(in_root "$root" ldd --version | sed -n '1s/.* //p')"
