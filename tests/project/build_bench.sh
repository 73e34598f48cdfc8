#!/usr/bin/env bash
# Builds the benchmark and lets it list what it measures: build_bench.sh SOURCE BUILD GOOGLE_BENCHMARK
# Without the last one, the folder of Google Benchmark's CMake package, the test is skipped.
set -euo pipefail
if [ ! -d "${3:-}" ]; then
    echo "Google Benchmark is not installed"
    exit 77
fi
cmake -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_BENCH=ON -DL1L2_BUILD_TESTS=OFF
cmake --build "$2" --target bench
names=$("$2/bench/bench" --benchmark_list_tests)
for name in float32/penalty/ "float32/exact sums: merge/" "float32/small call/0/empty call" \
    "float32/penalty of a list/128000/l1l2, one tensor"; do
    if ! grep -F "$name" <<<"$names"; then
        echo "the benchmark does not list $name" >&2
        exit 1
    fi
done
