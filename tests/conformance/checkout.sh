#!/usr/bin/env bash
# Makes a checkout to install a package from, without what was built in this one:
#     checkout.sh FOLDER LANGUAGE     (FOLDER is replaced)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$1"
mkdir -p "$1"
tar -C "$root" --exclude={build,native,node_modules,lib,Manifest.toml} -cf - CMakeLists.txt LICENSE NOTICE \
    "bindings/$2" capi cmake "examples/$2" include pkgconfig src threads | tar -C "$1" -xf -
