# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Models by the class of their layer: each with a regularizer for each of its variables."""

from __future__ import annotations

import typing

from features import feature, sequential
from writers import KERAS3, Writer

Any = typing.Any

#: Small images, with three channels, and short sequences.
IMAGE = (6, 6, 3)
SEQUENCE = (5, 3)


def weighted(k: Writer, *parts: str) -> dict[str, typing.Any]:
    """{"kernel_regularizer": ..., ...}, of a coefficient and a class of its own for each part."""
    kinds = (k.l2(0.01), k.l1(0.02), k.l1l2(0.03, 0.04), k.l2(0.05))
    return {f"{part}_regularizer": kind for part, kind in zip(parts, kinds)}


KERNEL_BIAS = ("kernel", "bias")
RECURRENT = ("kernel", "recurrent", "bias")
FACTORED = ("depthwise", "pointwise", "bias")


@feature("convolutions of one, two and three dimensions")
def convolutions(k: Writer) -> Any:
    inputs = k.keras.Input((4, 4, 4, 2))
    x = k.layers.Conv3D(2, 2, **weighted(k, *KERNEL_BIAS))(inputs)
    x = k.layers.Reshape((9, 3, 2))(x)
    x = k.layers.Conv2D(3, 2, **weighted(k, *KERNEL_BIAS))(x)
    x = k.layers.Reshape((16, 3))(x)
    x = k.layers.Conv1D(2, 3, **weighted(k, *KERNEL_BIAS))(x)
    return k.keras.Model(inputs, x)


@feature("transposed convolutions")
def transposed_convolutions(k: Writer) -> Any:
    return sequential(
        k,
        IMAGE,
        k.layers.Conv2DTranspose(2, 3, **weighted(k, *KERNEL_BIAS)),
        k.layers.Reshape((64, 2)),
        k.layers.Conv1DTranspose(2, 3, **weighted(k, *KERNEL_BIAS)),
    )


@feature("separable convolutions", kinds=("keras", "h5", "tfjs"))
def separable_convolutions(k: Writer) -> Any:
    return sequential(
        k,
        IMAGE,
        k.layers.SeparableConv2D(2, 3, **weighted(k, *FACTORED)),
        k.layers.Reshape((16, 2)),
        k.layers.SeparableConv1D(2, 3, **weighted(k, *FACTORED)),
    )


@feature("a depthwise convolution", kinds=("keras", "h5", "npz", "tfjs"))
def depthwise_convolution(k: Writer) -> Any:
    layer = k.layers.DepthwiseConv2D(
        3, depth_multiplier=2, **weighted(k, "depthwise", "bias")
    )
    return sequential(k, IMAGE, layer)


@feature("a depthwise convolution of one dimension", needs="DepthwiseConv1D")
def depthwise_convolution_1d(k: Writer) -> Any:
    layer = k.layers.DepthwiseConv1D(3, **weighted(k, "depthwise", "bias"))
    return sequential(k, SEQUENCE, layer)


@feature("locally connected layers", only=("tf_keras", "keras212"))
def locally_connected(k: Writer) -> Any:
    return sequential(
        k, SEQUENCE, k.layers.LocallyConnected1D(2, 3, **weighted(k, *KERNEL_BIAS))
    )


@feature("batch normalization", kinds=("keras", "h5", "npz", "tfjs"))
def batch_normalization(k: Writer) -> Any:
    return sequential(
        k, (4,), k.layers.BatchNormalization(**weighted(k, "gamma", "beta"))
    )


@feature("frozen batch normalization")
def batch_normalization_frozen(k: Writer) -> Any:
    layer = k.layers.BatchNormalization(trainable=False, **weighted(k, "gamma", "beta"))
    return sequential(k, (4,), layer, k.layers.Dense(2, kernel_regularizer=k.l2(0.02)))


@feature(
    "batch normalization without scale, and without center, their regularizers kept",
    kinds=("keras", "h5"),
)
def batch_normalization_parts(k: Writer) -> Any:
    return sequential(
        k,
        (4,),
        k.layers.BatchNormalization(scale=False, **weighted(k, "gamma", "beta")),
        k.layers.BatchNormalization(center=False, **weighted(k, "gamma", "beta")),
        k.layers.BatchNormalization(
            center=False, scale=False, **weighted(k, "gamma", "beta")
        ),
    )


