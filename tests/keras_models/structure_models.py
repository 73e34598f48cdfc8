# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Models by the way in which layers lie in one another."""

from __future__ import annotations

import typing

import numpy

from features import feature, sequential
from writers import KERAS2, KERAS3, Writer, register

Any = typing.Any


@feature(
    "one layer, kernel and bias",
    kinds=(
        "keras",
        "stored",
        "h5",
        "keras_h5",
        "weights",
        "weights.h5",
        "npz",
        "safetensors",
        "tfjs",
        "tfjs_float16",
        "tfjs_uint8",
    ),
)
def dense(k: Writer) -> Any:
    layer = k.layers.Dense(
        3, kernel_regularizer=k.l1l2(0.01, 0.02), bias_regularizer=k.l2(0.1)
    )
    return sequential(k, (4,), layer)


@feature(
    "a frozen layer between others",
    kinds=("keras", "h5", "weights", "weights.h5", "npz", "safetensors", "tfjs"),
)
def frozen_layer(k: Writer) -> Any:
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, kernel_regularizer=k.l1(0.01)),
        k.layers.Dense(3, kernel_regularizer=k.l2(0.02), trainable=False),
        k.layers.Dense(2, kernel_regularizer=k.l2(0.03)),
    )


@feature(
    "a frozen nested model",
    kinds=("keras", "h5", "weights", "weights.h5", "npz", "tfjs"),
)
def frozen_nested(k: Writer) -> Any:
    base = sequential(k, (4,), k.layers.Dense(3, kernel_regularizer=k.l2(0.02)))
    base.trainable = False
    head = k.layers.Dense(2, kernel_regularizer=k.l1(0.03))
    return sequential(k, (4,), base, head)


@feature("a model that is frozen as a whole")
def frozen_model(k: Writer) -> Any:
    model = sequential(k, (4,), k.layers.Dense(3, kernel_regularizer=k.l2(0.02)))
    model.trainable = False
    return model


@feature("frozen sequential models in which one layer was set trainable again")
def thawed_in_sequential(k: Writer) -> Any:
    thawed = k.layers.Dense(3, kernel_regularizer=k.l2(0.02))
    frozen = k.layers.Dense(3, kernel_regularizer=k.l2(0.02))
    model = sequential(k, (4,), sequential(k, (4,), frozen, thawed))
    model.trainable = False
    thawed.trainable = True
    return model


@feature("frozen functional models in which one layer was set trainable again")
def thawed_in_functional(k: Writer) -> Any:
    thawed = k.layers.Dense(4, kernel_regularizer=k.l2(0.02))
    frozen = k.layers.Dense(4, kernel_regularizer=k.l2(0.02))
    inner, outer = k.keras.Input((4,)), k.keras.Input((4,))
    nested = k.keras.Model(inner, thawed(frozen(inner)), name="nested")
    model = k.keras.Model(outer, nested(outer))
    model.trainable = False
    thawed.trainable = True
    return model


@feature("equal names in two nested models", kinds=("keras", "h5", "npz"))
def equal_names(k: Writer) -> Any:
    inputs = k.keras.Input((4,))
    branches = []
    for name, factor in (("left", 0.01), ("right", 0.02)):
        layer = k.layers.Dense(3, kernel_regularizer=k.l2(factor), name="dense")
        branch = k.keras.Sequential([k.keras.Input((4,)), layer], name=name)
        branches.append(branch(inputs))
    return k.keras.Model(inputs, k.layers.Add()(branches))


@feature("a layer that is called twice", kinds=("keras", "h5", "tfjs"))
def shared_layer(k: Writer) -> Any:
    first, second = k.keras.Input((4,)), k.keras.Input((4,))
    layer = k.layers.Dense(3, kernel_regularizer=k.l1l2(0.01, 0.02))
    joined = k.layers.Concatenate()([layer(first), layer(second)])
    return k.keras.Model([first, second], joined)


