# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Models by what regularizes, and by the numbers that are in the file."""

from __future__ import annotations

import math
import typing

from features import feature, sequential
from writers import KERAS2, KERAS3, Writer, register

Any = typing.Any

#: Keras 3.3 takes no function for a regularizer.
FUNCTIONS = ("keras3", *KERAS2)


@feature(
    "an activity regularizer beside one of the kernel", kinds=("keras", "h5", "tfjs")
)
def activity(k: Writer) -> Any:
    layer = k.layers.Dense(
        3, kernel_regularizer=k.l2(0.01), activity_regularizer=k.l1(0.02)
    )
    return sequential(k, (4,), layer)


@feature("the layer ActivityRegularization", kinds=("keras", "h5"))
def activity_layer(k: Writer) -> Any:
    dense = k.layers.Dense(3, kernel_regularizer=k.l2(0.01))
    return sequential(k, (4,), dense, k.layers.ActivityRegularization(l1=0.1, l2=0.2))


@feature("activity regularizers of an LSTM, of attention and of a wrapper")
def activity_nested(k: Writer) -> Any:
    inputs = k.keras.Input((5, 3))
    x = k.layers.LSTM(3, return_sequences=True, activity_regularizer=k.l2(0.01))(inputs)
    x = k.layers.MultiHeadAttention(1, 2, activity_regularizer=k.l2(0.02))(x, x)
    inner = k.layers.Dense(2, activity_regularizer=k.l1(0.03))
    x = k.layers.TimeDistributed(inner)(x)
    return k.keras.Model(inputs, x)


@feature("an orthogonal regularizer", kinds=("keras", "h5"))
def orthogonal(k: Writer) -> Any:
    regularizer = k.regularizers.OrthogonalRegularizer(factor=0.1)
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, kernel_regularizer=regularizer),
        k.layers.Dense(2, kernel_regularizer=k.l2(0.02)),
    )


@feature("a frozen orthogonal regularizer")
def orthogonal_frozen(k: Writer) -> Any:
    regularizer = k.regularizers.OrthogonalRegularizer(factor=0.1)
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, kernel_regularizer=regularizer, trainable=False),
        k.layers.Dense(2, kernel_regularizer=k.l2(0.02)),
    )


@feature(
    "a registered class of another name",
    kinds=("keras", "h5"),
)
def custom_class(k: Writer) -> Any:
    class Half(k.regularizers.Regularizer):  # type: ignore[name-defined, misc]
        def __init__(self, factor: float):
            self.factor = factor

        def __call__(self, x: Any) -> Any:
            return 0.5 * self.factor * k.sum_of_squares(x)

        def get_config(self) -> dict[str, typing.Any]:
            return {"factor": self.factor}

    register(k)(Half)
    return _two_layers(k, Half(0.1))


@feature(
    "a registered class that is called L2 and is not Keras's",
    kinds=("keras", "h5"),
    as_saved=("tf_keras h5",),
)
def custom_l2(k: Writer) -> Any:
    return _two_layers(k, register(k)(_half_l2(k))(0.1))


@feature(
    "a class L2 of a module of the user, not registered",
    kinds=("keras", "h5"),
    only=("keras3", "keras33", "tf_keras"),
    as_saved=("tf_keras h5",),
)
def custom_l2_module(k: Writer) -> Any:
    custom = _half_l2(k)
    return _two_layers(k, custom(0.1)), {"L2": custom}


def _half_l2(k: Writer) -> type:
    class L2(k.regularizers.Regularizer):  # type: ignore[name-defined, misc]
        def __init__(self, l2: float):
            self.l2 = l2

        def __call__(self, x: Any) -> Any:
            return 0.5 * self.l2 * k.sum_of_squares(x)

        def get_config(self) -> dict[str, typing.Any]:
            return {"l2": self.l2}

    return L2


@feature(
    "a registered class that extends Keras's L2",
    kinds=("keras", "h5"),
)
def custom_subclass(k: Writer) -> Any:
    class Twice(k.regularizers.L2):  # type: ignore[name-defined, misc]
        def __call__(self, x: Any) -> Any:
            return 2.0 * super().__call__(x)

    register(k)(Twice)
    return _two_layers(k, Twice(0.1))


