#!/usr/bin/env bash
# Builds and runs the programs in Rust for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)

missing() {
    echo "$*"
    exit 77
}

build() {
    local variant=$1
    shift
    CARGO_TARGET_DIR=$PWD/$variant cargo build --quiet --locked --release --examples \
        --manifest-path "$source/Cargo.toml" "$@"
}

case $1 in
build)
    for tool in cargo rustc pkg-config; do
        command -v "$tool" >/dev/null || missing "no $tool"
    done
    # By itself, so that a registry out of reach is told from what is wrong with our files.
    host=$(rustc -vV | sed -n 's/^host: //p')
    if ! cargo fetch --quiet --locked --target "$host" --manifest-path "$source/Cargo.toml" 2>fetch.log; then
        cat fetch.log >&2
        if grep -qiE 'lock ?file|manifest' fetch.log; then exit 1; fi
        missing "libloading and pkg-config cannot be fetched"
    fi
    build libloading
    build linked --no-default-features --features link
    ;;
variants) echo libloading linked ;;
*) "./$1/release/examples/$2" "${@:3}" ;;
esac
