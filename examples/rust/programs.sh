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
    set -- --quiet --locked --release --manifest-path "$source/Cargo.toml" "$@"
    export CARGO_TARGET_DIR=$PWD/$variant
    cargo build --examples "$@"
    if ! cargo test --doc "$@" >doc.log 2>&1; then
        cat doc.log >&2
        exit 1
    fi
}

case $1 in
build)
    for tool in cargo rustc pkg-config; do
        command -v "$tool" >/dev/null || missing "no $tool"
    done
    for tool in cargo rustc; do
        version=$("$tool" --version | cut -d ' ' -f 2)
        printf '%s\n' 1.63 "$version" | sort -CV || missing "no $tool 1.63 or later"
    done
    # By itself, so that a registry out of reach is told from what is wrong with our files.
    host=$(rustc -vV | sed -n 's/^host: //p')
    if ! cargo fetch --quiet --locked --target "$host" --manifest-path "$source/Cargo.toml" 2>fetch.log; then
        cat fetch.log >&2
        network='failed to (download from|fetch|get successful HTTP response)|network failure'
        if grep -qE "$network|offline mode|offline was specified" fetch.log; then
            missing "libloading and pkg-config cannot be fetched"
        fi
        exit 1
    fi
    build libloading
    build linked --no-default-features --features link
    ;;
variants) echo libloading linked ;;
*) "./$1/release/examples/$2" "${@:3}" ;;
esac