@feature("layer normalization, also without scale and center")
def layer_normalization(k: Writer) -> Any:
    return sequential(
        k,
        (4,),
        k.layers.LayerNormalization(**weighted(k, "gamma", "beta")),
        k.layers.LayerNormalization(scale=False, **weighted(k, "gamma", "beta")),
        k.layers.LayerNormalization(center=False, **weighted(k, "gamma", "beta")),
    )


@feature("group normalization", needs="GroupNormalization")
def group_normalization(k: Writer) -> Any:
    return sequential(
        k, (4,), k.layers.GroupNormalization(2, **weighted(k, "gamma", "beta"))
    )


@feature(
    "spectral normalization of a layer",
    needs="SpectralNormalization",
    as_saved=("tf_keras keras",),
)
def spectral_normalization(k: Writer) -> Any:
    layer = k.layers.Dense(3, **weighted(k, *KERNEL_BIAS))
    return sequential(k, (4,), k.layers.SpectralNormalization(layer))


@feature(
    "use_bias=False with a regularizer for the bias",
    kinds=("keras", "h5", "npz", "tfjs"),
)
def no_bias(k: Writer) -> Any:
    return sequential(
        k,
        IMAGE,
        k.layers.Conv2D(2, 3, use_bias=False, **weighted(k, *KERNEL_BIAS)),
        k.layers.Flatten(),
        k.layers.Dense(3, use_bias=False, **weighted(k, *KERNEL_BIAS)),
    )


@feature("an embedding", kinds=("keras", "h5", "tfjs"))
def embedding(k: Writer) -> Any:
    return sequential(k, (5,), k.layers.Embedding(7, 3, **weighted(k, "embeddings")))


@feature("an embedding that is its own inverse", needs="ReversibleEmbedding")
def reversible_embedding(k: Writer) -> Any:
    layer = k.layers.ReversibleEmbedding(
        7, 3, tie_weights=False, **weighted(k, "embeddings")
    )
    return sequential(k, (5,), layer)


@feature("slopes of PReLU", kinds=("keras", "tfjs"))
def prelu(k: Writer) -> Any:
    return sequential(
        k, IMAGE, k.layers.PReLU(shared_axes=(1, 2), **weighted(k, "alpha"))
    )


@feature("an einsum layer", needs="EinsumDense")
def einsum_dense(k: Writer) -> Any:
    layer = k.layers.EinsumDense(
        "abc,cd->abd", (None, 4), bias_axes="d", **weighted(k, *KERNEL_BIAS)
    )
    return sequential(k, SEQUENCE, layer)


@feature("LSTM, GRU and a simple recurrent layer", kinds=("keras", "h5", "npz", "tfjs"))
def recurrent(k: Writer) -> Any:
    return sequential(
        k,
        SEQUENCE,
        k.layers.LSTM(2, return_sequences=True, **weighted(k, *RECURRENT)),
        k.layers.GRU(2, return_sequences=True, **weighted(k, *RECURRENT)),
        k.layers.SimpleRNN(2, **weighted(k, *RECURRENT)),
    )


@feature("an LSTM without a bias, its regularizer kept")
def lstm_no_bias(k: Writer) -> Any:
    return sequential(
        k, SEQUENCE, k.layers.LSTM(2, use_bias=False, **weighted(k, *RECURRENT))
    )


@feature(
    "a GRU of the form that Keras 1 had, whose bias is one vector",
    kinds=("keras", "h5"),
)
def gru_reset_before(k: Writer) -> Any:
    layer = k.layers.GRU(2, reset_after=False, **weighted(k, *RECURRENT))
    return sequential(k, SEQUENCE, layer)


@feature("a convolutional LSTM")
def conv_lstm(k: Writer) -> Any:
    return sequential(
        k, (2, 4, 4, 2), k.layers.ConvLSTM2D(2, 2, **weighted(k, *RECURRENT))
    )


