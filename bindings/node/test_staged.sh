#!/usr/bin/env bash
# Tests the packages that stage.js has made in FOLDER, without a registry, in a project of a user's own:
#     test_staged.sh FOLDER
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
cd "$1"

fail() {
    echo "$*" >&2
    exit 1
}

for archive in *.tgz; do
    [ "$(stat -c %s "$archive")" -le 500000 ] || fail "$archive is larger than 500 KB"
done
rm -rf project
mkdir project
cp -r "$source/test" project/
cd project
echo '{ "private": true }' >package.json
npm install --offline --ignore-scripts --no-audit --no-fund --loglevel=error ../*.tgz
"$source/../../tests/conformance/readme_program.sh" js node_modules/l1l2/README.md >program.mjs
node program.mjs | tee program.out
grep -qx 'penalty 0.15375' program.out || fail "the program of README.md failed"
L1L2_VECTORS=$source/../../tests/conformance/vectors.txt node --test test/conformance.test.mjs >test.out ||
    fail "$(cat test.out)"
