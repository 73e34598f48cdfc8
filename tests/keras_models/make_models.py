# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Makes small models with a version of Keras, and records what Keras says of their losses.

    python make_models.py {keras3,keras33,tf_keras,keras212,keras224,keras122,tfjs} [PART_OF_A_NAME]

writes the folder of that name here. README.md describes its files and the environments.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import sys
import typing

# One thread and the plain kernels; all of this must be there before TensorFlow is loaded.
OLD = {"keras224", "keras122"} & set(sys.argv)
os.environ["KERAS_BACKEND"] = "theano" if OLD else "tensorflow"
os.environ["THEANO_FLAGS"] = "device=cpu,floatX=float32,optimizer=None,cxx="
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import numpy

import features
import files
import layer_models  # noqa: F401
import old_models  # noqa: F401
import regularizer_models  # noqa: F401
import rows
import structure_models  # noqa: F401
import tfjs
from writers import PACKAGES, Writer, writer_of

HERE = pathlib.Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("writer", choices=list(PACKAGES))
    parser.add_argument("part", nargs="?", default="")
    arguments = parser.parse_args()
    writer = writer_of(arguments.writer)
    folder = HERE / arguments.writer
    folder.mkdir(exist_ok=True)
    entries = []
    for feature in features.ALL:
        if arguments.part in feature.name and feature.is_in(writer):
            entries += record(writer, feature, folder)
    if writer.name == "tfjs":
        entries += record_javascript(writer, folder)
    if not arguments.part:
        write_expected(writer, entries, folder / "expected.json")


def record(
    writer: Writer, feature: features.Feature, folder: pathlib.Path
) -> list[typing.Any]:
    """Makes, saves and loads the feature's model in each of its formats."""
    entries = []
    for kind in feature.kinds_of(writer):
        writer.reset()
        random.seed(0)
        writer.seed()
        with features.policy(writer, feature.policy):
            model, custom = feature.build(writer)
            if model.built:
                set_weights(model, feature.name)
        path, weights, load = files.save(
            writer, model, folder / feature.name, kind, custom
        )
        entry = {
            "file": str(path.relative_to(folder)),
            "weights": weights.name if weights else None,
            "feature": feature.description,
        }
        writer.seed()
        as_saved = f"{writer.name} {kind}" in feature.as_saved
        loaded = model if as_saved else load()
        if as_saved:
            entry["described"] = "saved"
        if feature.refused:
            entry["refused"] = feature.refused
            entry["keras_total"] = rows.total(writer, loaded)
        else:
            entry.update(rows.describe(writer, loaded, feature.not_in_file))
            if entry["keras_total"] != rows.total(writer, model):
                print(
                    f"{path.name}: {rows.total(writer, model)} became {entry['keras_total']}"
                )
        entries.append(entry)
    return entries


def record_javascript(writer: Writer, folder: pathlib.Path) -> list[typing.Any]:
    """Entries of the models that make_tfjs.mjs has made, as the converter loads them."""
    entries = []
    for path in sorted(folder.glob("js_*/model.json")):
        writer.reset()
        writer.in_file = tfjs.coefficients(path)
        losses = json.loads((path.parent / "losses.json").read_text())
        entries.append(
            {
                "file": str(path.relative_to(folder)),
                "weights": None,
                "feature": "a model that TensorFlow.js itself has written",
                **rows.describe(writer, tfjs.load(path), ""),
                "tfjs_total": sum(losses),
            }
        )
    return entries


def set_weights(model: typing.Any, name: str) -> None:
    """Normally distributed weights with a deviation of 1/2, the same in each library."""
    generator = numpy.random.RandomState(sum(name.encode()))
    values = [
        generator.normal(0, 0.5, w.shape).astype(w.dtype) for w in model.get_weights()
    ]
    model.set_weights(values)


def write_expected(
    writer: Writer, entries: list[typing.Any], path: pathlib.Path
) -> None:
    """One JSON object; each row of a model on a line of its own."""
    lines = ["{"]
    package = writer.keras.__name__
    lines.append(
        f' "writer": {{"package": "{package}", "version": "{writer.version}"}},'
    )
    lines.append(' "models": [')
    for entry in entries:
        head = {key: value for key, value in entry.items() if key != "rows"}
        text = "  " + json.dumps(head)
        if "rows" in entry:
            text = text[:-1] + ', "rows": ['
            text += ",".join("\n   " + json.dumps(row) for row in entry["rows"]) + "]}"
        lines.append(text + ("," if entry is not entries[-1] else ""))
    lines += [" ]", "}", ""]
    path.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
