# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""What is in a model that Keras has loaded: a row for each regularizer, and the totals."""

from __future__ import annotations

import typing
from fractions import Fraction

import exact
from writers import Writer

SUFFIX = "_regularizer"


def describe(
    writer: Writer, model: typing.Any, not_in_file: str
) -> dict[str, typing.Any]:
    """The part of an entry of expected.json that Keras and exact arithmetic give.

    Variables with `not_in_file` in their path, unless that is empty, are not in the file.
    """
    rows: list[typing.Any] = []
    exact_total = Fraction()
    for path, layer in _walk(writer, model, (), set()):
        for variable in writer.own_variables(layer):
            regularizer = writer.regularizer_of(variable)
            if regularizer is not None:
                row = _row(writer, model, path, variable, regularizer)
                if not_in_file and not_in_file in f"{row['layer']}/{row['variable']}":
                    row["status"] = "not_in_file"
                if row["status"] == "counted":
                    exact_total += _penalty(writer, row, variable)
                rows.append(row)
        rows += _rows_without_variable(writer, path, layer)
    _check_sum(rows, total(writer, model))
    partial = {"activity", "not_l1l2", "not_in_file"}
    return {
        "complete": not any(row["status"] in partial for row in rows),
        "keras_total": total(writer, model),
        "exact_total": exact.to_hex(exact.rounded(exact_total)),
        "rows": rows,
    }


def arrays(writer: Writer, model: typing.Any) -> dict[str, typing.Any]:
    """All variables' values by the names of the rows: layer, slash, variable."""
    return {
        "/".join((*path, writer.variable_name(variable))): writer.value(variable)
        for path, layer in _walk(writer, model, (), set())
        for variable in writer.own_variables(layer)
    }


def total(writer: Writer, model: typing.Any) -> float:
    """The sum of Keras's own losses, before any call of the model."""
    return float(sum(writer.losses(model)))


def _check_sum(rows: list[typing.Any], keras_total: float) -> None:
    """Rows that do not make up Keras's total would be of the wrong variables."""
    adding = ("counted", "not_l1l2", "not_in_file")
    found = sum(row["keras"] for row in rows if row["status"] in adding)
    if abs(found - keras_total) > 1e-6 * abs(found):
        raise SystemExit(f"Keras's total is {keras_total}, that of the rows {found}")


def _walk(
    writer: Writer, layer: typing.Any, path: tuple[typing.Any, ...], seen: set[int]
) -> typing.Iterator[typing.Any]:
    """The layer and all below it, each once, with the names that lead to it."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    for below in writer.sublayers(layer):
        yield from _walk(writer, below, (*path, below.name), seen)


def _row(
    writer: Writer,
    model: typing.Any,
    path: tuple[typing.Any, ...],
    variable: typing.Any,
    regularizer: typing.Any,
) -> dict[str, typing.Any]:
    row = {
        "layer": "/".join(path),
        "variable": writer.variable_name(variable),
        "shape": list(writer.value(variable).shape),
        "dtype": _dtype(variable),
        **_class_of(writer, regularizer),
        "keras": writer.scalar(regularizer(variable)),
    }
    if not writer.counts(model, variable):
        row["status"] = "frozen"
    if "l1" in row:
        row["exact"] = exact.to_hex(exact.rounded(_penalty(writer, row, variable)))
    return row


def _penalty(
    writer: Writer, row: dict[str, typing.Any], variable: typing.Any
) -> Fraction:
    return exact.penalty(writer.value(variable), row["l1"], row["l2"])


def _dtype(variable: typing.Any) -> str:
    dtype = variable.dtype
    return dtype if isinstance(dtype, str) else str(dtype.name)


def _class_of(writer: Writer, regularizer: typing.Any) -> dict[str, typing.Any]:
    if type(regularizer) not in writer.l1l2_classes():
        name = getattr(regularizer, "__name__", type(regularizer).__name__)
        return {"status": "not_l1l2", "class": name}
    config = regularizer.get_config()
    loaded = [float(config.get(key, 0.0)) for key in ("l1", "l2")]
    l1, l2 = [writer.in_file.get(factor, factor) for factor in loaded]
    return {"status": "counted", "l1": l1, "l2": l2}


def _rows_without_variable(
    writer: Writer, path: tuple[typing.Any, ...], layer: typing.Any
) -> list[typing.Any]:
    rows = []
    for attribute, regularizer in sorted(vars(layer).items()):
        if not attribute.endswith(SUFFIX) or not callable(regularizer):
            continue
        part = attribute[: -len(SUFFIX)].lstrip("_")
        row = {
            "layer": "/".join(path),
            "variable": part,
            **_class_of(writer, regularizer),
        }
        if part == "activity" and attribute != writer.activity_attribute:
            continue  # handed on to parts
        if part == "activity":
            if hasattr(
                layer, "l1"
            ):  # ActivityRegularization; Keras 2 rounds what it makes
                row.update(l1=float(layer.l1), l2=float(layer.l2))
            rows.append({**row, "variable": None, "status": "activity"})
        elif not _has_variable(writer, layer, regularizer, part):
            rows.append({**row, "status": "no_variable"})
    return rows


def _has_variable(
    writer: Writer, layer: typing.Any, regularizer: typing.Any, part: str
) -> bool:
    """Whether a variable in the layer or below it carries the regularizer, or a copy of it."""
    for _, below in _walk(writer, layer, (), set()):
        for variable in writer.own_variables(below):
            found = writer.regularizer_of(variable)
            if found is regularizer:
                return True
            copied = found is not None and writer.copies_regularizers
            if copied and part in writer.variable_name(variable):
                return True
    return False
