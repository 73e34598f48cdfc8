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