@feature("a bidirectional LSTM", kinds=("keras", "h5", "npz", "tfjs"))
def bidirectional_lstm(k: Writer) -> Any:
    layer = k.layers.LSTM(2, **weighted(k, *RECURRENT))
    return sequential(k, SEQUENCE, k.layers.Bidirectional(layer))


@feature("a bidirectional GRU", kinds=("keras", "h5"))
def bidirectional_gru(k: Writer) -> Any:
    layer = k.layers.GRU(2, **weighted(k, *RECURRENT))
    return sequential(k, SEQUENCE, k.layers.Bidirectional(layer, merge_mode="sum"))


@feature("a bidirectional layer whose backward layer was given", kinds=("keras", "h5"))
def bidirectional_given(k: Writer) -> Any:
    forward = k.layers.GRU(2, kernel_regularizer=k.l2(0.01))
    backward = k.layers.GRU(2, kernel_regularizer=k.l1(0.05), go_backwards=True)
    layer = k.layers.Bidirectional(forward, backward_layer=backward)
    return sequential(k, SEQUENCE, layer)


@feature("a layer on each time step", kinds=("keras", "h5", "tfjs"))
def time_distributed(k: Writer) -> Any:
    layer = k.layers.Dense(2, **weighted(k, *KERNEL_BIAS))
    return sequential(k, SEQUENCE, k.layers.TimeDistributed(layer))


@feature("a model on each time step")
def time_distributed_model(k: Writer) -> Any:
    branch = sequential(k, (3,), k.layers.Dense(2, **weighted(k, *KERNEL_BIAS)))
    return sequential(k, SEQUENCE, k.layers.TimeDistributed(branch))


@feature("a recurrent layer around a cell", kinds=("keras", "h5", "tfjs"))
def rnn_cell(k: Writer) -> Any:
    cell = k.layers.LSTMCell(2, **weighted(k, *RECURRENT))
    return sequential(k, SEQUENCE, k.layers.RNN(cell))


@feature("a recurrent layer around two stacked cells", kinds=("keras", "h5"))
def stacked_cells(k: Writer) -> Any:
    cells = [
        k.layers.LSTMCell(2, **weighted(k, *RECURRENT)),
        k.layers.GRUCell(3, **weighted(k, *RECURRENT)),
    ]
    return sequential(k, SEQUENCE, k.layers.RNN(k.layers.StackedRNNCells(cells)))


@feature("a list of cells")
def cell_list(k: Writer) -> Any:
    cells = [k.layers.GRUCell(n, **weighted(k, *RECURRENT)) for n in (2, 3)]
    return sequential(k, SEQUENCE, k.layers.RNN(cells))


@feature("multi-head attention", kinds=("keras", "h5", "npz"))
def multi_head_attention(k: Writer) -> Any:
    inputs = k.keras.Input(SEQUENCE)
    layer = k.layers.MultiHeadAttention(2, 2, **weighted(k, *KERNEL_BIAS))
    return k.keras.Model(inputs, layer(inputs, inputs))


@feature("multi-head attention without biases, their regularizer kept")
def multi_head_attention_no_bias(k: Writer) -> Any:
    inputs = k.keras.Input(SEQUENCE)
    layer = k.layers.MultiHeadAttention(
        2, 2, use_bias=False, **weighted(k, *KERNEL_BIAS)
    )
    return k.keras.Model(inputs, layer(inputs, inputs))


@feature("grouped query attention", needs="GroupQueryAttention")
def grouped_query_attention(k: Writer) -> Any:
    inputs = k.keras.Input(SEQUENCE)
    layer = k.layers.GroupQueryAttention(2, 4, 2, **weighted(k, *KERNEL_BIAS))
    return k.keras.Model(inputs, layer(inputs, inputs))


@feature("wrappers that are frozen, around layers that say that they are not")
def frozen_wrappers(k: Writer) -> Any:
    return _wrappers(k, {"trainable": False})


