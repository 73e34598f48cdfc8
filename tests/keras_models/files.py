# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Saves models so that they are small and a second run writes the same bytes."""

import json
import pathlib
import re
import typing
import zipfile

import numpy
import safetensors.numpy

from writers import Writer

#: What Keras takes from the clock, and the addresses that it takes for numbers of shared objects.
DATE = (2026, 1, 1, 0, 0, 0)
DATE_SAVED = "2026-01-01@00:00:00"
FIRST_SHARED_OBJECT = 140000000000000


def save(
    writer: Writer, model: typing.Any, stem: pathlib.Path, kind: str, custom: dict
) -> tuple:
    """The model's file, the weights' file or None, and a function that loads them."""
    keras = writer.keras
    path = stem.with_suffix(
        {"keras": ".keras", "stored": ".keras", "h5": ".h5"}.get(kind, ".json")
    )
    if kind in ("keras", "stored", "h5"):
        (
            save_h5(writer, model, path)
            if kind == "h5"
            else save_keras(model, path, kind == "stored")
        )
        return path, None, lambda: keras.models.load_model(path, custom, compile=False)
    save_json(model, path)
    weights = stem.with_suffix("." + kind)
    arrays = {_variable_path(v): numpy.array(v) for v in model.weights}
    if kind == "npz":
        numpy.savez(weights, **arrays)
    elif kind == "safetensors":
        safetensors.numpy.save_file(arrays, weights)
    else:
        model.save_weights(weights)

    def load() -> typing.Any:
        again = keras.models.model_from_json(path.read_text(), custom)
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
    options = {} if writer.is_keras3 else {"save_format": "h5"}
    model.save(path, include_optimizer=False, **options)


def save_json(model: typing.Any, path: pathlib.Path) -> None:
    path.write_text(_number_shared_objects(model.to_json()))


def _variable_path(variable: typing.Any) -> str:
    return str(getattr(variable, "path", variable.name.split(":")[0]))


def _number_shared_objects(text: str) -> str:
    numbers: dict = {}

    def number(match: re.Match) -> str:
        index = numbers.setdefault(match[1], len(numbers))
        return f'"shared_object_id": {FIRST_SHARED_OBJECT + index}'

    return re.sub(r'"shared_object_id": (\d{6,})', number, text)
