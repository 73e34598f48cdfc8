#!/usr/bin/env bash
# Tests the packages that stage.sh has made in FOLDER, offline, in a project of a user's own:
#     test_staged.sh FOLDER
# The crates that they need have been fetched. CXX and CXXFLAGS are such as a user might set: their flags would
# change bits, and instruction sets, if they reached the library.
set -euo pipefail
packages=$(cd "$(dirname "$0")" && pwd)
cd "$1"
rm -rf fresh
mkdir -p fresh/src
for crate in *.crate; do
    tar -C fresh -xf "$crate"
done
sys=$(cd fresh && echo l1l2-sys-*) safe=$(cd fresh && echo l1l2-[0-9]*)
cat >fresh/Cargo.toml <<END
[package]
name = "fresh"
version = "0.0.0"
edition = "2021"

[dependencies]
l1l2 = "${safe#l1l2-}"

[patch.crates-io]
l1l2 = { path = "$safe" }
l1l2-sys = { path = "$sys" }
END
cp "$packages/Cargo.lock" fresh/
cp -r "$packages/l1l2/tests" fresh/
find fresh/tests -maxdepth 1 -type f ! -name conformance.rs -delete
cat >fresh/src/main.rs <<'END'
fn main() -> Result<(), l1l2::Error> {
    println!("penalty {}", l1l2::Regularizer::new(0.01, 0.02)?.penalty(&[0.5_f32, -1.25, 0.0, 2.0])?);
    Ok(())
}
END
export CARGO_TARGET_DIR=$PWD/target CXX="${CXX:-c++} -march=native" CXXFLAGS="-Ofast -march=native -mavx2"
export L1L2_VECTORS=$packages/../../tests/conformance/vectors.txt
printed=$(cargo run --quiet --release --offline --manifest-path fresh/Cargo.toml)
[ "$printed" = "penalty 0.15375" ] || {
    echo "a fresh project: $printed" >&2
    exit 1
}
# shellcheck disable=SC2046 # paths of cargo's, without spaces
objdump -d $(find target/release/build -name '*.o' ! -name 'kernels_avx*') >code
if grep -m 3 -E '\sv[a-z0-9]+ .*%[xyz]mm' code; then
    echo "instructions of AVX are outside of its kernels" >&2
    exit 1
fi
cargo test --quiet --release --offline --manifest-path fresh/Cargo.toml
