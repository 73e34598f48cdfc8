# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""A small regularized model of handwritten digits, as files that need no Python.

    python train.py train                 Keras 3: trains, writes the weights, the losses, the model
    python train.py describe tf_keras     writes the same model as Keras 2 does today
    python train.py describe keras212     writes the same model as Keras 2.12 does

"describe" also computes every penalty of the trained weights anew and fails if one is not that of
"train". README.md describes the files.
"""

import argparse
import json
import os
import pathlib
import struct

# Before TensorFlow is loaded: no GPU, and kernels that add in the same order every time.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy
import tensorflow

HERE = pathlib.Path(__file__).resolve().parent
LOSSES = HERE / "losses.json"

#: The name on the command line, the package, the first digits of the version, the file.
WRITERS = {
    "keras3": ("keras", "3.", "model.keras3.json"),
    "tf_keras": ("tf_keras", "2.", "model.keras2.json"),
    "keras212": ("keras", "2.12.", "model.keras212.json"),
}

SEED = 20
EPOCHS = 30

#: The versions add the same float32 numbers in different ways; so far apart may they come out.
AGREEMENT = 1e-6


def load_keras(writer: str):
    package, version, _ = WRITERS[writer]
    keras = __import__(package)
    if not keras.__version__.startswith(version):
        raise SystemExit(f"{writer} needs {package} {version}*, not {keras.__version__}")
    return keras


def build(keras):
    """The model; every way to regularize a variable occurs, and so does none."""
    layers, regularizers = keras.layers, keras.regularizers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(
                8,
                3,
                name="conv",
                kernel_regularizer=regularizers.L1L2(l1=0.0001, l2=0.001),
                bias_regularizer=regularizers.L1(0.001),
            ),
            layers.BatchNormalization(
                name="norm",
                gamma_regularizer=regularizers.L2(0.0005),
                beta_regularizer=regularizers.L1(0.0005),
            ),
            layers.Activation("relu", name="conv_relu"),
            layers.Conv2D(16, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(
                32,
                activation="relu",
                name="hidden",
                kernel_regularizer=regularizers.L2(0.001),
            ),
            layers.Dense(
                24,
                activation="relu",
                name="sparse",
                kernel_regularizer=regularizers.L1(0.001),
                bias_regularizer=regularizers.L1L2(l1=1e-05, l2=0.01),
            ),
            layers.Dense(
                10,
                name="output",
                kernel_regularizer=regularizers.L1L2(l1=0.0, l2=0.002),
                bias_regularizer=regularizers.L2(0.01),
            ),
        ],
        name="digits",
    )


def variables_of(model):
    """(layer's name, variable's name, variable, its regularizer or None), in the model's order."""
    for layer in model.layers:
        for variable in layer.weights:
            # Keras 2 says "conv/kernel:0" where Keras 3 says "kernel".
            name = variable.name.split("/")[-1].split(":")[0]
            yield layer.name, name, variable, getattr(layer, f"{name}_regularizer", None)


def file_of(layer: str, variable: str) -> pathlib.PurePosixPath:
    return pathlib.PurePosixPath("weights") / f"{layer}.{variable}.npy"


def entry_of(layer: str, name: str, variable) -> dict:
    return {
        "layer": layer,
        "variable": name,
        "shape": list(variable.shape),
        "file": str(file_of(layer, name)),
    }


def penalty_of(regularizer, variable) -> float:
    """Keras's own penalty: a float32, widened."""
    return float(regularizer(tensorflow.convert_to_tensor(variable)))


def total_of(model) -> float:
    """The sum of model.losses, in float32 as Keras adds them to its loss."""
    return float(tensorflow.add_n([tensorflow.convert_to_tensor(loss) for loss in model.losses]))


def train() -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    keras = load_keras("keras3")
    keras.utils.set_random_seed(SEED)
    tensorflow.config.experimental.enable_op_determinism()

    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.25, random_state=SEED, stratify=labels
    )

    model = build(keras)
    # Before compile, which would put the optimizer into the description.
    write_model(model, "keras3")
    model.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(train_x, train_y, batch_size=32, epochs=EPOCHS, verbose=0)
    accuracy = model.evaluate(test_x, test_y, verbose=0, return_dict=True)["accuracy"]

    regularized, plain = [], []
    (HERE / "weights").mkdir(exist_ok=True)
    for layer, name, variable, regularizer in variables_of(model):
        values = numpy.ascontiguousarray(variable, dtype="<f4")
        numpy.save(HERE / file_of(layer, name), values)
        entry = entry_of(layer, name, variable)
        if regularizer is None:
            plain.append(entry)
            continue
        config = regularizer.get_config()
        entry["class"] = type(regularizer).__name__
        entry["l1"] = config.get("l1", 0.0)
        entry["l2"] = config.get("l2", 0.0)
        entry["penalty"] = penalty_of(regularizer, variable)
        regularized.append(entry)

    losses = {
        "writer": {"package": "keras", "version": keras.__version__, "backend": "tensorflow"},
        "total": total_of(model),
        "test_accuracy": round(accuracy, 6),
        "test_images": len(test_y),
    }
    write_losses(losses, regularized, plain)


def write_losses(losses: dict, regularized: list, plain: list) -> None:
    """JSON with one variable a line."""
    parts = [f'"{key}": {json.dumps(value)}' for key, value in losses.items()]
    for key, entries in (("regularized", regularized), ("unregularized", plain)):
        lines = ",\n".join(json.dumps(entry) for entry in entries)
        parts.append(f'"{key}": [\n{lines}\n]')
    LOSSES.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="ascii")


def write_model(model, writer: str) -> None:
    (HERE / WRITERS[writer][2]).write_text(model.to_json() + "\n", encoding="ascii")


def close(value: float, expected: float) -> bool:
    return abs(value - expected) <= AGREEMENT * abs(expected)


def bits(value: float) -> str:
    return struct.pack(">f", value).hex()


def describe(writer: str) -> None:
    """Writes the model as another version does, and compares its penalties with the stored ones."""
    keras = load_keras(writer)
    model = build(keras)
    for layer, name, variable, _ in variables_of(model):
        variable.assign(numpy.load(HERE / file_of(layer, name)))
    text = model.to_json()
    read = keras.models.model_from_json(text)
    read.set_weights(model.get_weights())

    losses = json.loads(LOSSES.read_text(encoding="ascii"))
    expected = {(entry["layer"], entry["variable"]): entry for entry in losses["regularized"]}
    for candidate in (model, read):
        seen = set()
        for layer, name, variable, regularizer in variables_of(candidate):
            if regularizer is None:
                continue
            seen.add((layer, name))
            penalty, stored = penalty_of(regularizer, variable), expected[layer, name]["penalty"]
            print(f"{layer}.{name}: {bits(penalty)}, stored {bits(stored)}")
            if not close(penalty, stored):
                raise SystemExit(f"{layer}.{name}: {penalty!r} is not {stored!r}")
        if seen != set(expected):
            raise SystemExit(f"regularized: {sorted(seen)}, expected {sorted(expected)}")
        if not close(total_of(candidate), losses["total"]):
            raise SystemExit(f"total: {total_of(candidate)!r} is not {losses['total']!r}")
    write_model(model, writer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("train", help="train with Keras 3 and write everything but other models")
    other = commands.add_parser("describe", help="write the model as another version does")
    other.add_argument("writer", choices=sorted(WRITERS))
    arguments = parser.parse_args()

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    if arguments.command == "train":
        train()
    else:
        describe(arguments.writer)


if __name__ == "__main__":
    main()
