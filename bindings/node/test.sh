#!/usr/bin/env bash
# Tests the package for Node.js:
#     test.sh PREFIX WORK_DIR     (PREFIX an installed libl1l2)
# Exits with 77, which means skipped, if a tool is missing or npm cannot reach its registry.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$source/../.." && pwd)
library=$(find "$1" -name libl1l2.so.0)
work=$2
export L1L2_VECTORS=$root/tests/conformance/vectors.txt
unset L1L2_LIBRARY

skip() {
    echo "$*"
    exit 77
}

fail() {
    echo "$*" >&2
    exit 1
}

for tool in node npm cmake c++ cc; do
    command -v $tool >/dev/null || skip "no $tool"
done
node -e 'process.exit(Symbol.dispose ? 0 : 1)' || skip "no Node 18.18 or later"
include=$(cd "$source" && node -p 'require("./host.js").include')
[ -e "$include/node_api.h" ] || skip "no node_api.h in $include"

mkdir -p "$work"
work=$(cd "$work" && pwd)
cd "$work"
rm -rf project published
mkdir project published
"$root/tests/conformance/checkout.sh" checkout node
package=$work/checkout/bindings/node

# What the types and their test need.
(cd "$package" && npm ci --ignore-scripts --loglevel=error >"$work/npm.out" 2>&1) || {
    network='NOTFOUND|AI_AGAIN|CONN|HOSTUNREACH|NETUNREACH|TIMEDOUT|RR_SOCKET_TIMEOUT|NOTCACHED'
    ! grep -qE "code E($network|[45][0-9][0-9])|network timeout" npm.out ||
        skip "TypeScript could not be fetched"
    fail "$(cat npm.out)"
}

# Installed from the checkout into a project of its own, and into the example.
(
    cd project
    echo '{ "private": true }' >package.json
    npm install --loglevel=error --foreground-scripts "$package" >install.out 2>&1 || fail "$(cat install.out)"
    "$root/tests/conformance/readme_program.sh" js "$package/README.md" >program.mjs
    node program.mjs | tee program.out
    grep -qx 'penalty 0.15375' program.out || fail "the program of README.md failed"
    "$root/tests/conformance/other_copy.sh" "$work/other" node program.mjs
)
(
    cd checkout/examples/node
    npm install --ignore-scripts --loglevel=error
    node example.mjs | tee "$work/example.out"
    grep -qx 'penalty 0.15375' "$work/example.out" || fail "the example failed"
)

cd "$package"
npx tsc --project test/tsconfig.json
npx tsc --project test/tsconfig.json --lib esnext
npx tsc --project test/tsconfig.plain.json
node --test test/*.test.mjs
"$root/tests/conformance/changes.sh" "$work/changes" node --test test/conformance.test.mjs
L1L2_LIBRARY=$library node --test test/conformance.test.mjs >"$work/installed.out" ||
    fail "with L1L2_LIBRARY=$library: $(cat "$work/installed.out")"

# What is to be published.
node stage.js "$work/published"
"$source/test_staged.sh" "$work/published"
