#!/usr/bin/env bash
# Tests the package for Julia:
#     test.sh PREFIX WORK_DIR     (PREFIX an installed libl1l2)
# Exits with 77, which means skipped, if a tool is missing.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$source/../.." && pwd)
library=$(find "$1" -name libl1l2.so.0)
export L1L2_VECTORS=$root/tests/conformance/vectors.txt
unset L1L2_LIBRARY

fail() {
    echo "$*" >&2
    exit 1
}

for tool in cmake c++ cc; do
    command -v $tool >/dev/null || {
        echo "no $tool"
        exit 77
    }
done
mkdir -p "$2"
work=$(cd "$2" && pwd)
cd "$work"
julia=$("$root/scripts/lib/julia.sh" julia)
rm -rf project depot
"$root/tests/conformance/checkout.sh" checkout julia
package=$work/checkout/bindings/julia

mkdir project
"$source/depot.sh" depot
export JULIA_DEPOT_PATH=$work/depot: JULIA_PKG_SERVER= JULIA_NUM_THREADS=4
run() { "$julia" --startup-file=no --project="$work/project" "$@"; }

# `using` works without a library, the first call says what is missing.
run -e "using Pkg; Pkg.develop(path = \"$package\")" >develop.out 2>&1 || fail "$(cat develop.out)"
run -e 'using L1L2; try Regularizer() catch e; println(sprint(showerror, e)) end' >missing.out
grep -q '^cannot load libl1l2: looked for libl1l2.so.0 .*; run Pkg.build("L1L2"), or set L1L2_LIBRARY' \
    missing.out || fail "$(cat missing.out)"

# The program of README.md, with the library that Pkg.build makes.
run -e 'using Pkg; Pkg.build("L1L2")' >build.out 2>&1 || fail "$(cat build.out "$package/deps/build.log")"
"$root/tests/conformance/readme_program.sh" julia "$package/README.md" >program.jl
for program in program.jl checkout/examples/julia/example.jl; do
    run $program | tee program.out
    grep -qx 'penalty 0.15375' program.out || fail "$program failed"
done
"$root/tests/conformance/other_copy.sh" other "$julia" --startup-file=no --project="$work/project" program.jl

run -e 'using Pkg; Pkg.test("L1L2")'
export L1L2_ONLY_VECTORS=1
"$root/tests/conformance/changes.sh" "$work/changes" \
    "$julia" --startup-file=no --project="$work/project" "$package/test/runtests.jl"
L1L2_LIBRARY=$library run "$package/test/runtests.jl"
