# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""A pair of coefficients, which computes penalties, gradients and proximal operators."""

from __future__ import annotations

import ctypes
import enum
import json
import weakref
from types import TracebackType
from typing import Any, Literal, TypeVar

from ._arrays import BUFFERS, Array, steps_like, tensor_like, tensor_of, tensors_of
from ._library import L1L2Error, address_of, check, library

try:
    from . import _fast as _fast  # for _exact_sums, too
except ImportError:  # built without it, or a Python that it does not suit
    _fast = None  # type: ignore[assignment]

_PENALTY = address_of("l1l2_penalty")
_ADD_GRADIENT = address_of("l1l2_add_gradient")
_PROX = address_of("l1l2_prox")
_PROX_STEP = address_of("l1l2_prox_step")
_OPTIONAL_BUFFERS = BUFFERS | {type(None)}
_INVALID_ARGUMENT = 10
_MESSAGE_CAPACITY = 256
_JSON_CAPACITY = 256
_Self = TypeVar("_Self", bound="Regularizer")


class JsonStyle(enum.IntEnum):
    """The forms that `Regularizer.to_json` writes."""

    CONFIG = 0
    """{"l1": 0.01, "l2": 0.02}, as get_config() returns it"""
    KERAS2 = 1
    """with class_name"""
    KERAS3 = 2
    """with module, class_name and registered_name"""


