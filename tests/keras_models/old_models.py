# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Models of Keras 1, whose layers have other names for everything."""

from __future__ import annotations

import typing

from features import feature, sequential
from writers import Writer

KERAS1: typing.Any = {"only": ("keras122",), "kinds": ("h5", "weights")}


@feature("dense layers of Keras 1, one of them frozen", **KERAS1)
def keras1_dense(k: Writer) -> typing.Any:
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, W_regularizer=k.l1l2(0.01, 0.02), b_regularizer=k.l2(0.1)),
        k.layers.Dense(3, W_regularizer=k.l1(0.01), trainable=False),
        k.layers.Dense(
            2, W_regularizer=k.l2(0.02), bias=False, b_regularizer=k.l2(0.1)
        ),
    )


@feature("convolutions, normalization and an embedding of Keras 1", **KERAS1)
def keras1_layers(k: Writer) -> typing.Any:
    return sequential(
        k,
        (5,),
        k.layers.Embedding(7, 3, W_regularizer=k.l2(0.01)),
        k.layers.Convolution1D(
            2, 3, W_regularizer=k.l2(0.02), b_regularizer=k.l1(0.03)
        ),
        k.layers.BatchNormalization(
            gamma_regularizer=k.l2(0.04), beta_regularizer=k.l1(0.05)
        ),
    )


@feature("a bidirectional recurrent layer of Keras 1", **KERAS1)
def keras1_recurrent(k: Writer) -> typing.Any:
    layer = k.layers.LSTM(
        2,
        consume_less="gpu",
        return_sequences=True,
        W_regularizer=k.l2(0.01),
        U_regularizer=k.l1(0.02),
        b_regularizer=k.l2(0.03),
    )
    dense = k.layers.Dense(2, W_regularizer=k.l2(0.02))
    return sequential(
        k, (5, 3), k.layers.Bidirectional(layer), k.layers.TimeDistributed(dense)
    )


@feature("recurrent layers of Keras 1 with an array for each gate", **KERAS1)
def keras1_gates(k: Writer) -> typing.Any:
    def options() -> dict[str, typing.Any]:
        return {
            "return_sequences": True,
            "W_regularizer": k.l2(0.01),
            "U_regularizer": k.l1(0.02),
            "b_regularizer": k.l2(0.03),
        }

    return sequential(
        k,
        (5, 3),
        k.layers.LSTM(2, **options()),
        k.layers.Bidirectional(k.layers.GRU(2, **options())),
        k.layers.GRU(2, consume_less="gpu", **options()),
        k.layers.SimpleRNN(2, **options()),
    )


@feature("layers that Keras 2 no longer has", **KERAS1)
def keras1_removed(k: Writer) -> typing.Any:
    def options() -> dict[str, typing.Any]:
        return {"W_regularizer": k.l2(0.01), "b_regularizer": k.l1(0.02)}

    return sequential(
        k,
        (5, 3),
        k.layers.TimeDistributedDense(4, **options()),
        k.layers.LocallyConnected1D(2, 3, **options()),
        k.layers.Flatten(),
        k.layers.MaxoutDense(3, nb_feature=2, **options()),
        k.layers.Highway(**options()),
        k.layers.PReLU(),
    )


@feature("convolutions of images, and a penalty of outputs, of Keras 1", **KERAS1)
def keras1_images(k: Writer) -> typing.Any:
    def options() -> dict[str, typing.Any]:
        return {
            "dim_ordering": "th",
            "W_regularizer": k.l2(0.01),
            "b_regularizer": k.l1(0.02),
        }

    return sequential(
        k,
        (1, 8, 8),
        k.layers.Convolution2D(2, 3, 3, **options()),
        k.layers.AtrousConvolution2D(2, 2, 2, **options()),
        k.layers.LocallyConnected2D(2, 2, 2, **options()),
        k.layers.Flatten(),
        k.layers.Dense(2, activity_regularizer=k.l2(0.1)),
    )


@feature(
    "a model of Keras 1 within another",
    refused="Keras 1 adds some losses of nested models twice",
    **KERAS1,
)
def keras1_nested(k: Writer) -> typing.Any:
    dense = k.layers.Dense(2, W_regularizer=k.l2(0.02))
    return around(k, around(k, sequential(k, (3,), dense), 1), 1)


@feature("a layer of Keras 1 that is applied twice", **KERAS1)
def keras1_shared(k: Writer) -> typing.Any:
    return around(k, k.layers.Dense(3, W_regularizer=k.l2(0.1)), 2)


@feature(
    "a wrapper of Keras 1 that is applied twice",
    refused="Keras 1 then adds no loss of the layer in it",
    **KERAS1,
)
def keras1_wrapper(k: Writer) -> typing.Any:
    dense = k.layers.Dense(3, W_regularizer=k.l2(0.1))
    return around(k, k.layers.TimeDistributed(dense), 2, (5, 3))


def around(
    k: Writer, inner: typing.Any, times: int, shape: tuple[int, ...] = (3,)
) -> typing.Any:
    """A model or layer, applied so many times, as a model."""
    x = y = k.layers.Input(shape)
    for _ in range(times):
        y = inner(y)
    return k.keras.models.Model(x, y)
