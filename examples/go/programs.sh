#!/usr/bin/env bash
# Builds and runs the programs in Go for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
work=$PWD
export GOFLAGS=-mod=readonly GOWORK=off

missing() {
    echo "no $*"
    exit 77
}

case $1 in
build)
    for tool in go pkg-config; do
        [ -n "$(type -P "$tool")" ] || missing "$tool"
    done
    printf '%s\n' go1.19 "$(go env GOVERSION)" | sort -CV || missing "go 1.19 or later"
    compiler=$(CGO_ENABLED=1 go env CC)
    [ -n "$(type -P "${compiler%% *}")" ] || missing "$compiler"
    cd "$source"
    if ! downloaded=$(go mod download 2>&1); then
        network='dial tcp|timeout|connection reset|unexpected EOF|GOPROXY=off|unable to access'
        status='(403|407|429|5[0-9][0-9]) [A-Z]'
        if grep -qE "$network|: $status" <<<"$downloaded"; then
            missing "github.com/ebitengine/purego: $downloaded"
        fi
        echo "$downloaded" >&2
        exit 1
    fi
    for program in example conformance; do
        CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$work/purego_$program" "./$program"
        CGO_ENABLED=1 go build -trimpath -buildvcs=false -o "$work/cgo_$program" "./$program"
    done
    ;;
variants) echo purego cgo ;;
*) "./$1_$2" "${@:3}" ;;
esac
