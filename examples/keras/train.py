# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Trains a small network twice: with Keras's own L1L2, and with that of l1l2.

    pip install ../../bindings/python keras tensorflow     # or jax, or torch
    KERAS_BACKEND=tensorflow python train.py               # or jax, or torch

The data is examples/data/diabetes.
"""

import pathlib
import sys

import keras
import numpy

import l1l2.keras

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/diabetes/diabetes.csv"
EPOCHS = 30
#: The largest relative difference that float32 sums, and steps by them, may make.
AGREEMENT = 1e-5


def load() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Returns features and targets, each with mean 0 and standard deviation 1."""
    table = numpy.loadtxt(DATA, delimiter=",", skiprows=1)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    return table[:, :-1].astype("float32"), table[:, -1].astype("float32")


def train(regularizer_class: type[keras.Regularizer]) -> numpy.ndarray:
    """Returns the loss of each epoch, penalties included, and the last penalty."""
    keras.utils.set_random_seed(20)
    features, targets = load()
    model = keras.Sequential(
        [
            keras.layers.Dense(
                16,
                activation="relu",
                kernel_regularizer=regularizer_class(l1=0.001, l2=0.002),
                bias_regularizer=regularizer_class(l2=0.01),
            ),
            keras.layers.Dense(1, kernel_regularizer=regularizer_class(l1=0.005)),
        ]
    )
    model.compile(optimizer="adam", loss="mse")
    history = model.fit(features, targets, batch_size=64, epochs=EPOCHS, verbose=0)
    return numpy.array([*history.history["loss"], sum(map(float, model.losses))])


def main() -> int:
    theirs, ours = train(keras.regularizers.L1L2), train(l1l2.keras.L1L2)
    print("epoch    Keras's L1L2            l1l2's")
    for epoch in (1, 5, 10, 20, EPOCHS):
        print(f"{epoch:5} {theirs[epoch - 1]:15.8f} {ours[epoch - 1]:15.8f}")
    print(f"penalty {theirs[-1]:13.8f} {ours[-1]:15.8f}")
    difference = (abs(ours - theirs) / theirs).max()
    if not difference <= AGREEMENT:
        print(f"They differ by {difference:.1e} of them.", file=sys.stderr)
        return 1
    print(f"All {EPOCHS} losses and the penalty agree, to {difference:.1g} of them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
