#!/usr/bin/env bash
# What a call costs in each language, or in those that are named: prints the table of docs/languages.md.
#     bench/languages.sh [LANGUAGE...]
# Takes four minutes once all is built. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
build=$root/build-bench
work=$build/languages
mkdir -p "$work"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF >/dev/null
cmake --build "$build" --parallel "$(nproc)" >"$build/log"
cmake --install "$build" --prefix "$build/prefix" >/dev/null
library=$(find "$build/prefix" -name libl1l2.so.0)

# Each function prints lines "LANGUAGE: empty call A ns, penalty of 16 elements B ns", and may print what lists cost; its
# build_ prepares.
build_c() {
    local flags=(-std=c++17 -O2 -I"$build/prefix/include" bench/calls.cpp)
    c++ "${flags[@]}" "$library" -Wl,-rpath,"${library%/*}" -o "$work/shared"
    c++ "${flags[@]}" "${library%/*}/libl1l2.a" -o "$work/static"
}
run_c() {
    "$work/shared"
    "$work/static" | sed 's/:/, static:/'
}

build_julia() { "$root/scripts/lib/julia.sh" "$work/julia" >"$work/julia.path"; }
run_julia() {
    L1L2_LIBRARY=$library "$(cat "$work/julia.path")" --startup-file=no --project=bindings/julia \
        bindings/julia/bench/call.jl | sed 's/^/Julia: /'
}

build_node() {
    tests/conformance/checkout.sh "$work/node" node
    (cd "$work/node/bindings/node" && npm run --silent install >"$work/node.log")
}
run_node() { node "$work/node/bindings/node/bench/call.js" | sed 's/^/Node: /'; }

build_rust() {
    export CARGO_TARGET_DIR=$work/rust
    (cd bindings/rust && cargo bench --quiet --no-run)
}
run_rust() { (cd bindings/rust && cargo bench --quiet --bench calls) | grep '^empty' | sed 's/^/Rust: /'; }

build_python() {
    local pip="$work/python/bin/pip"
    python3 -m venv "$work/python" &&
        "$pip" install --quiet --require-hashes --requirement bindings/python/tests/requirements.txt &&
        "$pip" install --quiet --no-index --no-deps --no-build-isolation ./bindings/python
}
run_python() { "$work/python/bin/python" bindings/python/benchmark.py | sed -n 's/^empty call/Python: &/p'; }

build_go() { bindings/go/test.sh calls "$build/prefix" "$work/go" >/dev/null; }
run_go() { bindings/go/test.sh calls "$build/prefix" "$work/go" | sed -n 's/^go, /Go, /p'; }

[ $# -gt 0 ] || set -- c go julia node python rust
languages=()
for language in "$@"; do
    if "build_$language"; then languages+=("$language"); else echo "without $language" >&2; fi
done

# In rounds, of which the best counts: a virtual machine has neighbours, who can only make a call slower.
measured=$work/measured
: >"$measured"
for _ in 1 2 3 4 5 6 7; do
    for language in "${languages[@]}"; do
        "run_$language" >>"$measured"
    done
done

# best LANGUAGE FIELD, counted from behind the colon
best() { sed -n "s/^$1: empty/empty/p" "$measured" | cut -d ' ' -f "$2" | sort -g | head -n 1; }
echo '| | empty call | penalty of 16 elements | above the empty call |'
echo '|---|---:|---:|---:|'
sed -n 's/: empty call .*//p' "$measured" | awk '!seen[$0]++' | while read -r language; do
    awk -v language="$language" -v empty="$(best "$language" 3)" -v full="$(best "$language" 9)" \
        'function ns(t) { return sprintf(t < 100 ? "%.1f ns" : "%.0f ns", t) }
        BEGIN { print "| " language " | " ns(empty) " | " ns(full) " | " ns(full - empty) " |" }'
done

# Lists, of which each line ends in "N ns each".
awk '/ns each$/ {
    list = $0
    sub(/ [0-9.]+ ns each$/, "", list)
    if (!(list in best) || $(NF - 2) < best[list]) best[list] = $(NF - 2)
} END { for (list in best) print list " " best[list] " ns each" }' "$measured" | sort
