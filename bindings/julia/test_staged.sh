#!/usr/bin/env bash
# Tests the package that stage.sh has made in FOLDER, offline, in a project of a user's own:
#     test_staged.sh FOLDER LIBRARY JULIA     (LIBRARY a libl1l2.so.0, JULIA the program)
# A stand-in for L1L2_jll, which BinaryBuilder makes, has the library, and takes so long to load that all threads that use
# the library first must wait for it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
library=$(realpath "$2") julia=$(realpath "$3")
cd "$1"
rm -rf depot fresh
mkdir -p fresh/L1L2_jll/src
tar -C fresh -xf L1L2.jl-*.tar.gz
mv fresh/L1L2.jl-* fresh/L1L2.jl
"$root/bindings/julia/depot.sh" depot
cat >fresh/L1L2_jll/Project.toml <<'END'
name = "L1L2_jll"
uuid = "0b5a1c3c-8a40-5b2f-9d0e-7f3e1c2d4b6a"
version = "0.0.0"
END
printf 'module L1L2_jll\nconst libl1l2_path = "%s"\n__init__() = sleep(0.5)\nend\n' "$library" >fresh/L1L2_jll/src/L1L2_jll.jl
unset L1L2_LIBRARY
export JULIA_DEPOT_PATH=$PWD/depot: JULIA_PKG_SERVER= JULIA_NUM_THREADS=4 L1L2_VECTORS=$root/tests/conformance/vectors.txt
run() { "$julia" --startup-file=no --project="$PWD/fresh" "$@"; }

run -e 'using Pkg; Pkg.develop([PackageSpec(path = "fresh/L1L2.jl"), PackageSpec(path = "fresh/L1L2_jll")])' \
    >develop.out 2>&1 || {
    cat develop.out >&2
    exit 1
}
"$root/tests/conformance/readme_program.sh" julia fresh/L1L2.jl/README.md >program.jl
run program.jl | tee program.out
grep -qx 'penalty 0.15375' program.out || {
    echo "the program of README.md failed" >&2
    exit 1
}
[ "$(run -e 'using L1L2; print(L1L2.library_path())')" = "$library" ]
# Those tests of the package that need no checkout.
L1L2_ONLY_VECTORS=1 run fresh/L1L2.jl/test/runtests.jl
