#!/usr/bin/env bash
# Tests the Rust packages:
#     test.sh PREFIX WORK_DIR
# PREFIX is an installed libl1l2, for the features `system` and `load`. Everything is built in WORK_DIR. Exits
# with 77 and says what is missing if it cannot run.
#     test.sh calls PREFIX WORK_DIR     only measures what a call costs
set -euo pipefail
packages=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$packages/../.." && pwd)
only_calls=
if [ "$1" = calls ]; then
    only_calls=1
    shift
fi
mkdir -p "$2"
prefix=$(cd "$1" && pwd) work=$(cd "$2" && pwd)
cd "$work"
unset L1L2_LIBRARY PKG_CONFIG_PATH LD_LIBRARY_PATH CXXFLAGS CARGO_BUILD_TARGET RUSTFLAGS
export CARGO_TARGET_DIR=$work/target CARGO_NET_RETRY=1

missing() {
    echo "$*"
    exit 77
}
fail() {
    echo "$*" >&2
    exit 1
}
least=$(sed -n 's/^Rust \([0-9.]*\) or later.*/\1/p' "$packages/README.md")
for tool in cargo rustc; do
    command -v "$tool" >/dev/null || missing "no $tool"
    version=$("$tool" --version | cut -d ' ' -f 2)
    printf '%s\n' "$least" "$version" | sort -CV || missing "no $tool $least or later"
done
command -v pkg-config >/dev/null || missing "no pkg-config"
cargo=(--quiet --locked --manifest-path "$packages/Cargo.toml" --package l1l2)
# By itself, so that a registry out of reach is distinguished from what is wrong with our files.
host=$(rustc -vV | sed -n 's/^host: //p')
if ! cargo fetch --quiet --locked --target "$host" --manifest-path "$packages/Cargo.toml" 2>fetch.log; then
    cat fetch.log >&2
    network='failed to (download from|fetch|get successful HTTP response)|network failure'
    if grep -qE "$network|offline mode|offline was specified" fetch.log; then
        missing "the crates that the packages need cannot be fetched"
    fi
    exit 1
fi
version=$("$root/scripts/lib/version.sh")
for manifest in "$packages"/*/Cargo.toml; do
    grep -qx "version = \"$version\"" "$manifest" || fail "$manifest is not of version $version"
done
library=$(find "$prefix" -name libl1l2.so.0)
[ -n "$library" ] || fail "no libl1l2.so.0 in $prefix"

if [ -n "$only_calls" ]; then
    echo "rust, bundled: $(cargo bench "${cargo[@]}" --bench calls | head -n 1)"
    echo "rust, load: $(L1L2_LIBRARY=$library cargo bench "${cargo[@]}" --bench calls --no-default-features \
        --features load | head -n 1)"
    exit
fi

# README.md says which Rust each feature needs with the versions of Cargo.lock.
for feature in bundled system load half ndarray rayon serde; do
    said=$(sed -n "s/^| \`$feature\`.*(Rust \(.*\)).*/\1/p" "$packages/README.md")
    needed=$(cargo metadata --quiet --locked --format-version 1 --filter-platform "$host" --no-default-features \
        --features "$feature" --manifest-path "$packages/l1l2/Cargo.toml" |
        grep -o '"rust_version":"[^"]*' | cut -d '"' -f 4 | sed 's/^\([0-9]*[.][0-9]*\).*/\1/' | sort -V | tail -n 1)
    [ "$needed" = "${said:-$least}" ] || fail "the feature $feature needs Rust $needed, README.md says ${said:-$least}"
done

# A project of a user's own, outside of the repository, with nothing installed.
rm -rf fresh
cargo new --quiet --vcs none fresh
cargo add --quiet --manifest-path fresh/Cargo.toml --path "$packages/l1l2" l1l2 2>/dev/null ||
    echo "l1l2 = { path = \"$packages/l1l2\" }" >>fresh/Cargo.toml # cargo before 1.62
cat >fresh/src/main.rs <<'EOF'
fn main() -> Result<(), l1l2::Error> {
    let regularizer = l1l2::Regularizer::new(0.01, 0.02)?;
    let mut weights = vec![0.5_f32, -1.25, 0.0, 2.0];
    let mut gradient = vec![0.0; 4];
    let penalty = regularizer.penalty_and_add_gradient(&weights, 1.0, &mut gradient)?;
    regularizer.prox(&mut weights, 0.1)?;
    println!("penalty {penalty}, gradient {gradient:?}, weights {weights:?}");
    Ok(())
}
EOF
cp "$packages/Cargo.lock" fresh/ # the versions that suit the oldest Rust
cargo run --quiet --manifest-path fresh/Cargo.toml | tee fresh.out
grep -q '^penalty 0.15375,' fresh.out || fail "a fresh project has not printed its penalty"
if ldd target/debug/fresh | grep l1l2; then
    fail "the bundled library is not linked statically"
