# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The register of the models, one feature each; the modules *_models add to it."""

from __future__ import annotations

import contextlib
import dataclasses
import typing

from writers import Writer

ALL: list[typing.Any] = []

#: Kinds that a library does not write, or that another folder has.
LEFT_OUT = {
    "keras3": ("weights", "keras_h5"),
    "keras33": ("weights", "keras_h5", "npz", "safetensors"),
    "tf_keras": ("keras_h5",),
    "keras212": ("keras", "stored", "weights.h5", "npz", "safetensors"),
    "keras224": ("keras", "stored", "keras_h5", "weights.h5", "npz", "safetensors"),
    "keras122": ("keras", "stored", "keras_h5", "weights.h5", "npz", "safetensors"),
}

#: The models that Keras 3 also writes in the legacy format, whose files are large.
LEGACY_OF_KERAS3 = (
    "dense",
    "nested_three_deep",
    "bidirectional_gru",
    "custom_l2",
    "lora_factors",
    "nan_in_json",
)


#: Those that Keras 2.12 writes in that format, and tf_keras does not.
LEGACY_OF_KERAS212 = (
    "activity_layer",
    "batch_normalization_parts",
    "custom_class",
    "custom_function",
    "custom_function_module",
    "custom_subclass",
    "embedding",
    "float64",
    "functional",
    "gru_reset_before",
    "layer_policy",
    "long_names",
    "mixed_bfloat16",
    "negative_coefficient",
    "no_regularizers",
    "rnn_cell",
    "separable_convolutions",
    "shared_model",
    "shared_regularizer",
    "stacked_cells",
    "time_distributed",
    "zero_coefficients",
)

#: What Keras 2.2.4 writes: the features whose layers it has.
OF_KERAS224 = (
    "dense",
    "frozen_layer",
    "frozen_nested",
    "functional",
    "shared_layer",
    "nested_three_deep",
    "batch_normalization",
    "no_bias",
    "depthwise_convolution",
    "separable_convolutions",
    "embedding",
    "recurrent",
    "bidirectional_lstm",
    "time_distributed",
    "rnn_cell",
    "activity",
)


@dataclasses.dataclass
class Feature:
    """A model that a function makes, and the formats in which it is saved."""

    name: str
    description: str
    #: From a Writer to the model and the custom objects that it needs.
    build: typing.Callable[..., typing.Any]
    #: See files.save.
    kinds: tuple[typing.Any, ...] = ("keras",)
    #: The writers that have the feature; all, if empty.
    only: tuple[typing.Any, ...] = ()
    #: A class of `layers` without which the feature does not exist.
    needs: str = ""
    policy: str = "float32"
    #: Why no reader of the file can say what Keras computes.
    refused: str = ""
    #: "WRITER KIND": Keras fails to load its file, or loads something else, and the entry is of
    #: the model that was saved.
    as_saved: tuple[typing.Any, ...] = ()
    #: In the paths of variables that have a loss and are not in the file, or whose regularizer is
    #: not.
    not_in_file: str = ""

    def kinds_of(self, writer: Writer) -> list[typing.Any]:
        is_tfjs = writer.name == "tfjs"
        kinds = [kind for kind in self.kinds if kind.startswith("tfjs") == is_tfjs]
        left_out = list(LEFT_OUT.get(writer.name, ()))
        if writer.name == "tf_keras" and self.name in LEGACY_OF_KERAS212:
            left_out.append("h5")
        if writer.is_keras3 and self.name not in LEGACY_OF_KERAS3:
            left_out.append("h5")
        return [kind for kind in kinds if kind not in left_out]

    def is_in(self, writer: Writer) -> bool:
        if writer.name == "keras224":
            return self.name in OF_KERAS224
        if "keras122" in (writer.name, *self.only):
            return writer.name in self.only
        has_layer = not self.needs or hasattr(writer.layers, self.needs)
        return has_layer and (not self.only or writer.name in self.only)


def feature(
    description: str, **options: typing.Any
) -> typing.Callable[..., typing.Any]:
    """Registers a function of a Writer that returns a model or (model, custom objects)."""

    def register(
        build: typing.Callable[..., typing.Any],
    ) -> typing.Callable[..., typing.Any]:
        def pair(writer: Writer) -> tuple[typing.Any, ...]:
            made = build(writer)
            return made if isinstance(made, tuple) else (made, {})

        ALL.append(Feature(build.__name__, description, pair, **options))
        return build

    return register


@contextlib.contextmanager
def policy(writer: Writer, name: str) -> typing.Iterator[typing.Any]:
    """The dtype policy of all layers that are made within."""
    if name == "float32":
        yield
        return
    mixed = writer.keras.mixed_precision
    set_policy = getattr(mixed, "set_global_policy", None) or mixed.set_dtype_policy
    set_policy(name)
    try:
        yield
    finally:
        set_policy("float32")


def sequential(k: Writer, shape: tuple[int, ...], *layers: typing.Any) -> typing.Any:
    """The layers on an input of this shape (without the batch)."""
    return k.sequential(shape, layers)
