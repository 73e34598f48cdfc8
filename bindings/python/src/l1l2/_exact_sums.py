# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Exact sums: the penalty and the norm of elements that come in pieces."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, TypeVar

import numpy

from ._arrays import BUFFERS, Array, NumpyArray, tensor_of
from ._library import address_of, check, library
from ._regularizer import Regularizer, _fast, handle_of
from ._terms import Call, call_of_arrays

_ADD = address_of("l1l2_exact_sums_add")
_LENGTH: int = library.l1l2_exact_sums_length()
_Self = TypeVar("_Self", bound="ExactSums")


class ExactSums:
    """The sums of |x| and x^2 over any elements, without rounding.

    The same elements give the same bits, however they are split and in whatever order
    they are added. The sums are an accumulator of 207 int64, and adding accumulators
    element by element adds the sums: l1l2.h has the rules. Objects can be compared,
    added, subtracted, copied and pickled. While a thread adds to one, no other thread may use it.

    Parameters
    ----------
    numbers : array of int64, optional
        Those of an `array`, which are copied; by default the sums of no elements.
        Anything that NumPy makes an array of integers of will do, except for uint64.

    Raises
    ------
    TypeError
        The numbers are not integers, or are uint64.
    ValueError
        There are more or fewer of them than an accumulator has.
    L1L2Error
        They are not exact sums. So do all methods that read the accumulator, and leave
        it as it is, if what was written to `array` is not an accumulator (status 19),
        a damaged one (18), or one of too many elements or accumulators (21).

    Examples
    --------
    >>> import numpy
    >>> parts = [ExactSums(), ExactSums()]
    >>> parts[0].add(numpy.array([1.0, -2.0]))
    >>> parts[1].add(numpy.array([0.5], numpy.float32))
    >>> sums = sum(parts, ExactSums())
    >>> sums.absolute, sums.square, sums.count
    (3.5, 5.25, 3)
    >>> sums.penalty(Regularizer(l1=0.01, l2=0.02))
    0.14
    >>> (sums - parts[1]).count
    2
    """

    def __init__(self, numbers: Any = None) -> None:
        self._array: NumpyArray = numpy.zeros(_LENGTH, numpy.int64)
        self._address: int = self._array.ctypes.data
        if numbers is not None:
            self._merge(numbers)

    @classmethod
    def from_bytes(cls: type[_Self], data: bytes | bytearray | memoryview) -> _Self:
        """Take sums from the bytes that `to_bytes` returned, here or elsewhere.

        Raises
        ------
        ValueError
            The number of bytes is not that of an accumulator.
        L1L2Error
            They are not exact sums.
        """
        if len(data) != 8 * _LENGTH:
            raise ValueError(f"{len(data)} bytes, not the {8 * _LENGTH} of exact sums")
        return cls(numpy.frombuffer(data, "<i8"))

    def to_bytes(self) -> bytes:
        """Return 1656 bytes that are the same on every machine for the same elements."""
        return type(self)(self._array)._array.astype("<i8").tobytes()

    @property
    def array(self) -> NumpyArray:
        """The accumulator itself, not a copy, to be stored, sent or added to.

        torch.from_numpy(sums.array), mpi4py and NumPy add to it in place.
        """
        return self._array.view()  # which cannot be resized

    def add(self, x: Array, *, dtype: Literal["bfloat16"] | None = None) -> None:
        """Add the elements of an array. Those of several dtypes may be added.

        Parameters
        ----------
        x : array
            Of any shape; it may be read-only.
        dtype : "bfloat16", optional
            To be given if x is a NumPy array of uint16 that holds their bits.

        Raises
        ------
        TypeError, ValueError, BufferError, L1L2Error
            As `Regularizer` says.
        """
        if dtype is None and _fast is not None and type(x) in BUFFERS:
            if _fast.add(_ADD, self._address, x):
                return
        tensor = tensor_of(x, dtype)
        check(library.l1l2_exact_sums_add_dlpack(self._address, tensor))

    def add_all(
        self,
        arrays: Iterable[Array],
        *,
        dtype: Literal["bfloat16"] | None = None,
        threads: int | ThreadPoolExecutor = 1,
    ) -> None:
        """Add the elements of many arrays, all of them or, after an error, none.

        Parameters
        ----------
        arrays : iterable of arrays
            Of any dtypes and shapes, each contiguous; they may be read-only.
        dtype : "bfloat16", optional
            To be given if all are NumPy arrays of uint16 that hold their bits.
        threads : int or ThreadPoolExecutor
            As for `penalty_terms`.

        Raises
        ------
        TypeError, ValueError, BufferError, L1L2Error
            As `Regularizer` says. The message begins with the number of the first array
            at fault, from 0.
        """
        self._add_all(call_of_arrays(arrays, dtype), threads)

    def _add_all(self, call: Call, threads: int | ThreadPoolExecutor) -> None:
        function = partial(library.l1l2_exact_sums_add_terms, self._address)
        call.run(function, threads, (), ())

    def merge(self, other: ExactSums) -> None:
        """Add the elements of other sums. Any number may be merged.

        Raises
        ------
        TypeError
            The other object is not an ExactSums.
        """
        self._merge(_numbers_of(other))

    def subtract(self, other: ExactSums) -> None:
        """Take the elements of other sums out, which were added before.

        Raises
        ------
        TypeError
            The other object is not an ExactSums.
        L1L2Error
            The other sums have more elements or are greater, or what would be left
            cannot be the sums of so many elements (status 18). What was never added
            may go unnoticed.
        """
        address = _numbers_of(other).ctypes.data
        check(library.l1l2_exact_sums_subtract(self._address, address))

    def _merge(self, numbers: Any) -> None:
        # A file's byte order may be the other one, but fractions are not cut off.
        numbers = numpy.asarray(numbers).astype(numpy.int64, "C", "safe")
        if numbers.shape != self._array.shape:
            raise ValueError(f"{numbers.shape} numbers, not {self._array.shape}")
        check(library.l1l2_exact_sums_merge(self._address, numbers.ctypes.data))

    def __iadd__(self: _Self, other: ExactSums) -> _Self:
        self.merge(other)
        return self

    def __add__(self: _Self, other: ExactSums) -> _Self:
        if not isinstance(other, ExactSums):
            return NotImplemented
        total = type(self)(self._array)
        total.merge(other)
        return total

    def __isub__(self: _Self, other: ExactSums) -> _Self:
        self.subtract(other)
        return self

    def __sub__(self: _Self, other: ExactSums) -> _Self:
        if not isinstance(other, ExactSums):
            return NotImplemented
        difference = type(self)(self._array)
        difference.subtract(other)
        return difference

    def __radd__(self: _Self, other: int) -> _Self:
        """Let `sum` begin with its 0."""
        if not isinstance(other, int) or other != 0:
            return NotImplemented
        return type(self)(self._array)

    def check(self) -> None:
        """Raise L1L2Error if what was written to `array` is not exact sums."""
        check(library.l1l2_exact_sums_check(self._address))

    @property
    def absolute(self) -> float:
        """The sum of |x|, rounded once; NaN or infinite if an element is."""
        absolute = ctypes.c_double()
        self._read(ctypes.byref(absolute), None, None)
        return absolute.value

    @property
    def square(self) -> float:
        """The sum of x^2, rounded once; NaN or infinite if an element is."""
        square = ctypes.c_double()
        self._read(None, ctypes.byref(square), None)
        return square.value

    @property
    def norm(self) -> float:
        """The Euclidean norm, the square root of the sum of x^2, rounded once.

        It is right also where the sum of x^2 is beyond the range of a float; NaN or
        infinite if an element is.
        """
        norm = ctypes.c_double()
        check(library.l1l2_exact_sums_norm(self._address, ctypes.byref(norm)))
        return norm.value

    @property
    def count(self) -> int:
        """The number of elements, including NaNs and infinities."""
        count = ctypes.c_int64()
        self._read(None, None, ctypes.byref(count))
        return count.value

    def _read(self, *outputs: Any) -> None:
        check(library.l1l2_exact_sums_read(self._address, *outputs))

    def penalty(self, regularizer: Regularizer) -> float:
        """Return l1 * sum(|x|) + l2 * sum(x^2), the true value rounded once.

        Raises
        ------
        TypeError
            It is not a Regularizer.
        L1L2Error
            The regularizer is closed (status 10).
        """
        penalty = ctypes.c_double()
        check(
            library.l1l2_penalty_exact_sums(
                handle_of(regularizer), self._address, ctypes.byref(penalty)
            )
        )
        return penalty.value

    def __eq__(self, other: object) -> bool:
        """Whether both have the same sums, without rounding, of as many elements."""
        if not isinstance(other, ExactSums):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # they change

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._array,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._array[2]} elements>"


