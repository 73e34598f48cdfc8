#!/usr/bin/env bash
# Makes the recipe of a package manager for C and C++, with the version and the hash of a source tarball:
#     stage.sh NAME FOLDER TARBALL     (NAME is conan, meson or vcpkg)
# A recipe fetches the tarball from the address that it names, and builds it. test_staged.sh tests it.
set -euo pipefail
name=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd) tarball=$(realpath "$3")
cd "$(dirname "$0")"
version=${tarball##*/l1l2-}
version=${version%.tar.gz}
sha256=$(sha256sum "$tarball") sha512=$(sha512sum "$tarball")
cp -r "$name/." "$folder"
[ "$name" != conan ] || cp ../examples/c/penalty/penalty.c "$folder/test_package/"
find "$folder" -type f -exec sed -i "s/@VERSION@/$version/g; s/@SHA256@/${sha256%% *}/g; s/@SHA512@/${sha512%% *}/g" {} +
