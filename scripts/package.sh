#!/usr/bin/env bash
# Makes Debian packages for the release of this system, build-package/*.deb:
#     scripts/package.sh          makes them and checks them with lintian
#     scripts/package.sh --try    also installs them in a fresh root and builds programs with them
# They are linked with the system's C++ runtime. Exits with 77 if this is no Debian or, with --try, if the root
# cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/roots.sh
[[ $* =~ ^(--try)?$ ]] || wrong_usage "unknown argument: $*"
. /etc/os-release
if [ "$ID" != debian ]; then
    echo "no packages are made, as this is no Debian"
    exit 77
fi
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev libtbb-dev libhdf5-dev libzip-dev dpkg-dev
offer_packages lintian debootstrap debian-archive-keyring gpgv

cmake -S . -B build-package -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_INSTALL_DOCDIR=share/doc/libl1l2-dev -DL1L2_STATIC_CXX_RUNTIME=OFF \
    -DL1L2_DEB_PACKAGES=ON -DL1L2_BUILD_THREADS=ON -DL1L2_BUILD_TOOLS=ON -DL1L2_BUILD_TESTS=OFF >/dev/null
cmake --build build-package --parallel "$(nproc)" >build-package/log
rm -f build-package/*.deb
(cd build-package && cpack -G DEB >cpack.log || (cat cpack.log && false))
(cd build-package && ls ./*.deb)
command -v lintian >/dev/null || {
    echo "lintian is not installed, so they were not checked"
    exit 77
}
lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs build-package/*.deb

[ "${1-}" = --try ] || exit 0
root=$PWD/build-package/$VERSION_CODENAME
make_root "$VERSION_CODENAME" "$root" g++ cmake make pkg-config libtbb-dev libhdf5-dev libzip-dev
as_root rm -rf "$root/try"
as_root mkdir "$root/try"
as_root cp -r build-package/*.deb examples/c/penalty/penalty.c examples/cpp/keras_terms tests/consumers \
    tests/keras_models/keras3/dense.keras "$root/try"
in_root "$root" sh -ec '
    cd /try
    # Of an earlier run that failed.
    dpkg --purge l1l2-keras libl1l2-keras-dev libl1l2-threads-dev libl1l2-threads0 libl1l2-dev libl1l2-0
    dpkg --install *.deb
    # The program of the README, with pkg-config.
    cc penalty.c $(pkg-config --cflags --libs l1l2) -o penalty
    ./penalty
    ldd penalty | grep "libl1l2.so.0 => /[a-z/0-9_-]*linux-gnu"
    # CMake, the static library, and threads.
    for consumed in l1l2::l1l2 l1l2::l1l2_static; do
        cmake -S consumers/find_package -B find_package -DCONSUMED=$consumed
        cmake --build find_package --clean-first
        ./find_package/consumer
    done
    cmake -S consumers/threads -B threads -DCONSUMED=l1l2::threads
    cmake --build threads
    ./threads/consumer
    # Keras models.
    l1l2-keras dense.keras
    cmake -S keras_terms -B keras
    cmake --build keras
    ./keras/keras_terms dense.keras
    # Nothing is left behind.
    dpkg --purge l1l2-keras libl1l2-keras-dev libl1l2-0 libl1l2-dev libl1l2-threads0 libl1l2-threads-dev
    ! find /usr /etc /var/lib /lib -name "*l1l2*" | grep .' >build-package/try.log 2>&1 || {
    tail -n 40 build-package/try.log
    exit 1
}
grep '^penalty ' build-package/try.log