@feature("a nested model that is called twice", kinds=("keras", "h5"))
def shared_model(k: Writer) -> Any:
    first, second = k.keras.Input((4,)), k.keras.Input((4,))
    branch = sequential(k, (4,), k.layers.Dense(3, kernel_regularizer=k.l2(0.02)))
    joined = k.layers.Concatenate()([branch(first), branch(second)])
    outputs = k.layers.Dense(1, kernel_regularizer=k.l1(0.01))(joined)
    return k.keras.Model([first, second], outputs)


@feature("one layer in the model and in a nested one", only=KERAS2, kinds=("h5",))
def layer_in_two_models(k: Writer) -> Any:
    inner, outer = k.keras.Input((4,)), k.keras.Input((4,))
    layer = k.layers.Dense(4, kernel_regularizer=k.l2(0.02), name="common")
    nested = k.keras.Model(inner, layer(inner), name="nested")
    return k.keras.Model(outer, layer(nested(outer)))


@feature("one regularizer object in three variables", kinds=("keras", "h5"))
def shared_regularizer(k: Writer) -> Any:
    shared = k.l1l2(0.01, 0.02)
    return sequential(
        k,
        (4,),
        k.layers.Dense(3, kernel_regularizer=shared, bias_regularizer=shared),
        k.layers.Dense(2, kernel_regularizer=shared),
    )


@feature("a functional model", kinds=("keras", "h5", "tfjs"))
def functional(k: Writer) -> Any:
    inputs = k.keras.Input((4,))
    x = k.layers.Dense(4, kernel_regularizer=k.l2(0.02))(inputs)
    x = k.layers.Add()([x, inputs])
    return k.keras.Model(inputs, k.layers.Dense(2, kernel_regularizer=k.l1(0.01))(x))


@feature("two inputs, two outputs")
def multi_input(k: Writer) -> Any:
    one, two = k.keras.Input((4,), name="one"), k.keras.Input((2,), name="two")
    x = k.layers.Dense(3, kernel_regularizer=k.l2(0.02), name="of_one")(one)
    y = k.layers.Dense(3, kernel_regularizer=k.l2(0.03), name="of_two")(two)
    joined = k.layers.Multiply()([x, y])
    heads = [
        k.layers.Dense(1, kernel_regularizer=k.l1(0.01), name=name)(joined)
        for name in ("head_b", "head_a")
    ]
    return k.keras.Model([one, two], heads)


@feature("layers that were made in another order than they are called in")
def order_of_calls(k: Writer) -> Any:
    last = k.layers.Dense(2, kernel_regularizer=k.l2(0.02))
    first = k.layers.Dense(3, kernel_regularizer=k.l1(0.01))
    return sequential(k, (4,), first, last)


@feature("three models, one in the other", kinds=("keras", "h5", "npz", "tfjs"))
def nested_three_deep(k: Writer) -> Any:
    model = None
    for depth, factor in (("inner", 0.01), ("middle", 0.02), ("outer", 0.03)):
        layer = k.layers.Dense(4, kernel_regularizer=k.l2(factor))
        inputs = k.keras.Input((4,))
        x = layer(inputs)
        model = k.keras.Model(inputs, model(x) if model else x, name=depth)
    return model


@feature("many layers of two classes, so that numbers in names have two digits")
def twelve_layers(k: Writer) -> Any:
    layers = []
    for i in range(12):
        layers.append(k.layers.Dense(2, kernel_regularizer=k.l2(0.001 * (i + 1))))
        layers.append(
            k.layers.BatchNormalization(gamma_regularizer=k.l1(0.001 * (i + 1)))
        )
    return sequential(k, (2,), *layers)


@feature(
    "a name of 40 characters, and one with a slash's neighbours", kinds=("keras", "h5")
)
def long_names(k: Writer) -> Any:
    return sequential(
        k,
        (4,),
        k.layers.Dense(
            3, kernel_regularizer=k.l2(0.02), name="block_1_" + "expand_" * 4 + "conv"
        ),
        k.layers.Dense(3, kernel_regularizer=k.l2(0.02), name="a.b-c_D"),
    )


@feature("no layer has a regularizer", kinds=("keras", "h5"))
def no_regularizers(k: Writer) -> Any:
    return sequential(k, (4,), k.layers.Dense(3))


