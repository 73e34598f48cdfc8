#!/usr/bin/env bash
# Builds the library, installs it into build-demo/prefix, builds the examples against it as a user would,
# computes the regularization losses of Keras models with l1l2-keras and trains elastic nets and a
# sparse network:
#     scripts/demo.sh [MODEL [WEIGHTS]]
# Without arguments it takes the model in examples/data/digits, in each form that Keras writes, and recorded models.
set -euo pipefail
# Paths on the command line are relative to the user's folder.
user_folder=$PWD
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
arguments=()
for argument in "$@"; do
    argument=$(cd "$user_folder" && realpath "$argument")
    [ -e "$argument" ] || wrong_usage "there is no $argument"
    arguments+=("$argument")
done
. scripts/lib/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev libhdf5-dev libzip-dev

prefix=$PWD/build-demo/prefix
log=$PWD/build-demo/log
mkdir -p build-demo

# quietly WHAT COMMAND...: prints WHAT, runs the command and shows its output only if it fails
quietly() {
    echo "$1"
    "${@:2}" >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        echo "failed: ${*:2}" >&2
        exit 1
    }
}

quietly "Configuring" cmake -S . -B build-demo/library -DCMAKE_BUILD_TYPE=Release \
    -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF -DL1L2_BUILD_TOOLS=ON \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib
quietly "Building" cmake --build build-demo/library --parallel "$(nproc)"
quietly "Installing into build-demo/prefix" cmake --install build-demo/library

quietly "Building examples/cpp/keras_terms through find_package" \
    cmake -S examples/cpp/keras_terms -B build-demo/keras_terms -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$prefix"
quietly "  and compiling it" cmake --build build-demo/keras_terms

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
# pkg-config quotes for a shell: a space in a path has a backslash before it.
eval "flags=($(pkg-config --cflags --libs l1l2))"
quietly "Building examples/c/penalty through pkg-config" \
    "${CC:-cc}" -o build-demo/penalty examples/c/penalty/penalty.c \
    "${flags[@]}" -Wl,-rpath,"$prefix/lib"
quietly "Building examples/c/step through pkg-config" \
    "${CC:-cc}" -o build-demo/step examples/c/step/step.c \
    "${flags[@]}" -Wl,-rpath,"$prefix/lib"
quietly "Building examples/c/train through pkg-config" \
    "${CC:-cc}" -O2 -o build-demo/train examples/c/train/train.c \
    "${flags[@]}" -lm -Wl,-rpath,"$prefix/lib"
quietly "Building examples/c/sparse through pkg-config" \
    "${CC:-cc}" -O2 -o build-demo/sparse examples/c/sparse/sparse.c \
    "${flags[@]}" -lm -Wl,-rpath,"$prefix/lib"

# keras_model MODEL ARGUMENT...: a partial total, which is status 3, is no failure
keras_model() {
    printf '\nl1l2-keras %s\n' "$*"
    "$prefix/bin/l1l2-keras" "$@" || [ $? -eq 3 ]
}
if [ ${#arguments[@]} -eq 0 ]; then
    for form in keras3 keras2 keras212; do
        keras_model "examples/data/digits/model.$form.json" --check examples/data/digits/losses.json
    done
    keras_model tests/keras_models/keras3/frozen_layer.keras
    keras_model tests/keras_models/keras212/bidirectional_lstm.h5 --gradient-norms
    keras_model tests/keras_models/keras3/orthogonal.keras
    keras_model examples/data/digits/model.keras3.json --csv --plot build-demo/digits.svg
    printf '\nexamples/cpp/keras_terms\n'
    build-demo/keras_terms/keras_terms tests/keras_models/keras3/convolutions.keras
else
    keras_model "${arguments[@]}"
fi

printf '\nexamples/c/train with examples/data/diabetes\n'
build-demo/train examples/data/diabetes/diabetes.csv examples/data/diabetes/elastic_net.csv

printf '\nexamples/c/sparse with examples/data/optdigits\n'
build-demo/sparse examples/data/optdigits/digits.txt examples/data/optdigits/recording.csv

printf '\nexamples/c/penalty\n'
build-demo/penalty

printf '\nexamples/c/step\n'
build-demo/step