class Regularizer:
    """A pair of coefficients.

    It is immutable and may be shared by threads, compared, hashed, copied and pickled.
    It owns a handle of the library, which is freed with the object, or earlier by
    `close` or at the end of a `with` block.

    Parameters
    ----------
    l1, l2 : float
        The coefficients of sum(|x|) and of sum(x^2), finite and >= 0.

    Raises
    ------
    TypeError
        A coefficient is not a number.
    L1L2Error
        A coefficient is negative, infinite or NaN (status 11).

    Notes
    -----
    Every method that takes arrays raises, before anything is written:

    TypeError
        An argument is not an array, has another dtype, or is a masked array; or the
        scale or step is not a number.
    ValueError
        Two arrays differ in shape, one that is to be written is read-only or may be, or
        a stride of a NumPy array is no multiple of the size of an element.
    BufferError
        An object with `__dlpack__` does not export its memory, or exports memory that
        does not hold its numbers (sparse, quantized, lazily negated or conjugated).
    L1L2Error
        The library refuses the call: the dtype of a tensor is unsupported (status 12),
        two arrays overlap (15) or differ in dtype (16), the CPU cannot read the memory
        (17), or the regularizer is closed (10).

    Examples
    --------
    >>> import numpy
    >>> regularizer = Regularizer(l1=0.01, l2=0.02)
    >>> regularizer(numpy.array([[1.0, -2.0], [0.5, 0.0]]))
    0.14
    >>> regularizer
    Regularizer(l1=0.01, l2=0.02)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        handle = ctypes.c_void_p()
        # For what is not a number c_double raises TypeError, a call ArgumentError.
        coefficients = ctypes.c_double(l1), ctypes.c_double(l2)
        check(library.l1l2_create(*coefficients, ctypes.byref(handle)))
        self._own(handle.value)

    def _own(self, handle: int | None) -> None:
        self._handle = handle
        self._finalizer = weakref.finalize(self, library.l1l2_destroy, handle)
        # Not at exit, when a daemon thread may still be in a call.
        self._finalizer.atexit = False
        l1, l2 = ctypes.c_double(), ctypes.c_double()
        check(library.l1l2_get_config(handle, ctypes.byref(l1), ctypes.byref(l2)))
        self._l1, self._l2 = l1.value, l2.value

    def _open_handle(self) -> int:
        if self._handle is None:
            raise L1L2Error(_INVALID_ARGUMENT, "the regularizer is closed")
        return self._handle

    @classmethod
    def from_json(cls: type[_Self], text: str | bytes | dict[str, Any]) -> _Self:
        """Make a regularizer of what any version of Keras writes for an L1L2, L1 or L2.

        Parameters
        ----------
        text : str, bytes or dict
            JSON, or the dictionary that it stands for.

        Raises
        ------
        TypeError
            It is of another type, or the dictionary is not one of JSON.
        L1L2Error
            The text is not JSON (status 40), describes something else (41) or has an
            invalid coefficient (11). The message names the key, the class or the byte.

        Examples
        --------
        >>> Regularizer.from_json({"class_name": "L2", "config": {"l2": 0.5}})
        Regularizer(l1=0.0, l2=0.5)
        """
        if isinstance(text, dict):
            text = json.dumps(text)
        if isinstance(text, str):
            text = text.encode(errors="surrogatepass")  # which the library refuses
        if not isinstance(text, bytes):
            raise TypeError(f"JSON must be str, bytes or dict, not {type(text)!r}")
        handle = ctypes.c_void_p()
        message = ctypes.create_string_buffer(_MESSAGE_CAPACITY)
        status = library.l1l2_from_json(
            text, len(text), ctypes.byref(handle), message, _MESSAGE_CAPACITY
        )
        if status != 0:
            raise L1L2Error(status, message.value.decode("ascii"))
        regularizer = cls.__new__(cls)
        regularizer._own(handle.value)
        return regularizer

    def to_json(self, style: JsonStyle = JsonStyle.CONFIG) -> str:
        """Return JSON, in the bytes of json.dumps."""
        text = ctypes.create_string_buffer(_JSON_CAPACITY)
        length = ctypes.c_size_t()
        number = ctypes.c_int32(style)
        check(
            library.l1l2_to_json(
                self._open_handle(), number, text, _JSON_CAPACITY, ctypes.byref(length)
            )
        )
        return text.value.decode("ascii")

    @classmethod
    def from_config(cls: type[_Self], config: dict[str, float]) -> _Self:
        """Make a regularizer of what `get_config` returns."""
        return cls(**config)

    def get_config(self) -> dict[str, float]:
        """Return {"l1": l1, "l2": l2}, as Keras does."""
        return {"l1": self._l1, "l2": self._l2}

    @property
    def l1(self) -> float:
        """The coefficient of the sum of absolute values."""
        return self._l1

    @property
    def l2(self) -> float:
        """The coefficient of the sum of squares."""
        return self._l2

    def penalty(self, x: Array, *, dtype: Literal["bfloat16"] | None = None) -> float:
        """Return l1 * sum(|x|) + l2 * sum(x^2) over all elements.

        Parameters
        ----------
        x : array
            Of any shape; it may be read-only.
        dtype : "bfloat16", optional
            To be given if x is a NumPy array of uint16 that holds their bits.
        """
        handle = self._open_handle()
        if dtype is None and _fast is not None and type(x) in BUFFERS:
            value = _fast.penalty(_PENALTY, handle, x)
            if value is not None:
                return value
        penalty = ctypes.c_double()
        tensor = tensor_of(x, dtype)
        check(library.l1l2_penalty_dlpack(handle, tensor, ctypes.byref(penalty)))
        return penalty.value

    def __call__(self, x: Array, *, dtype: Literal["bfloat16"] | None = None) -> float:
        """Return `penalty(x)`."""
        return self.penalty(x, dtype=dtype)

    def add_gradient(
        self,
        x: Array,
        gradient: Array,
        scale: float = 1.0,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> None:
        """Add scale * (l1 * sign(x) + 2 * l2 * x) to gradient, in place.

        Parameters
        ----------
        x : array
            Of any shape; it may be read-only.
        gradient : array
            Of the shape and dtype of x, in memory of its own, with any strides.
        scale : float
            A finite factor, of either sign.
        dtype : "bfloat16", optional
            To be given if NumPy arrays of uint16 hold their bits.

        Raises
        ------
        L1L2Error
            The scale is not finite, or too large (status 13); and as the class says.
        """
        handle = self._open_handle()
        if dtype is None and _fast is not None and _are_buffers(x, gradient):
            if (
                _fast.add_gradient(_ADD_GRADIENT, handle, x, scale, gradient)
                is not None
            ):
                return
        self._add_gradient(x, gradient, scale, dtype, None)

    def penalty_and_add_gradient(
        self,
        x: Array,
        gradient: Array,
        scale: float = 1.0,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> float:
        """Do what `add_gradient` does and return `penalty(x)`, in one pass.

        The scale is a factor of the gradient alone.
        """
        handle = self._open_handle()
        if dtype is None and _fast is not None and _are_buffers(x, gradient):
            value = _fast.penalty_and_add_gradient(
                _ADD_GRADIENT, handle, x, scale, gradient
            )
            if value is not None:
                return value
        penalty = ctypes.c_double()
        self._add_gradient(x, gradient, scale, dtype, ctypes.byref(penalty))
        return penalty.value

    def _add_gradient(
        self, x: Array, gradient: Array, scale: float, dtype: str | None, penalty: Any
    ) -> None:
        factor = ctypes.c_double(scale)
        x_tensor, gradient_tensor = tensors_of(x, gradient, dtype)
        check(
            library.l1l2_add_gradient_dlpack(
                self._handle, x_tensor, factor, gradient_tensor, penalty
            )
        )

    def prox(
        self,
        x: Array,
        step: float,
        out: Array | None = None,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> None:
        """Compute sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2).

        Parameters
        ----------
        x : array
            Of any shape; it is written to if there is no out.
        step : float
            The step size, finite and >= 0.
        out : array, optional
            Of the shape and dtype of x, with any strides: x itself, or an array in
            memory of its own.
        dtype : "bfloat16", optional
            To be given if NumPy arrays of uint16 hold their bits.

        Raises
        ------
        L1L2Error
            The step is negative, not finite or too large (status 14); and as the class
            says.
        """
        if out is None:
            out = x
        handle = self._open_handle()
        if dtype is None and _fast is not None and _are_buffers(x, out):
            if _fast.prox(_PROX, handle, x, step, out) is not None:
                return
        factor = ctypes.c_double(step)
        x_tensor, out_tensor = tensors_of(x, out, dtype)
        check(library.l1l2_prox_dlpack(handle, x_tensor, factor, out_tensor))

    def prox_step(
        self,
        x: Array,
        gradient: Array | None,
        step: float,
        steps: Array | None = None,
        out: Array | None = None,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> None:
        """Take a step of proximal gradient descent in one pass over memory.

        With v = x - s * gradient it computes
        sign(v) * max(|v| - s * l1, 0) / (1 + 2 * s * l2), where s is step * steps.

        Parameters
        ----------
        x : array
            Of any shape; it is written to if there is no out.
        gradient : array, optional
            That of the rest of the loss, of the shape and dtype of x; None means 0. It
            may be read-only.
        step : float
            The step size, finite and >= 0.
        steps : array, optional
            A factor of the step for each element, finite and >= 0: the preconditioner
            of proximal Adagrad or Adam. Of the shape of x, and of float64 if x is, else
            of float32. It may be read-only; None means 1.
        out : array, optional
            Of the shape and dtype of x, with any strides: x or gradient itself, or an
            array in memory of its own.
        dtype : "bfloat16", optional
            To be given if the NumPy arrays x, gradient and out of uint16 hold their
            bits.

        Raises
        ------
        L1L2Error
            A step is negative, not finite or too large (status 14); and as the class
            says.

        Examples
        --------
        >>> import numpy
        >>> x, gradient = numpy.array([1.0, -3.0]), numpy.array([2.0, 2.0])
        >>> Regularizer(l1=1.0).prox_step(x, gradient, 0.5, numpy.array([1.0, 0.5]))
        >>> x
        array([ 0.  , -3.25])
        """
        if out is None:
            out = x
        handle = self._open_handle()
        if (
            dtype is None
            and _fast is not None
            and _are_buffers(x, out)
            and type(gradient) in _OPTIONAL_BUFFERS
            and type(steps) in _OPTIONAL_BUFFERS
        ):
            given = handle, x, gradient, step, steps, out
            if _fast.prox_step(_PROX_STEP, *given) is not None:
                return
        factor = ctypes.c_double(step)
        x_tensor, out_tensor = tensors_of(x, out, dtype)
        gradient_tensor = steps_tensor = None
        if gradient is not None:
            gradient_tensor = tensor_like(x_tensor, gradient, dtype)
        if steps is not None:
            steps_tensor = steps_like(x_tensor, steps)
        check(
            library.l1l2_prox_step_dlpack(
                handle, x_tensor, gradient_tensor, factor, steps_tensor, out_tensor
            )
        )

    def close(self) -> None:
        """Free the handle, which no call may be using. A second time it does nothing.

        Afterwards the coefficients can still be read.
        """
        self._handle = None
        self._finalizer()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same coefficients."""
        if not isinstance(other, Regularizer):
            return NotImplemented
        return (self._l1, self._l2) == (other._l1, other._l2)

    def __hash__(self) -> int:
        return hash((self._l1, self._l2))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._l1, self._l2)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(l1={self._l1!r}, l2={self._l2!r})"


def handle_of(regularizer: Regularizer) -> int:
    if not isinstance(regularizer, Regularizer):
        raise TypeError(f"a Regularizer, not {type(regularizer)!r}")
    return regularizer._open_handle()


def _are_buffers(x: object, y: object) -> bool:
    return type(x) in BUFFERS and type(y) in BUFFERS
