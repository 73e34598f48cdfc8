#!/usr/bin/env bash
# Builds the fuzzers of the libraries as OSS-Fuzz asks for them: a project's build.sh there calls this file.
#     CC=... CXX=... CFLAGS=... CXXFLAGS=... LIB_FUZZING_ENGINE=... OUT=FOLDER [WORK=FOLDER] oss_fuzz.sh
# The compilers' flags choose sanitizers and coverage. OUT receives fuzz_TARGET, with its seed corpus, dictionary and
# options. CMake must find xsimd, nlohmann_json and Catch2. The targets of l1l2_keras are left out: they need shared
# libraries, which the machines that run the fuzzers do not have.
set -euo pipefail
cd "$(dirname "$0")/../.."
OUT=$(realpath "$OUT")
targets=(from_json dltensor terms kernels exact_sums calls)
build=${WORK:-$(mktemp -d)}/l1l2
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=None -DL1L2_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" -DL1L2_BUILD_THREADS=OFF \
    -DL1L2_BUILD_TOOLS=OFF -DL1L2_HARDENING=OFF
cmake --build "$build" --parallel "$(nproc)" --target "${targets[@]/#/fuzz_}"
for target in "${targets[@]}"; do
    cp "$build/tests/fuzz_$target" "$OUT"
    (cd "tests/fuzz/corpus/$target" && cmake -E tar cf "$OUT/fuzz_${target}_seed_corpus.zip" --format=zip .)
    printf '[libfuzzer]\nmax_len = 1024\n' >"$OUT/fuzz_$target.options"
done
# Of the permitted length.
printf '[libfuzzer]\nmax_len = 65536\ndict = fuzz_from_json.dict\n' >"$OUT/fuzz_from_json.options"
cp tests/fuzz/json.dict "$OUT/fuzz_from_json.dict"