@feature(
    "a registered function",
    kinds=("keras", "h5"),
    only=FUNCTIONS,
)
def custom_function(k: Writer) -> Any:
    def half(x: Any) -> Any:
        return 0.05 * k.sum_of_squares(x)

    return _two_layers(k, register(k)(half))


@feature(
    "a function that is not registered",
    kinds=("keras", "h5"),
    only=FUNCTIONS,
)
def custom_function_module(k: Writer) -> Any:
    def half(x: Any) -> Any:
        return 0.05 * k.sum_of_squares(x)

    return _two_layers(k, half), {"half": half}


def _two_layers(k: Writer, regularizer: Any) -> Any:
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, kernel_regularizer=regularizer),
        k.layers.Dense(2, kernel_regularizer=k.l2(0.02)),
    )


@feature(
    "strings in place of regularizers, and classes without arguments",
    kinds=("keras", "h5"),
)
def defaults(k: Writer) -> Any:
    r = k.regularizers
    return sequential(
        k,
        (4,),
        k.layers.Dense(2, kernel_regularizer="l1", bias_regularizer="L2"),
        k.layers.Dense(2, kernel_regularizer=r.L1(), bias_regularizer=r.L2()),
        k.layers.Dense(2, kernel_regularizer=r.L1L2(), bias_regularizer="L1L2"),
    )


@feature("the string l1_l2", only=KERAS2)
def default_l1_l2(k: Writer) -> Any:
    return sequential(k, (4,), k.layers.Dense(2, kernel_regularizer="l1_l2"))


@feature("coefficients of 0", kinds=("keras", "h5"))
def zero_coefficients(k: Writer) -> Any:
    return sequential(
        k,
        (4,),
        k.layers.Dense(
            2, kernel_regularizer=k.l2(0.0), bias_regularizer=k.l1l2(0.0, 0.0)
        ),
    )


@feature(
    "a negative coefficient, which this Keras takes", kinds=("keras", "h5"), only=KERAS2
)
def negative_coefficient(k: Writer) -> Any:
    return sequential(k, (4,), k.layers.Dense(2, kernel_regularizer=k.l2(-0.01)))


@feature("NaN and infinities in the architecture", kinds=("keras", "h5", "npz"))
def nan_in_json(k: Writer) -> Any:
    return sequential(
        k,
        (5, 3),
        k.layers.Masking(mask_value=math.nan),
        k.layers.Dense(3, kernel_regularizer=k.l2(0.02)),
        k.layers.ReLU(max_value=math.inf),
        k.layers.Masking(mask_value=-math.inf),
    )


@feature("weights of float16", kinds=("keras", "h5", "npz", "safetensors"))
def float16(k: Writer) -> Any:
    return _two_dtypes(k, "float16")


@feature(
    "weights of bfloat16",
    kinds=("keras", "safetensors"),
    as_saved=("tf_keras keras", "keras212 keras"),
)
def bfloat16(k: Writer) -> Any:
    return _two_dtypes(k, "bfloat16")


@feature("weights of float64", kinds=("keras", "h5", "npz", "safetensors"))
def float64(k: Writer) -> Any:
    return _two_dtypes(k, "float64")


def _two_dtypes(k: Writer, dtype: str) -> Any:
    """A layer of the type, and one of float32."""
    return sequential(
        k,
        (8,),
        k.layers.Dense(16, kernel_regularizer=k.l1l2(0.01, 0.02), dtype=dtype),
        k.layers.Dense(2, kernel_regularizer=k.l2(0.02), dtype="float32"),
    )


@feature("the policy mixed_bfloat16", kinds=("keras", "h5"), policy="mixed_bfloat16")
def mixed_bfloat16(k: Writer) -> Any:
    return sequential(k, (4,), k.layers.Dense(3, kernel_regularizer=k.l2(0.02)))


@feature("the policy mixed_float16", policy="mixed_float16")
def mixed_float16(k: Writer) -> Any:
    return sequential(k, (4,), k.layers.Dense(3, kernel_regularizer=k.l2(0.02)))


@feature("a policy of one layer", kinds=("keras", "h5"))
def layer_policy(k: Writer) -> Any:
    policy = k.policy("mixed_bfloat16")
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, kernel_regularizer=k.l2(0.02), dtype=policy),
        k.layers.Dense(2, kernel_regularizer=k.l2(0.02)),
    )
