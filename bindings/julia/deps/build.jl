# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# Pkg.build("L1L2") compiles libl1l2 from the checkout that this package is part of, into deps/lib.

using Libdl: dlext

const root = normpath(joinpath(@__DIR__, "..", "..", ".."))
const build = joinpath(@__DIR__, "build")

Sys.which("cmake") === nothing && error(
    "libl1l2 cannot be built: cmake was not found. Install CMake and a C++17 compiler, or set L1L2_LIBRARY " *
    "to the path of libl1l2 0.4 or later",
)
isfile(joinpath(root, "include", "l1l2.h")) || error(
    "libl1l2 cannot be built: its sources are not in $root. Add the package L1L2_jll, or set L1L2_LIBRARY " *
    "to the path of libl1l2 0.4 or later",
)
options = ["-DL1L2_BUILD_$part=OFF" for part in ("TESTS", "STATIC", "THREADS", "TOOLS")]
run(`cmake -S $root -B $build -DCMAKE_BUILD_TYPE=Release $options`)
run(`cmake --build $build --parallel $(Sys.CPU_THREADS)`)
mkpath(joinpath(@__DIR__, "lib"))
cp(
    realpath(joinpath(build, "capi", "libl1l2.$dlext")),
    joinpath(@__DIR__, "lib", "libl1l2.$dlext"),
    force = true,
)
