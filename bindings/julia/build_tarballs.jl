# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# The recipe of L1L2_jll for BinaryBuilder, as Yggdrasil keeps it in L/L1L2/build_tarballs.jl. What changes
# with a home of the project is the source below: an archive with its SHA-256, or a Git repository with a
# commit. It has not been run here: BinaryBuilder needs its own containers.

using BinaryBuilder

name = "L1L2"
version = v"0.4.2"

sources = [DirectorySource(get(ENV, "L1L2_SOURCE", joinpath(@__DIR__, "..", "..")))]

script = raw"""
cd ${WORKSPACE}/srcdir
cmake -S . -B build -DCMAKE_INSTALL_PREFIX=${prefix} -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TARGET_TOOLCHAIN} \
    -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_STATIC=OFF -DL1L2_BUILD_THREADS=OFF \
    -DL1L2_BUILD_TOOLS=OFF
cmake --build build --parallel ${nproc}
cmake --install build
install_license LICENSE NOTICE
"""

# 64-bit Linux; the C++ runtime is inside of the library.
platforms = [
    Platform("x86_64", "linux"; libc = "glibc"),
    Platform("x86_64", "linux"; libc = "musl"),
    Platform("aarch64", "linux"; libc = "glibc"),
    Platform("aarch64", "linux"; libc = "musl"),
]

products = [LibraryProduct("libl1l2", :libl1l2)]

# Headers alone.
dependencies = [BuildDependency("xsimd_jll"), BuildDependency("nlohmann_json_jll")]

build_tarballs(
    ARGS,
    name,
    version,
    sources,
    script,
    platforms,
    products,
    dependencies;
    julia_compat = "1.6",
    preferred_gcc_version = v"9",
)
