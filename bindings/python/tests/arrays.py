# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays for tests: how elements can lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

NumpyArray = numpy.ndarray[Any, Any]

#: NumPy exports DLPack 1.0, which says that an array is read-only, since version 2.1.
#: An earlier one does not export a read-only array.
NUMPY_EXPORTS_FLAGS = numpy.lib.NumpyVersion(numpy.__version__) >= "2.1.0"


class Foreign:
    """An array of another library, of which only DLPack is known."""

    def __init__(self, x: NumpyArray) -> None:
        self._x = x

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._x.__dlpack__(**arguments)


class Laid(NamedTuple):
    """Elements that were laid somewhere."""

    array: Any  #: what the library is given
    elements: NumpyArray  #: the same elements in the order of memory
    memory: NumpyArray  #: all memory, of which the elements may be a part


Layout = Callable[[NumpyArray], Laid]


def compact(elements: NumpyArray) -> Laid:
    memory = elements.copy()
    return Laid(memory, memory, memory)


def every_second(elements: NumpyArray) -> Laid:
    memory = numpy.repeat(elements, 2)
    return Laid(memory[1::2], memory[1::2], memory)


def turned(elements: NumpyArray) -> Laid:
    """A matrix with a gap after each row, transposed and flipped."""
    columns = 2 if elements.size % 2 == 0 else 1
    memory = numpy.zeros((elements.size // columns, columns + 1), elements.dtype)
    memory[:, :columns] = elements.reshape(-1, columns)
    return Laid(memory[:, :columns].T[::-1], memory[:, :columns], memory)


def transposed(elements: NumpyArray) -> Laid:
    """Contiguous in the order of Fortran."""
    rows = elements.copy().reshape(2 if elements.size % 2 == 0 else 1, -1)
    return Laid(rows.T, rows, rows)


def foreign(elements: NumpyArray) -> Laid:
    memory = elements.copy()
    return Laid(Foreign(memory), memory, memory)


def buffer(elements: NumpyArray) -> Laid:
    memory = elements.copy()
    return Laid(memoryview(memory), memory, memory)


#: How x and what is written are laid, each pair in arrays of one shape.
LAYOUTS = [
    (compact, compact),
    (transposed, transposed),
    (compact, every_second),
    (every_second, compact),
    (turned, turned),
    (buffer, buffer),
    (foreign, every_second),
]
if NUMPY_EXPORTS_FLAGS:  # otherwise a foreign array may not be written
    LAYOUTS += [(every_second, foreign), (foreign, foreign)]


def layouts_of(dtype: str) -> list[tuple[Layout, Layout]]:
    # NumPy's DLPack has no bfloat16.
    return [pair for pair in LAYOUTS if dtype != "bfloat16" or foreign not in pair]


def options_of(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype} if dtype == "bfloat16" else {}


def read_only(x: NumpyArray) -> NumpyArray:
    x = x.copy()
    x.flags.writeable = False
    return x
