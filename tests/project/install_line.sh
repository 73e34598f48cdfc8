#!/usr/bin/env bash
# Runs the line of README.md that installs a package from a checkout, as it stands there, in a project of a user's own, and
# then the program of the language in examples:
#     install_line.sh LANGUAGE TOOLS
# LANGUAGE is a folder of bindings. Julia is unpacked into TOOLS if there is none. Exits with 77 if the language is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
language=$1
mkdir -p "$2"
tools=$(cd "$2" && pwd)
# A path without spaces: the line is run as it stands.
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
need() {
    command -v "$1" >/dev/null || {
        echo "no $1"
        exit 77
    }
}
fail() {
    echo "$*" >&2
    exit 1
}

line=$(sed -nE "s#^\| \[[A-Za-z]+\]\(bindings/$language\) \| \`(.*)\` \|\$#\1#p" "$root/README.md")
[ -n "$line" ] || fail "README.md has no line that installs $language"
"$root/tests/conformance/checkout.sh" "$work/checkout" "$language"
examples=$work/checkout/examples/$language
unset L1L2_LIBRARY PYTHONPATH
mkdir "$work/fresh"
cd "$work/fresh"
case $language in
rust)
    need cargo
    cargo init --quiet --vcs none --name fresh
    cp "$examples/src/main.rs" src/
    run=(cargo run --quiet)
    ;;
go)
    need go
    go mod init fresh 2>/dev/null
    cp "$examples/main.go" .
    run=(go run .)
    ;;
julia)
    julia=$("$root/scripts/lib/julia.sh" "$tools")
    PATH=$(dirname "$julia"):$PATH
    # No packages are needed: without this, Julia would fetch the list of all.
    "$root/bindings/julia/depot.sh" depot
    export JULIA_DEPOT_PATH=$PWD/depot: JULIA_PKG_SERVER=
    run=(julia --project=. "$examples/example.jl")
    ;;
node)
    need npm
    need cmake
    headers=$(cd "$root/bindings/node" && node -p 'require("./host.js").include')
    [ -e "$headers/node_api.h" ] || {
        echo "no node_api.h in $headers"
        exit 77
    }
    cp "$examples"/*.mjs .
    run=(node example.mjs)
    ;;
python)
    need cmake
    python3 -c 'import ensurepip' || {
        echo "no python3-venv"
        exit 77
    }
    python3 -m venv venv
    # shellcheck source=/dev/null
    . venv/bin/activate
    run=(python "$examples/example.py")
    ;;
esac
seconds=$SECONDS
(eval "${line//CHECKOUT/$work/checkout}") >../install.log 2>&1 || fail "$line: $(tail -n 20 ../install.log)"
echo "$line: $((SECONDS - seconds)) seconds"
"${run[@]}" >../program.out 2>&1 && grep -qx 'penalty 0.15375' ../program.out || fail "$(cat ../program.out)"
