#!/usr/bin/env bash
# Builds the benchmark, runs it, and writes bench/results.md and bench/plot.svg. Takes about ten minutes
# and 4 GiB of memory; L1L2_BENCH_LARGEST=4194304 in the environment leaves the largest arrays out.
# Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev libbenchmark-dev
offer_packages libeigen3-dev libopenblas-dev python3-matplotlib

cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_BENCH=ON -DL1L2_BUILD_TESTS=OFF
cmake --build build-bench --parallel "$(nproc)"

# measure NAME ARGUMENT...: interleaved, so that a change of the machine's speed hits all alike
measure() {
    build-bench/bench/bench --benchmark_min_time=0.04 --benchmark_enable_random_interleaving=true \
        --benchmark_report_aggregates_only=true --benchmark_out_format=json \
        --benchmark_out="build-bench/$1.json" "${@:2}"
}
measure all --benchmark_repetitions=9
results=(build-bench/all.json)
if [ -z "${L1L2_BENCH_LARGEST:-}" ]; then
    # What comes from memory scatters more and so takes more repetitions.
    measure memory --benchmark_repetitions=21 \
        --benchmark_filter='/(read|both)/(67108864|268435456)/'
    results+=(build-bench/memory.json)
fi

# matplotlib may be there for another python3 than the first one, the system's.
for python in python3 /usr/bin/python3; do
    "$python" -c 'import matplotlib' 2>/dev/null && break
done
"$python" bench/report.py "${results[@]}"
