# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The layers format of TensorFlow.js, as its converter writes and reads it."""

from __future__ import annotations

import pathlib
import re
import shutil
import sys
import types
import typing

import numpy

#: How each kind stores the weights.
QUANTIZATIONS: dict[str, typing.Any] = {
    "tfjs": None,
    "tfjs_float16": {"float16": "*"},
    "tfjs_uint8": {"uint8": "*"},
}


def save(model: typing.Any, stem: pathlib.Path, kind: str) -> pathlib.Path:
    """A folder with model.json, and the weights in up to three shards."""
    folder = stem.with_name(stem.name + kind[len("tfjs") :])
    shutil.rmtree(folder, ignore_errors=True)
    elements = sum(weights.size for weights in model.get_weights())
    _converters().save_keras_model(
        model,
        str(folder),
        quantization_dtype_map=QUANTIZATIONS[kind],
        weight_shard_size_bytes=4 * (2 * elements // 5 + 1),
    )
    return folder / "model.json"


def load(path: pathlib.Path) -> typing.Any:
    return _converters().load_keras_model(str(path))


def coefficients(path: pathlib.Path) -> dict[float, float]:
    """The double for each float32 that a model of JavaScript's own becomes in Keras 2."""
    numbers = re.findall(r'"l[12]":([0-9.e-]+)', path.read_text())
    return {float(numpy.float32(text)): float(text) for text in numbers}


def _converters() -> typing.Any:
    # The converter imports a library of decision forests, whose versions do not fit TensorFlow's.
    name = "tensorflow_decision_forests"
    sys.modules.setdefault(name, types.ModuleType(name))
    import tensorflowjs

    return tensorflowjs.converters
