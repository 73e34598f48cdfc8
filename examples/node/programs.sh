#!/usr/bin/env bash
# Builds and runs the programs in JavaScript for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)

skip() {
    echo "$*"
    exit 77
}

case $1 in
build)
    command -v node >/dev/null || skip "no node"
    command -v npm >/dev/null || skip "no npm"
    node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' ||
        skip "no node of version 18 or later"
    # The programs find koffi beside themselves.
    cp "$source"/*.mjs "$source"/package.json "$source"/package-lock.json .
    # koffi's script would compile what the package already has.
    if ! npm ci --ignore-scripts --loglevel=error >npm.out 2>&1; then
        network='NOTFOUND|AI_AGAIN|CONN|HOSTUNREACH|NETUNREACH|TIMEDOUT|RR_SOCKET_TIMEOUT|NOTCACHED'
        if grep -qE "code E($network|[45][0-9][0-9])|network timeout" npm.out; then
            skip "koffi could not be fetched"
        fi
        cat npm.out >&2
        exit 1
    fi
    ;;
variants) echo koffi ;;
*) node "$2.mjs" "${@:3}" ;;
esac
