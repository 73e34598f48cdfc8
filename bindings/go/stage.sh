#!/usr/bin/env bash
# Makes the module as it would be published, in FOLDER/module, with the library for the system that this runs on:
#     stage.sh FOLDER [PREFIX]
# PREFIX is an installed libl1l2; without it the sources are built.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$source/../.." && pwd)
mkdir -p "$1"
module=$(cd "$1" && pwd)/module
rm -rf "$module"
cp -r "$source" "$module"
cp "$root/LICENSE" "$root/NOTICE" "$root/include/l1l2.h" "$module"
rm -f "$module"/{.gitignore,test.sh,stage.sh,build.sh} "$module"/internal/*/libl1l2_*
sed -i -e '/^\/\/go:generate/,+1d' "$module/l1l2.go"
sed -i -e '/^#cgo CFLAGS/d' "$module/cgo.go"
"$source/build.sh" "${2-}" "$module"
gzip -c "$module"/internal/*/libl1l2_* | wc -c | awk '{ print "libraries: " int($1 / 1000) " KB packed" }'
