#!/usr/bin/env bash
# clang-tidy over the library's sources, with the checks of .clang-tidy. Takes half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev
offer_packages clang-tidy-14 libtbb-dev
tidy=$(command -v clang-tidy-14) || {
    echo "skipped: clang-tidy-14 is not installed"
    exit 0
}

cmake -S . -B build-lint -DL1L2_BUILD_TESTS=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
# An option of GCC that clang-tidy does not know.
sed -i 's/ -fno-gnu-unique//g' build-lint/compile_commands.json
sources=(src/*.cpp src/kernels/*.cpp capi/*.cpp threads/*.cpp)
# Of the kernels only those for this architecture are compiled, threads/ only with oneTBB.
for i in "${!sources[@]}"; do
    grep -qF "/${sources[i]}\"" build-lint/compile_commands.json || unset "sources[i]"
done
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 "$tidy" -p build-lint --quiet 2>/dev/null
echo "clang-tidy: ${#sources[@]} files, nothing to mend"
