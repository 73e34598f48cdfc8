#!/usr/bin/env bash
# bench/run.sh [--quick]
#
# With --quick it builds the benchmark and prints one table of ratios for this CPU, which docs/performance.md
# keeps; that takes 3 minutes after the build and 2 GiB of memory, and writes nothing outside build-bench/.
#
# Without it, it builds the benchmark, runs it, and writes bench/results.md and bench/plot.svg. Takes about
# 25 minutes and 5 GiB of memory. L1L2_BENCH_LARGEST in the environment leaves arrays of more elements out, 4194304
# all that come from memory; results.md and plot.svg are then written to build-bench/. Nothing else
# should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev libbenchmark-dev python3
offer_packages libeigen3-dev libopenblas-dev libtbb-dev libdlpack-dev python3-matplotlib

quick='' aggregates=true
case "$*" in
"") ;;
--quick) quick=yes aggregates=false L1L2_BENCH_LARGEST=67108864 ;;
*)
    echo "usage: bench/run.sh [--quick]" >&2
    exit 2
    ;;
esac
export L1L2_BENCH_LARGEST

output=build-bench
if [ -z "${L1L2_BENCH_LARGEST:-}" ]; then
    unset L1L2_BENCH_LARGEST
    output=bench
fi
from_memory_too() {
    [ "${L1L2_BENCH_LARGEST:-67108864}" -ge 67108864 ]
}

cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_BENCH=ON -DL1L2_BUILD_TESTS=OFF
cmake --build build-bench --parallel "$(nproc)"

# measure NAME FILTER REPETITIONS [MIN_TIME]: interleaved, so that a change of the machine's speed hits
# all alike
measure() {
    build-bench/bench/bench --benchmark_min_time="${4:-0.02}" --benchmark_out_format=json \
        --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=$aggregates \
        --benchmark_out="build-bench/$1.json" --benchmark_filter="$2" --benchmark_repetitions="$3"
    results+=("build-bench/$1.json")
}
results=()

if [ -n "$quick" ]; then
    for dtype in float32 float64 float16 bfloat16; do
        operations="(penalty|gradient|fused|prox|prox to another array)"
        measure "quick-$dtype" "^$dtype/$operations/67108864/(roof|l1l2)" 11 0.001 >/dev/null
    done
    measure quick-exact "^float(32|64)/exact sums of (gaussian|wide exponents)/67108864/(roof|l1l2$|kernel generic)" \
        7 0.001 >/dev/null
    measure quick-two-threads "^float32/.* on two threads/67108864/(roof|l1l2)" 7 0.05 >/dev/null
    measure quick-small "^float32/(small call|(penalty|fused) of a list( of 20)?)/.*/(l1l2|empty)" 15 >/dev/null
    python3 bench/quick.py "${results[@]}"
    exit
fi

# One element type at a time, as all share their arrays.
for dtype in float32 float64 float16 bfloat16; do
    measure "$dtype-cache" "^$dtype/.*/[0-9]{1,7}/" 7
    if from_memory_too; then
        # What comes from memory takes long, and it scatters more and so takes more repetitions: for the
        # rows that the library is judged by, that is. Of what is in both files the second one counts.
        from_memory="^$dtype/(penalty|gradient|fused|prox|clip)( of [^/]*| to [^/]*| step[^/]*)?/[0-9]{8,}"
        measure "$dtype-others" "$from_memory/(kernel|Eigen|OpenBLAS|plain)" 3
        measure "$dtype-memory" \
            "$from_memory/(roof|l1l2|Eigen, by clipping$)|^$dtype/penalty/[0-9]{8,}/Eigen, one" 15
    fi
done
if from_memory_too; then
    # The elements are made anew for each row, so that fewer repetitions must do.
    measure exact-memory "/exact sums of .*/[0-9]{8,}/(roof|l1l2|superaccumulator|kernel (avx|generic))" 3
    # Back to back, as in training: a thread that sleeps takes a millisecond to wake up.
    measure two-threads "on two threads/" 7 0.3
fi

# matplotlib may be there for another python3 than the first one, the system's.
python=python3
if ! python3 -c 'import matplotlib' 2>/dev/null &&
    /usr/bin/python3 -c 'import matplotlib' 2>/dev/null; then
    python=/usr/bin/python3
fi
"$python" bench/report.py --output "$output" "${results[@]}"