def _wrappers(k: Writer, options: dict[str, typing.Any]) -> Any:
    inputs = k.keras.Input(SEQUENCE)
    lstm = k.layers.LSTM(2, return_sequences=True, **weighted(k, *RECURRENT))
    x = k.layers.Bidirectional(lstm, **options)(inputs)
    dense = k.layers.Dense(2, **weighted(k, *KERNEL_BIAS))
    x = k.layers.TimeDistributed(dense, **options)(x)
    cell = k.layers.GRUCell(2, **weighted(k, *RECURRENT))
    x = k.layers.RNN(cell, return_sequences=True, **options)(x)
    attention = k.layers.MultiHeadAttention(
        1, 2, **options, **weighted(k, *KERNEL_BIAS)
    )
    return k.keras.Model(inputs, attention(x, x))


@feature("wrappers around frozen layers")
def wrapped_frozen(k: Writer) -> Any:
    inputs = k.keras.Input(SEQUENCE)
    lstm = k.layers.LSTM(
        2, return_sequences=True, trainable=False, **weighted(k, *RECURRENT)
    )
    x = k.layers.Bidirectional(lstm)(inputs)
    dense = k.layers.Dense(2, trainable=False, **weighted(k, *KERNEL_BIAS))
    x = k.layers.TimeDistributed(dense)(x)
    cell = k.layers.GRUCell(2, trainable=False, **weighted(k, *RECURRENT))
    return k.keras.Model(inputs, k.layers.RNN(cell)(x))


@feature("layers that were frozen after they were built")
def frozen_later(k: Writer) -> Any:
    model = _wrappers(k, {})
    for layer in model.layers:
        layer.trainable = False
    return model


@feature(
    "low-rank adaptation of a dense layer and an embedding",
    only=KERAS3,
    not_in_file="/lora_",
)
def lora(k: Writer) -> Any:
    embedding = k.layers.Embedding(7, 4, **weighted(k, "embeddings"))
    dense = k.layers.Dense(3, **weighted(k, *KERNEL_BIAS))
    model = sequential(k, (5,), embedding, dense)
    embedding.enable_lora(2)
    dense.enable_lora(2)
    return model


@feature(
    "low-rank adaptation in the legacy format, which has the factors",
    only=("keras3",),
    kinds=("h5",),
)
def lora_factors(k: Writer) -> Any:
    convolution = k.layers.Conv1D(4, 2, **weighted(k, *KERNEL_BIAS))
    product = k.layers.EinsumDense(
        "btc,cd->btd", (None, 3), bias_axes="d", **weighted(k, "kernel")
    )
    dense = k.layers.Dense(2, **weighted(k, "kernel"))
    model = sequential(k, (5, 3), convolution, product, dense)
    for layer in model.layers:
        layer.enable_lora(2)
    return model


@feature("a dense layer, quantized to int8", only=KERAS3)
def quantized(k: Writer) -> Any:
    model = sequential(k, (4,), k.layers.Dense(3, **weighted(k, *KERNEL_BIAS)))
    model.layers[0].quantize("int8")
    return model


@feature("a dense layer, quantized to int4", only=("keras3",))
def quantized_int4(k: Writer) -> Any:
    model = sequential(k, (4,), k.layers.Dense(3, **weighted(k, *KERNEL_BIAS)))
    model.layers[0].quantize("int4")
    return model


@feature("batch renormalization", only=("keras3",))
def batch_renormalization(k: Writer) -> Any:
    layer = k.layers.BatchNormalization(renorm=True, **weighted(k, "gamma", "beta"))
    return sequential(k, (4,), layer)


@feature("convolutions and a cell that no other model has", only=("keras3",))
def other_convolutions(k: Writer) -> Any:
    layers = {
        (2, 2, 2, 1): k.layers.Conv3DTranspose(1, 2, **weighted(k, *KERNEL_BIAS)),
        (2, 3, 1): k.layers.ConvLSTM1D(1, 2, **weighted(k, *RECURRENT)),
        (2, 2, 2, 2, 1): k.layers.ConvLSTM3D(1, 2, **weighted(k, *RECURRENT)),
        (3, 2): k.layers.RNN(k.layers.SimpleRNNCell(2, **weighted(k, *RECURRENT))),
    }
    inputs = [k.keras.Input(shape) for shape in layers]
    outputs = [layer(x) for layer, x in zip(layers.values(), inputs)]
    return k.keras.Model(inputs, outputs)
