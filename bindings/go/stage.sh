#!/usr/bin/env bash
# Makes the module as it would be published:
#     stage.sh FOLDER PREFIX          with the library for the system that this runs on, which is installed in PREFIX
#     stage.sh FOLDER '' LIBRARIES    with the static libraries for Linux, built here, and all shared libraries, of which
#                                     LIBRARIES has a folder for each, as scripts/lib/platform.sh makes it
# FOLDER/module, and FOLDER/proxy with the same as a module proxy serves it.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$source/../.." && pwd)
mkdir -p "$1"
module=$(cd "$1" && pwd)/module
rm -rf "$module"
cp -r "$source" "$module"
cp "$root/LICENSE" "$root/NOTICE" "$root/include/l1l2.h" "$module"
rm -f "$module"/{.gitignore,test.sh,test_staged.sh,stage.sh,build.sh,embed.sh} \
    "$module"/internal/*/{libl1l2,embed}_*
sed -i -e '/^\/\/go:generate/,+1d' "$module/l1l2.go"
sed -i -e '/^#cgo CFLAGS/d' "$module/cgo.go"
"$source/build.sh" "$2" "$module"
if [ $# -gt 2 ]; then
    [ "$(go env GOHOSTARCH)" = amd64 ] || {
        echo "the libraries for Linux are built on x86-64"
        exit 77
    }
    GOARCH=arm64 "$source/build.sh" '' "$module"
    for folder in "$3"/*; do
        IFS=- read -r system architecture libc <<<"${folder##*/}"
        [ "$libc" != musl ] || continue # which Go does not tell from glibc
        "$source/embed.sh" "$module" "${system/win32/windows}" "${architecture/x64/amd64}" "$folder"/libl1l2*
    done
fi
for library in "$module"/internal/*/libl1l2_*; do
    bytes=$(gzip -c "$library" | wc -c)
    echo "${library##*/}: $((bytes / 1000)) KB packed"
    [ "$bytes" -le 500000 ] || {
        echo "${library##*/} is larger than 500 KB packed" >&2
        exit 1
    }
done

# Times, modes and order are fixed, so that the same files make the same archive.
name=$(sed -n 's/^module //p' "$module/go.mod")
version=v$("$root/scripts/lib/version.sh")
served=${module%/*}/proxy/$name/@v
rm -rf "${module%/*}/proxy" "${module%/*}/zipped"
mkdir -p "$served" "${module%/*}/zipped/${name%/*}"
cp -r "$module" "${module%/*}/zipped/$name@$version"
cp "$module/go.mod" "$served/$version.mod"
echo "$version" >"$served/list"
date=$(date --utc --date="@${SOURCE_DATE_EPOCH-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
echo "{\"Version\":\"$version\",\"Time\":\"$date\"}" >"$served/$version.info"
cd "${module%/*}/zipped"
chmod -R a+rX,u+w,go-w .
find . -exec touch --date="$date" {} +
find "$name@$version" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "$served/$version.zip"
rm -r "${module%/*}/zipped"
