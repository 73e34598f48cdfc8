#!/usr/bin/env bash
# Builds the library, installs it into build-demo/prefix, builds the examples against it as a user would,
# computes the regularization losses of a Keras model, and trains elastic nets and a sparse network:
#     scripts/demo.sh [MODEL.json [WEIGHTS [LOSSES.json]]]
# Without arguments it takes the model in examples/data/digits, in each form that Keras writes.
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
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev

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
    -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_THREADS=OFF -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib
quietly "Building" cmake --build build-demo/library --parallel "$(nproc)"
quietly "Installing into build-demo/prefix" cmake --install build-demo/library

quietly "Building examples/cpp/keras_model through find_package" \
    cmake -S examples/cpp/keras_model -B build-demo/keras_model -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$prefix"
quietly "  and compiling it" cmake --build build-demo/keras_model

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

if [ ${#arguments[@]} -eq 0 ]; then
    for form in keras3 keras2 keras212; do
        model=examples/data/digits/model.$form.json
        printf '\n%s\n' "$model"
        build-demo/keras_model/keras_model "$model"
    done
else
    echo
    build-demo/keras_model/keras_model "${arguments[@]}"
fi

printf '\nexamples/c/train with examples/data/diabetes\n'
build-demo/train examples/data/diabetes/diabetes.csv examples/data/diabetes/elastic_net.csv

printf '\nexamples/c/sparse with examples/data/optdigits\n'
build-demo/sparse examples/data/optdigits/digits.txt examples/data/optdigits/recording.csv

printf '\nexamples/c/penalty\n'
build-demo/penalty

printf '\nexamples/c/step\n'
build-demo/step
