# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Saves models so that they are small and a second run writes the same bytes."""

from __future__ import annotations

import json
import pathlib
import re
import typing
import zipfile

import numpy

import rows
import tfjs
from writers import Writer

#: What Keras takes from the clock, and the addresses that it takes for numbers of shared objects.
DATE = (2026, 1, 1, 0, 0, 0)
DATE_SAVED = "2026-01-01@00:00:00"
FIRST_SHARED_OBJECT = 140000000000000


def save(
    writer: Writer,
    model: typing.Any,
    stem: pathlib.Path,
    kind: str,
    custom: dict[str, typing.Any],
) -> tuple[typing.Any, ...]:
    """The model's file, the weights' file or None, and a function that loads them."""
    if kind in tfjs.QUANTIZATIONS:
        path = tfjs.save(model, stem, kind)
        return path, None, lambda: tfjs.load(path)
    options = {} if writer.name == "keras122" else {"compile": False}

    def load_file() -> typing.Any:
        return writer.keras.models.load_model(str(path), custom, **options)

    if kind == "keras_h5":
        path = stem.with_name(stem.name + "_hdf5.keras")
        save_h5(writer, model, path)
        return path, None, load_file
    if kind in ("keras", "stored"):
        path = stem.with_name(
            stem.name + ("_stored.keras" if kind == "stored" else ".keras")
        )
        save_keras(model, path, kind == "stored")
        return path, None, load_file
    if kind == "h5":
        path = stem.with_suffix(".h5")
        save_h5(writer, model, path)
        return path, None, load_file
    path = stem.with_suffix(".json")
    save_json(model, path)
    weights = stem.with_suffix("." + kind)
    if kind == "npz" and writer.is_keras3:
        arrays: dict[str, typing.Any] = {v.path: numpy.array(v) for v in model.weights}
        numpy.savez(weights, **arrays)
    elif kind == "npz":
        numpy.savez(weights, **rows.arrays(writer, model))
    elif kind == "safetensors":
        import safetensors.numpy

        safetensors.numpy.save_file(rows.arrays(writer, model), weights)
    elif kind == "weights":
        weights = stem.with_name(stem.name + "_weights.h5")
        model.save_weights(str(weights))
    else:
        model.save_weights(str(weights))

    def load() -> typing.Any:
        again = writer.keras.models.model_from_json(path.read_text(), custom)
        again.set_weights(model.get_weights())
        return again

    return path, weights, load


def save_keras(model: typing.Any, path: pathlib.Path, stored: bool = False) -> None:
    """A .keras archive. Keras stores the members; unless `stored`, they are deflated here."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = members["config.json"].decode()
    members["config.json"] = _number_shared_objects(config).encode()
    metadata = json.loads(members["metadata.json"])
    metadata["date_saved"] = DATE_SAVED
    members["metadata.json"] = json.dumps(metadata).encode()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = method
            archive.writestr(info, content)


def save_h5(writer: Writer, model: typing.Any, path: pathlib.Path) -> None:
    """The legacy format: architecture and weights in one HDF5 file."""
    options: dict[str, typing.Any]
    options = {"save_format": "h5"} if writer.name in ("tf_keras", "keras212") else {}
    if writer.name != "keras122":
        options["include_optimizer"] = False
    model.save(str(path), **options)


def save_json(model: typing.Any, path: pathlib.Path) -> None:
    path.write_text(_number_shared_objects(model.to_json()))


def _number_shared_objects(text: str) -> str:
    numbers: dict[str, typing.Any] = {}

    def number(match: re.Match[str]) -> str:
        index = numbers.setdefault(match[1], len(numbers))
        return f'"shared_object_id": {FIRST_SHARED_OBJECT + index}'

    return re.sub(r'"shared_object_id": (\d{6,})', number, text)
