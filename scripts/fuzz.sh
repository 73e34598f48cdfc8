#!/usr/bin/env bash
# Fuzzes the library under the address and undefined behaviour sanitizers, each target by itself:
#     scripts/fuzz.sh [SECONDS [TARGET...]]    20 seconds for each of from_json, dltensor, terms, kernels, exact_sums,
#                                              calls, keras_architecture, keras_archive, keras_arrays
# Prints one line for each target, which is a figure of docs/testing.md if it ran for a minute or more. A finding ends
# the script; its input is in build-fuzz/findings. New inputs stay in build-fuzz/corpus for the next run;
# tests/fuzz/corpus is only read. Exits with 77 without a clang that has libFuzzer.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/packages.sh
. scripts/lib/clang.sh
. scripts/lib/figures.sh
seconds=${1:-20}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || wrong_usage "not a number of seconds: $seconds" # libFuzzer takes 0 for ever
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(from_json dltensor terms kernels exact_sums calls
    keras_architecture keras_archive keras_arrays)
for target in "${targets[@]}"; do
    [ -e "tests/fuzz/$target.cpp" ] || wrong_usage "there is no target $target"
done
ensure_packages g++ make cmake libxsimd-dev nlohmann-json3-dev catch2 libhdf5-dev libzip-dev

mkdir -p build-fuzz/findings
program='extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
flags=-fsanitize=fuzzer,address,undefined
clang=$(find_clang "$program" $flags)
if [ -z "$clang" ]; then
    offer_packages clang-14 libclang-rt-14-dev
    clang=$(find_clang "$program" $flags)
fi
if [ -z "$clang" ]; then
    echo "no clang++ with -fsanitize=fuzzer"
    exit 77
fi
# Checks of undefined behaviour compile in half the time if they end in a trap: scripts/sanitize.sh.
configure build-fuzz "$clang" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_CXX_FLAGS="-fsanitize-trap=undefined -fno-sanitize-trap=function" \
    -DL1L2_SANITIZE=fuzzer-no-link,address,undefined -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=ON
cmake --build build-fuzz --parallel "$(nproc)" --target "${targets[@]/#/fuzz_}" >build-fuzz/log || {
    cat build-fuzz/log
    exit 1
}

# With less bookkeeping for each allocation, a third more inputs are tried.
export ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=16
for target in "${targets[@]}"; do
    log=build-fuzz/$target.log working=build-fuzz/corpus/$target options=()
    # Of the permitted length, which is to take milliseconds.
    [ "$target" != from_json ] || options=(-dict=tests/fuzz/json.dict -max_len=65536 -timeout=2)
    corpus=(tests/fuzz/corpus/"$target")
    case $target in
    keras_architecture) options=(-dict=tests/fuzz/keras.dict -max_len=16384 -timeout=2) ;;
    keras_archive) options=(-max_len=65536) corpus=(tests/keras_models/{keras3,keras33,tf_keras,keras212}) ;;
    keras_arrays) options=(-dict=tests/fuzz/keras.dict) ;;
    esac
    mkdir -p "$working"
    build-fuzz/tests/fuzz_"$target" -max_total_time="$seconds" -max_len=1024 -timeout=10 \
        -print_final_stats=1 -artifact_prefix=build-fuzz/findings/"$target"- "${options[@]}" \
        "$working" "${corpus[@]}" >"$log" 2>&1 || {
        grep -E '^broken: |ERROR: |runtime error: |^SUMMARY: ' "$log" >&2 || true
        echo "$target: a finding, $(sed -n 's/.*Test unit written to //p' "$log"), log in $log" >&2
        exit 1
    }
    line=$(awk '
        /^#[0-9]+.* cov: / {
            for (i = 1; i < NF; ++i) value[$i] = $(i + 1)
            sub("/.*", "", value["corp:"])
        }
        /^Done / { runs = $2; seconds = $5 }
        END {
            printf "%d executions, %d a second, cov: %d edges, %d features, corpus of %d, %d seconds\n",
                   runs, runs / (seconds > 0 ? seconds : 1), value["cov:"], value["ft:"], value["corp:"], seconds
        }' "$log")
    echo "$target: $line"
    read_by=(src capi include)
    [[ $target != keras_* ]] || read_by=(src include tools/keras)
    [ "$seconds" -lt 60 ] || figure "fuzzer $target, $seconds seconds" "nothing in $line" "${read_by[@]}"
done