@feature(
    "a sequential model without a shape",
    kinds=("keras",),
    refused="the model was never built: it has no weights",
)
def unbuilt(k: Writer) -> Any:
    return k.keras.Sequential([k.layers.Dense(3, kernel_regularizer=k.l2(0.02))])


@feature(
    "a subclassed model whose configuration holds its layers",
    only=KERAS3 + ("tf_keras",),
)
def subclassed(k: Writer) -> Any:
    serialize = k.layers.serialize
    deserialize = k.layers.deserialize

    class Net(k.keras.Model):  # type: ignore[name-defined, misc]
        def __init__(self, hidden: Any, head: Any, **options: Any):
            super().__init__(**options)
            self.hidden = deserialize(hidden) if isinstance(hidden, dict) else hidden
            self.head = deserialize(head) if isinstance(head, dict) else head

        def build(self, input_shape: Any) -> None:
            self.hidden.build(input_shape)
            self.head.build((None, 3))
            self.built = True

        def call(self, x: Any) -> Any:
            return self.head(self.hidden(x))

        def get_config(self) -> dict[str, typing.Any]:
            return {"hidden": serialize(self.hidden), "head": serialize(self.head)}

    register(k)(Net)
    model = Net(
        k.layers.Dense(3, kernel_regularizer=k.l2(0.02)),
        k.layers.Dense(1, kernel_regularizer=k.l1(0.01)),
    )
    model(numpy.zeros((1, 4)))
    return model


@feature(
    "a subclassed model whose configuration holds numbers alone",
    only=KERAS3 + ("tf_keras",),
    refused="the configuration of the class my>Net names no layers",
)
def subclassed_opaque(k: Writer) -> Any:
    class Net(k.keras.Model):  # type: ignore[name-defined, misc]
        def __init__(self, units: int, **options: Any):
            super().__init__(**options)
            self.units = units
            self.hidden = k.layers.Dense(units, kernel_regularizer=k.l2(0.02))

        def build(self, input_shape: Any) -> None:
            self.hidden.build(input_shape)
            self.built = True

        def call(self, x: Any) -> Any:
            return self.hidden(x)

        def get_config(self) -> dict[str, typing.Any]:
            return {"units": self.units}

    register(k)(Net)
    model = Net(3)
    model(numpy.zeros((1, 4)))
    return model


@feature(
    "a registered layer with a regularizer of its own", only=KERAS3 + ("tf_keras",)
)
def custom_layer(k: Writer) -> Any:
    class Scale(k.layers.Layer):  # type: ignore[name-defined, misc]
        def __init__(self, factor_regularizer: Any = None, **options: Any):
            super().__init__(**options)
            self.factor_regularizer = k.regularizers.get(factor_regularizer)

        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(
                name="factor",
                shape=(input_shape[-1],),
                initializer="ones",
                regularizer=self.factor_regularizer,
            )
            self.built = True

        def call(self, x: Any) -> Any:
            return x * self.factor

        def get_config(self) -> dict[str, typing.Any]:
            regularizer = k.regularizers.serialize(self.factor_regularizer)
            return {**super().get_config(), "factor_regularizer": regularizer}

    register(k)(Scale)
    return sequential(
        k, (4,), Scale(k.l2(0.02)), k.layers.Dense(2, kernel_regularizer=k.l1(0.01))
    )


@feature(
    "a registered layer whose regularizer is not in its configuration",
    only=KERAS3 + ("tf_keras",),
    not_in_file="fixed/factor",
)
def custom_layer_hidden(k: Writer) -> Any:
    class Fixed(k.layers.Layer):  # type: ignore[name-defined, misc]
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(
                name="factor",
                shape=(input_shape[-1],),
                initializer="ones",
                regularizer=k.l2(0.02),
            )
            self.built = True

        def call(self, x: Any) -> Any:
            return x * self.factor

    register(k)(Fixed)
    return sequential(
        k, (4,), Fixed(), k.layers.Dense(2, kernel_regularizer=k.l1(0.01))
    )
