#!/usr/bin/env bash
# Builds the library as WebAssembly with Emscripten, and checks it:
#     scripts/wasm.sh      build-wasm/prefix, an installed libl1l2.a; build-wasm/page.html, the page of examples/wasm
# The test vectors run in Node with both instruction sets, and in a headless Chromium; so does the page, whose numbers
# must have the bits of the same program on this CPU. Exits with 77 without Emscripten; without Chromium it says so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
[ $# -eq 0 ] || wrong_usage "unknown argument: $*"
. scripts/lib/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev
offer_packages emscripten chromium
for tool in emcc node; do
    command -v $tool >/dev/null || {
        echo "no $tool"
        exit 77
    }
done
# Where Emscripten's modules are. Debian's Node looks there by itself, another one does not.
export NODE_PATH=/usr/share/nodejs

build=$PWD/build-wasm source=$PWD
copy_headers "$build/headers"
fail() {
    echo "wasm: $*" >&2
    exit 1
}
quietly() {
    "$@" >"$build/log" 2>&1 || fail "$(tail -n 20 "$build/log")"
}
quietly emcmake cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF \
    "${dependencies[@]}"
quietly cmake --build "$build" --parallel "$(nproc)"
quietly cmake --install "$build" --prefix "$build/prefix"

# compile SOURCE OUTPUT OPTION...  makes one file of a program, by pkg-config. (Debian's Emscripten starts the
# program that makes HTML smaller with wrong arguments.)
compile() {
    cd "$build" # from where the files are named
    # shellcheck disable=SC2046 # several flags
    quietly emcc -O2 -std=gnu11 -ffp-contract=off -Wall -Wextra -Werror "$source/$1" \
        $(PKG_CONFIG_PATH=prefix/lib/pkgconfig pkg-config --cflags --libs l1l2) -s SINGLE_FILE=1 \
        -s ALLOW_MEMORY_GROWTH=1 -s MINIFY_HTML=0 -o "$2" "${@:3}"
    cd "$source"
}
vectors=tests/conformance/vectors.txt
cp "$vectors" examples/data/diabetes/diabetes.csv "$build/"
cases=$(grep -vc '^#' "$vectors")

cat >"$build/node.js" <<'END'
Module.preRun = () => { Object.assign(ENV, process.env); };
END
compile tests/conformance/conformance.c conformance.js -s NODERAWFS=1 --pre-js node.js
for isa in sse2 generic; do
    chosen=$(L1L2_ISA=$isa node "$build/conformance.js" isa)
    [ "$chosen" = $isa ] || fail "chooses $chosen, not $isa"
    result=$(L1L2_ISA=$isa node "$build/conformance.js" vectors "$vectors")
    [ "$result" = "$cases cases, all bits equal" ] || fail "$isa in Node: $result"
    echo "wasm, $isa in Node $(node --version): $result"
done

cat >"$build/shell.html" <<'END'
<pre id="out"></pre>
<script>
var Module = {
  arguments: ["vectors", "vectors.txt"],
  print(line) { document.getElementById("out").append(line + "\n"); },
};
</script>
{{{ SCRIPT }}}
END
compile tests/conformance/conformance.c conformance.html --embed-file vectors.txt --shell-file shell.html
page=(--embed-file diabetes.csv --shell-file "$source/examples/wasm/page.html"
    -s EXPORTED_FUNCTIONS=_malloc -s EXPORTED_RUNTIME_METHODS=ccall)
compile examples/wasm/path.c page.html "${page[@]}"


command -v chromium >/dev/null || {
    echo "wasm in a browser: left out, there is no chromium"
    exit 0
}
# shown PAGE ID  prints the text of an element once the page has run. Chromium's virtual time may pass before the
# module is compiled; then the page is asked again.
shown() {
    local text=''
    for _ in {1..10}; do
        text=$(timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$build/browser" \
            --virtual-time-budget=20000 --dump-dom "file://${build// /%20}/$1" 2>"$build/log" |
            awk -v "start=<pre id=\"$2\">" 'index($0, start) { inside = 1; sub(/.*<pre[^>]*>/, "") }
                inside { if (sub(/<\/pre>.*/, "")) { print; inside = 0 } else print }')
        [ -z "$text" ] || break
    done
    echo "$text"
}
result=$(shown conformance.html out)
[ "$result" = "$cases cases, all bits equal" ] || fail "in Chromium: $result"
echo "wasm in $(chromium --version 2>/dev/null | grep -o 'Chromium [0-9.]*'): $result"

# The numbers of the page are those of the same program on this CPU.
quietly cmake -S . -B "$build/native" -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_STATIC=OFF \
    -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=OFF
quietly cmake --build "$build/native" --parallel "$(nproc)"
quietly gcc -O2 -std=gnu11 -ffp-contract=off -Iinclude examples/wasm/path.c -L"$build/native/capi" -l:libl1l2.so.0 -lm \
    -Wl,-rpath,"$build/native/capi" -o "$build/path"
"$build/path" examples/data/diabetes/diabetes.csv 0.05 >"$build/path.bits"
shown page.html bits >"$build/page.bits"
[ -s "$build/path.bits" ] && cmp "$build/path.bits" "$build/page.bits" || fail "the page has other bits than this CPU"
echo "wasm: the page has the bits of this CPU"
