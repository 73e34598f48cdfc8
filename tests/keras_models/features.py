# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The models, one feature each."""

import contextlib
import dataclasses
import typing

from writers import Writer


@dataclasses.dataclass
class Feature:
    """A model that a function makes, and the formats in which it is saved."""

    name: str
    description: str
    build: typing.Callable
    kinds: tuple = ("keras",)
    only: tuple = ()
    policy: str = "float32"
    refused: str = ""

    def is_in(self, writer: Writer) -> bool:
        return not self.only or writer.name in self.only

    def formats(self, writer: Writer) -> tuple:
        return self.kinds


ALL: list = []
KERAS3 = ("keras3", "keras33")
KERAS2 = ("tf_keras", "keras212")


def feature(description: str, **options: typing.Any) -> typing.Callable:
    """Registers a function of a Writer that returns a model or (model, custom objects)."""

    def register(build: typing.Callable) -> typing.Callable:
        def pair(writer: Writer) -> tuple:
            made = build(writer)
            return made if isinstance(made, tuple) else (made, {})

        name = build.__name__.rstrip("_")
        ALL.append(Feature(name, description, pair, **options))
        return build

    return register


@contextlib.contextmanager
def policy(writer: Writer, name: str) -> typing.Iterator:
    """The dtype policy of all layers that are made within."""
    mixed = writer.keras.mixed_precision
    (
        mixed.set_global_policy(name)
        if hasattr(mixed, "set_global_policy")
        else (mixed.set_dtype_policy(name))
    )
    yield
    (
        mixed.set_global_policy("float32")
        if hasattr(mixed, "set_global_policy")
        else (mixed.set_dtype_policy("float32"))
    )


@feature("one layer, kernel and bias", kinds=("keras", "h5"))
def dense(k: Writer) -> typing.Any:
    r = k.regularizers
    layer = k.layers.Dense(
        3, kernel_regularizer=r.L1L2(0.01, 0.02), bias_regularizer=r.L2(0.1)
    )
    return k.keras.Sequential([k.keras.Input((4,)), layer])


@feature("a frozen layer between others")
def frozen_layer(k: Writer) -> typing.Any:
    r = k.regularizers
    return k.keras.Sequential(
        [
            k.keras.Input((4,)),
            k.layers.Dense(3, kernel_regularizer=r.L1(0.01)),
            k.layers.Dense(3, kernel_regularizer=r.L2(0.02), trainable=False),
            k.layers.Dense(2, kernel_regularizer=r.L2(0.03)),
        ]
    )