fi
"$root/tests/conformance/other_copy.sh" other target/debug/fresh

# Of several ways to the library `load` wins over `system`, and that over `bundled`.
mkdir -p none broken
echo none >broken/libl1l2.so.0
load=(cargo run --quiet --manifest-path fresh/Cargo.toml --features l1l2/load,l1l2/system)
export PKG_CONFIG_LIBDIR=$work/none
L1L2_LIBRARY='' LD_LIBRARY_PATH=${library%/*} "${load[@]}" | grep '^penalty 0.15375,'
if LD_LIBRARY_PATH=$work/broken "${load[@]}" 2>load.log; then
    fail "the library that is first in the system's folders was not opened"
fi
grep -qF "cannot load libl1l2: looked for libl1l2.so.0 in the system's library folders: " load.log ||
    fail "$(cat load.log)"
unset PKG_CONFIG_LIBDIR
# SYSROOT lets the prefix count as a folder of the system.
for static in 0 1; do
    SYSROOT=$prefix L1L2_STATIC=$static PKG_CONFIG_PATH=${library%/*}/pkgconfig \
        cargo build --quiet --manifest-path fresh/Cargo.toml --features l1l2/system
    named=$(ldd target/debug/fresh | grep -c libl1l2 || true)
    [ "$named" = $((1 - static)) ] || fail "with L1L2_STATIC=$static, ldd names libl1l2 $named times"
done
target/debug/fresh | grep '^penalty 0.15375,'
rm -rf example
cp -r "$root/examples/rust" example
cp "$packages/Cargo.lock" example/
sed -i "s|path = .*/bindings/rust/l1l2\"|path = \"$packages/l1l2\"|" example/Cargo.toml
cargo run --quiet --manifest-path example/Cargo.toml | tee example.out
grep -q '^penalty 0.15375$' example.out || fail "the example has not printed its penalty"

features=half,ndarray,rayon,serde
if cargo clippy --version >/dev/null 2>&1; then
    for way in bundled load; do
        DOCS_RS=1 cargo clippy "${cargo[@]}" --package l1l2-sys --no-default-features --features "$way" --all-targets -- \
            -D warnings
    done
fi
if cargo fmt --version >/dev/null 2>&1; then
    (cd "$packages" && cargo fmt -- --check)
fi
RUSTDOCFLAGS="-D warnings" cargo doc "${cargo[@]}" --no-deps
# The program of README.md is that of the documentation, which `cargo test` runs.
diff <("$root/tests/conformance/readme_program.sh" rust "$packages/README.md") \
    <(awk '/^\/\/! ```$/ { if (n++) exit; next } n && !/^\/\/! #/ { print substr($0, 5) }' "$packages/l1l2/src/lib.rs")
cargo test "${cargo[@]}" --package l1l2-sys

# The packages as they would be published.
"$packages/stage.sh" "$work/stage"
"$packages/test_staged.sh" "$work/stage"

export L1L2_LIBRARY=$library
cargo test "${cargo[@]}" --no-default-features --features "load,$features" 2>optional.log ||
    { cat optional.log >&2; grep -q "requires rustc" optional.log || exit 1; }
# With this feature, which any crate of a program can turn on, numbers come as maps.
cargo test "${cargo[@]}" --no-default-features --features load,serde,serde_json/arbitrary_precision --test serde
"$root/tests/conformance/changes.sh" "$work/changes" \
    cargo test "${cargo[@]}" --no-default-features --features load --test conformance
unset L1L2_LIBRARY

# The installed library, linked; and in words that it is too old, or missing.
system=(--no-default-features --features system)
PKG_CONFIG_PATH=${library%/*}/pkgconfig LD_LIBRARY_PATH=${library%/*} \
    cargo test "${cargo[@]}" "${system[@]}" --test conformance --test api
mkdir -p old shared
printf 'Name: l1l2\nDescription: old\nVersion: 0.2.2\n' >old/l1l2.pc
printf 'Name: l1l2\nDescription: shared\nVersion: 0.4.0\nLibs: -L%s -ll1l2\n' "$work/none" >shared/l1l2.pc
while read -r folder sentence; do
    if PKG_CONFIG_LIBDIR=$work/none PKG_CONFIG_PATH=$work/$folder L1L2_STATIC=1 \
        cargo check "${cargo[@]}" "${system[@]}" 2>system.log; then
        fail "an installed library was found in $folder"
    fi
    grep -qF "(PKG_CONFIG_PATH=$work/$folder): $sentence" system.log || fail "$(cat system.log)"
done <<'EOF'
old found 0.2.2, need 0.4.0;
none not found (
shared found 0.4.0 without libl1l2.a,
EOF

if cargo check "${cargo[@]}" --package l1l2-sys --target x86_64-pc-windows-msvc 2>msvc.log; then
    fail "MSVC was not refused"
fi
grep -qF "libl1l2 cannot be compiled by MSVC: use " msvc.log || fail "$(cat msvc.log)"