def _numbers_of(sums: ExactSums) -> NumpyArray:
    if not isinstance(sums, ExactSums):
        raise TypeError(f"exact sums, not {type(sums)!r}")
    return sums._array


def clip_by_norm(
    arrays: Iterable[Array],
    max_norm: float,
    norm: float | None = None,
    *,
    dtype: Literal["bfloat16"] | None = None,
    threads: int | ThreadPoolExecutor = 1,
) -> float:
    """Multiply arrays by min(1, max_norm / norm), in place, and return the norm.

    Parameters
    ----------
    arrays : iterable of arrays
        The gradients of a model, as a rule: of any dtypes and shapes, each contiguous.
        No two share memory.
    max_norm : float
        The largest norm that is left as it is, finite and >= 0. Every element keeps its
        bits then.
    norm : float, optional
        The norm of all elements, those of other machines included: `ExactSums.norm`. By
        default that of the arrays. It has the same bits on any number of threads.
    dtype : "bfloat16", optional
        To be given if all are NumPy arrays of uint16 that hold their bits.
    threads : int or ThreadPoolExecutor
        As for `penalty_terms`.

    Raises
    ------
    TypeError, ValueError, BufferError, L1L2Error
        As `Regularizer` says, with the number of the first array at fault, from 0. The
        status is 22 if the norm or max_norm is negative, infinite or NaN, which the
        norm is if an element is.

    Examples
    --------
    >>> import numpy
    >>> gradients = [numpy.array([3.0], numpy.float16), numpy.array([[4.0]])]
    >>> clip_by_norm(gradients, 1.0)
    5.0
    >>> gradients
    [array([0.6], dtype=float16), array([[0.8]])]
    """
    call = call_of_arrays(arrays, dtype, ("out",))
    if norm is None:
        sums = ExactSums()
        sums._add_all(call, threads)
        norm = sums.norm
    factors = ctypes.c_double(norm), ctypes.c_double(max_norm)
    call.run(library.l1l2_clip_by_norm_terms, threads, factors, ())
    return norm
