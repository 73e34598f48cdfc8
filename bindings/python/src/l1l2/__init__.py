# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""L1/L2 (elastic-net) regularization of arrays, as Keras defines it, by libl1l2.

>>> import numpy, l1l2
>>> weights = numpy.array([0.5, -1.25, 0.0, 2.0], numpy.float32)
>>> regularizer = l1l2.Regularizer(l1=0.01, l2=0.02)
>>> regularizer(weights)
0.15375
>>> gradient = numpy.zeros_like(weights)
>>> regularizer.add_gradient(weights, gradient)
>>> regularizer.prox(weights, 0.5)  # in place
>>> sums = l1l2.ExactSums()  # of elements that come in pieces
>>> sums.add(weights[:2])
>>> sums.add(weights[2:])
>>> sums.count
4
>>> l1l2.clip_by_norm([numpy.array([3.0, -4.0])], 1.0)  # in place; returns the norm
5.0

**Arrays.** Every function takes an array of any shape and strides: a NumPy array, a
NumPy scalar, an object with `__dlpack__` whose memory the CPU can read (PyTorch, JAX,
TensorFlow), or an object with the buffer protocol (`memoryview`, `array.array`).
Elements are float32, float64, float16 or bfloat16. A NumPy array of bfloat16 has the
dtype `ml_dtypes.bfloat16`, or is of uint16 and comes with `dtype="bfloat16"`, as may an
array of uint16 with `__dlpack__`.

Arrays are never copied, and results are written to the caller's array. An array is
refused, with the reason, if reading its memory would give other numbers than the array
stands for (a masked, sparse or quantized array, a lazily negated tensor) and if it is to
be written but may be immutable. DLPack says whether an array may be written only since
version 1.0, which `__dlpack__` of JAX and of TensorFlow do not use: their arrays are
read, and never written.

The bits of a penalty depend on the elements in the order of memory, not on how a view
transposes or flips them.

**Threads.** Any number of threads may use one regularizer at once, and they run at the
same time: the GIL is released during calls on more than a few thousand elements. No
thread may write to an array that a call of another one uses.

**Errors.** `L1L2Error`, a `ValueError`, has the status of the library. `TypeError`,
`ValueError` and `BufferError` come from the arrays themselves. After an error nothing
has been written. An interrupt (Ctrl-C), or an error of the executor, is raised once all
has been written, or before anything has. One exception: if it comes just as a call on
threads begins its next thousand terms, those and later ones are not written.

**The library** is part of the package. The environment variable `L1L2_LIBRARY` chooses
an installed one instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arrays import Array
from ._exact_sums import ExactSums, clip_by_norm
from ._library import L1L2Error, isa, library_path, version
from ._regularizer import JsonStyle, Regularizer
from ._terms import (
    Term,
    add_gradient_terms,
    penalty_terms,
    prox_step_terms,
    prox_terms,
)

__all__ = [
    "Array",
    "ExactSums",
    "JsonStyle",
    "L1L2Error",
    "Regularizer",
    "Term",
    "__version__",
    "add_gradient_terms",
    "clip_by_norm",
    "isa",
    "library_path",
    "penalty_terms",
    "prox_step_terms",
    "prox_terms",
    "version",
]

# Pickles and messages name the public place, not the file that it comes from.
for _public in (ExactSums, JsonStyle, L1L2Error, Regularizer, Term):
    _public.__module__ = __name__

if TYPE_CHECKING:
    __version__: str
    """The version of this package; `version()` returns that of the library."""
else:

    def __getattr__(name: str) -> str:
        # Looked up when it is asked for: importlib.metadata takes longer than all else.
        if name == "__version__":
            from importlib.metadata import version

            return version("l1l2")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
