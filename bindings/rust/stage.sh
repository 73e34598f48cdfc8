#!/usr/bin/env bash
# Makes the packages as they would be published, in FOLDER, with all that a build needs offline:
#     stage.sh FOLDER
# FOLDER/l1l2-sys-VERSION.crate and FOLDER/l1l2-VERSION.crate. test_staged.sh tests them.
set -euo pipefail
packages=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$packages/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
workspace=$folder/workspace
rm -rf "$workspace"
mkdir -p "$workspace"
(cd "$packages" && cp -r Cargo.toml Cargo.lock README.md l1l2 l1l2-sys "$workspace")
for package in l1l2 l1l2-sys; do
    cp "$root/LICENSE" "$root/NOTICE" "$workspace/$package"
done
native=$workspace/l1l2-sys/native
mkdir "$native"
cp -r "$root/src" "$root/capi" "$root/include" "$native"
find "$native" -name CMakeLists.txt -delete
rm -f "$native/include/l1l2.hpp" "$native/include/l1l2_threads.h"
"$root/scripts/lib/third_party.sh" "$native/third_party"
cargo package --quiet --allow-dirty --no-verify --manifest-path "$workspace/Cargo.toml" --workspace \
    --target-dir "$folder/target"
cp "$folder"/target/package/*.crate "$folder"
for crate in "$folder"/*.crate; do
    size=$(stat -c %s "$crate")
    echo "${crate##*/}: $((size / 1000)) KB"
    [ "$size" -lt 500000 ] || {
        echo "$crate is larger than 500 KB" >&2
        exit 1
    }
done
