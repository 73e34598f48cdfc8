# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Keras 1 and the first versions of Keras 2, on Theano."""

from __future__ import annotations

import contextlib
import importlib
import re
import typing

import h5py

from writers import Writer

#: The layers that hide a cell, which their configuration does not name.
HIDE_CELL = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D")


class OldKeras(Writer):
    """keras 1.2.2 or 2.2.4."""

    def __init__(self, name: str, keras: typing.Any):
        super().__init__(name, keras)
        self.backend = keras.backend
        self.copies_regularizers = name != "keras122"
        importlib.import_module("theano.ifelse")  # Keras expects it to be there
        self._regularizers: dict[int, typing.Any] = {}
        create_dataset = h5py.Group.create_dataset

        def create(
            group: typing.Any, *args: typing.Any, **options: typing.Any
        ) -> typing.Any:
            return create_dataset(group, *args, track_times=False, **options)

        h5py.Group.create_dataset = (
            create  # later versions of h5py leave the time out themselves
        )
        add_weight = keras.layers.Layer.add_weight

        def listen(
            layer: typing.Any, *args: typing.Any, **options: typing.Any
        ) -> typing.Any:
            variable = add_weight(layer, *args, **options)
            self._regularizers[id(variable)] = (variable, options.get("regularizer"))
            return variable

        keras.layers.Layer.add_weight = listen

    def regularizer_of(self, variable: typing.Any) -> typing.Any:
        return self._regularizers.get(id(variable), (None, None))[1]

    def sublayers(self, layer: typing.Any) -> list[typing.Any]:
        if getattr(layer, "layers", None):  # a Merge has None
            return list(layer.layers)
        if hasattr(layer, "forward_layer"):
            return [layer.forward_layer, layer.backward_layer]
        below = [
            getattr(layer, name) for name in ("layer", "cell") if hasattr(layer, name)
        ]
        return (
            []
            if type(layer).__name__ in HIDE_CELL
            else below + getattr(layer, "cells", [])
        )

    def variables(self, layer: typing.Any) -> list[typing.Any]:
        if hasattr(layer, "layers") or hasattr(layer, "forward_layer"):
            return []
        hidden = type(layer).__name__ in HIDE_CELL and hasattr(layer, "cell")
        holder = layer.cell if hidden else layer
        return list(holder._trainable_weights + holder._non_trainable_weights)

    def counts(self, model: typing.Any, variable: typing.Any) -> bool:
        return True

    def variable_name(self, variable: typing.Any) -> str:
        """ "dense_1/kernel" of Keras 2, "dense_1_W" of Keras 1."""
        last = str(variable.name).rsplit("/", 1)[-1]
        return re.sub(r"^.*_\d+_", "", last)

    def reset(self) -> None:
        self._regularizers.clear()
        common = importlib.import_module("keras.backend.common")
        (getattr(common, "reset_uids", None) or self.backend.reset_uids)()

    def l1l2_classes(self) -> tuple[typing.Any, ...]:
        return (type(self.regularizers.l2(0.1)),)

    def l1(self, factor: float) -> typing.Any:
        return self.regularizers.l1(factor)

    def l2(self, factor: float) -> typing.Any:
        return self.regularizers.l2(factor)

    def l1l2(self, l1: float, l2: float) -> typing.Any:
        make = getattr(self.regularizers, "l1_l2", None) or self.regularizers.l1l2
        return make(l1, l2)

    def sequential(self, shape: tuple[int, ...], layers: typing.Any) -> typing.Any:
        # Not an InputLayer: this Keras does not save it.
        if not hasattr(layers[0], "layers"):
            layers[0].batch_input_shape = (None, *shape)
            layers[0].dtype = getattr(layers[0], "dtype", "float32")
        model = self.keras.models.Sequential(list(layers))
        model.build()
        return model

    def value(self, variable: typing.Any) -> typing.Any:
        return variable.get_value()

    def scalar(self, loss: typing.Any) -> float:
        return float(self.backend.eval(loss))

    def losses(self, model: typing.Any) -> list[float]:
        if self.name == "keras122" and isinstance(
            model, self.keras.models.Sequential
        ):
            model.build()
        missing = importlib.import_module("theano.gof.fg").MissingInputError
        numbers = []
        for loss in model.losses:
            with contextlib.suppress(missing):  # of outputs
                numbers.append(self.scalar(loss))
        return numbers

    def seed(self) -> None:
        pass
