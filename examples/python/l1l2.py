"""L1/L2 (elastic-net) regularization of NumPy arrays by libl1l2, through ctypes.

    regularizer = Regularizer(l1=0.01, l2=0.02)
    penalty = regularizer(weights)
    regularizer.add_gradient(weights, gradient)
    regularizer.prox(weights, step)  # in place

    sums = ExactSums()  # of what comes in pieces
    sums.add(weights)
    penalty = sums.penalty(regularizer)

l1l2.h defines the penalty, its gradient and its proximal operator, and says what is
promised of their bits.

Arrays. A NumPy array of any shape and strides, or another object that has `__dlpack__`
and memory that the CPU can read. Nothing is copied, and what is written goes to the
caller's array. The elements are float32, float64, float16 or bfloat16. A NumPy array of
bfloat16 has ml_dtypes.bfloat16 as its dtype, or is of uint16 and comes with
`dtype="bfloat16"`. The bits of a penalty depend on the elements in the order of memory,
not on how a view turns or flips them. A subclass of numpy.ndarray counts as the memory
that it has: the mask of a masked array is not looked at. Whether an array that is not
NumPy's may be written is known only if `__dlpack__` tells, which that of JAX and of
TensorFlow does not: theirs must not be given to be written.

Threads. Any number of them may use one regularizer at once, and run at once: the GIL is
released during a call. No thread may write to an array that another's call is using.
Each has exact sums of its own.

The library is loaded when this module is imported: the one that the environment
variable L1L2_LIBRARY names, else libl1l2.so.0. OSError says that it was not found.
"""

from __future__ import annotations

import ctypes
import enum
import os
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Protocol, TypeVar

import numpy

__all__ = [
    "Array",
    "ExactSums",
    "JsonStyle",
    "L1L2Error",
    "Regularizer",
    "isa",
    "version",
]


class SupportsDLPack(Protocol):
    """An array of another library, such as an eager tensor of TensorFlow."""

    @property
    def __dlpack__(self) -> Callable[..., Any]: ...


_NumpyArray = numpy.ndarray[Any, Any]
Array = _NumpyArray | SupportsDLPack
_Self = TypeVar("_Self", bound="Regularizer")
_Sums = TypeVar("_Sums", bound="ExactSums")
_MESSAGE_CAPACITY = 256
_JSON_CAPACITY = 256


class JsonStyle(enum.IntEnum):
    """The forms that `Regularizer.to_json` writes."""

    CONFIG = 0
    """{"l1": 0.01, "l2": 0.02}, as get_config() has it"""
    KERAS2 = 1
    """with class_name"""
    KERAS3 = 2
    """with module, class_name and registered_name"""


class L1L2Error(ValueError):
    """A failure that the library reports.

    Attributes:
        status: Its number in l1l2.h; 11 is a coefficient that is none.
        message: What was wrong, in English.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message

    def __str__(self) -> str:
        return self.message


class _DLTensor(ctypes.Structure):
    """DLTensor of dlpack.h."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("dtype_code", ctypes.c_uint8),
        ("dtype_bits", ctypes.c_uint8),
        ("dtype_lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _ManagedTensor(ctypes.Structure):
    """DLManagedTensor, what a capsule "dltensor" points to."""

    _fields_ = [
        ("dl_tensor", _DLTensor),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


class _VersionedTensor(ctypes.Structure):
    """DLManagedTensorVersioned, what a capsule "dltensor_versioned" points to."""

    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("dl_tensor", _DLTensor),
    ]


_DLPACK_VERSION = (1, 0)
_DLPACK_CPU = 1
_DLPACK_READ_ONLY = 1


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ.get("L1L2_LIBRARY") or "libl1l2.so.0")
    handle = pointer = ctypes.c_void_p
    status = number = ctypes.c_int32
    size, double, text = ctypes.c_size_t, ctypes.c_double, ctypes.c_char_p
    tensor = ctypes.POINTER(_DLTensor)
    for name, result, arguments in (
        ("version_string", text, ()),
        ("isa", text, ()),
        ("status_string", text, (status,)),
        ("create", status, (double, double, pointer)),
        ("destroy", None, (handle,)),
        ("get_config", status, (handle, pointer, pointer)),
        ("penalty", status, (handle, number, pointer, size, pointer)),
        (
            "add_gradient",
            status,
            (handle, number, pointer, size, double, pointer, pointer),
        ),
        ("prox", status, (handle, number, pointer, size, double, pointer)),
        ("penalty_dlpack", status, (handle, tensor, pointer)),
        ("add_gradient_dlpack", status, (handle, tensor, double, tensor, pointer)),
        ("prox_dlpack", status, (handle, tensor, double, tensor)),
        ("exact_sums_length", size, ()),
        ("exact_sums_add", status, (pointer, number, pointer, size)),
        ("exact_sums_add_dlpack", status, (pointer, tensor)),
        ("exact_sums_merge", status, (pointer, pointer)),
        ("exact_sums_check", status, (pointer,)),
        ("exact_sums_read", status, (pointer, pointer, pointer, pointer)),
        ("penalty_exact_sums", status, (handle, pointer, pointer)),
        ("to_json", status, (handle, number, pointer, size, pointer)),
        ("from_json", status, (text, size, pointer, pointer, size)),
    ):
        function = getattr(library, f"l1l2_{name}")
        function.restype = result
        function.argtypes = arguments
    return library


_library = _load()

#: For compact arrays, and for tensors of any strides.
_ADD_GRADIENT = _library.l1l2_add_gradient, _library.l1l2_add_gradient_dlpack
_PROX = _library.l1l2_prox, _library.l1l2_prox_dlpack

_capsule_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_capsule_is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer.restype = ctypes.c_void_p


def version() -> str:
    """Returns the version of the library, "major.minor.patch"."""
    text: bytes = _library.l1l2_version_string()
    return text.decode("ascii")


def isa() -> str:
    """Returns the name of the instruction set that the library uses."""
    text: bytes = _library.l1l2_isa()
    return text.decode("ascii")


def _check(status: int) -> None:
    if status != 0:
        raise L1L2Error(status, _library.l1l2_status_string(status).decode("ascii"))


_BFLOAT16 = 4
#: NumPy's own, in the machine's byte order: a dtype in the other one is not equal.
_DTYPES = {numpy.dtype("f4"): 1, numpy.dtype("f8"): 2, numpy.dtype("f2"): 3}


def _dtype_number(x: _NumpyArray, dtype: str | None) -> int:
    if dtype is None:
        number = _DTYPES.get(x.dtype)
        if number is not None:
            return number
    if dtype in (None, "bfloat16") and x.dtype.name == "bfloat16" and x.dtype.isnative:
        return _BFLOAT16
    if dtype == "bfloat16" and x.dtype == numpy.uint16:
        return _BFLOAT16
    raise TypeError(
        f"an array of {x.dtype!r} with dtype={dtype!r}: it must be of float32, float64,"
        " float16 or bfloat16 in the machine's byte order, or of uint16 with"
        " dtype='bfloat16'"
    )


def _are_alike(x: Array, y: Array) -> bool:
    """Whether both are compact in the same order of axes, and y can be written.

    Arrays that are not alike become tensors, and on the way all errors are told.
    """
    return (
        isinstance(x, numpy.ndarray)
        and isinstance(y, numpy.ndarray)
        and x.dtype == y.dtype
        and x.shape == y.shape
        and y.flags.writeable
        and (
            (x.flags.c_contiguous and y.flags.c_contiguous)
            or (x.flags.f_contiguous and y.flags.f_contiguous)
        )
    )


def _tensor_of(x: Array, dtype: str | None, written: bool = False) -> _DLTensor:
    """Returns a tensor that borrows the memory of x, which must outlive it."""
    if isinstance(x, numpy.ndarray):
        return _tensor_of_numpy(x, dtype, written)
    if hasattr(x, "__dlpack__"):
        return _tensor_of_dlpack(x, written)
    raise TypeError(f"a NumPy array or an object with __dlpack__, not {type(x)!r}")


def _tensor_of_numpy(x: _NumpyArray, dtype: str | None, written: bool) -> _DLTensor:
    # Not by numpy's __dlpack__, which refuses read-only arrays and bfloat16.
    number = _dtype_number(x, dtype)
    if written and not x.flags.writeable:
        raise ValueError("an array that is to be written is read-only")
    axes = zip(x.shape, x.strides, strict=True)
    if any(n > 1 and stride % x.itemsize for n, stride in axes):
        raise ValueError("a stride is no multiple of the size of an element")
    int64s = ctypes.c_int64 * x.ndim
    return _DLTensor(
        data=x.ctypes.data,
        device_type=_DLPACK_CPU,
        ndim=x.ndim,
        dtype_code=4 if number == _BFLOAT16 else 2,
        dtype_bits=8 * x.itemsize,
        dtype_lanes=1,
        shape=int64s(*x.shape),
        strides=int64s(*(stride // x.itemsize for stride in x.strides)),
    )


def _tensor_of_dlpack(x: SupportsDLPack, written: bool) -> _DLTensor:
    try:
        capsule = x.__dlpack__(max_version=_DLPACK_VERSION, copy=False)
    except TypeError:
        # A producer from before DLPack 1.0, which takes neither argument.
        capsule = x.__dlpack__()
    managed: _VersionedTensor | _ManagedTensor
    if _capsule_is_valid(capsule, b"dltensor_versioned"):
        address = _capsule_pointer(capsule, b"dltensor_versioned")
        managed = _VersionedTensor.from_address(address)
        if managed.major != _DLPACK_VERSION[0]:
            raise BufferError(f"a tensor of DLPack {managed.major}.{managed.minor}")
        if written and managed.flags & _DLPACK_READ_ONLY:
            raise ValueError("an array that is to be written is read-only")
    else:
        managed = _ManagedTensor.from_address(_capsule_pointer(capsule, b"dltensor"))
    tensor: _DLTensor = managed.dl_tensor
    # A capsule that keeps its name still owns the tensor, and calls its deleter.
    tensor.capsule = capsule
    return tensor


def _tensors_of(x: Array, y: Array, dtype: str | None) -> tuple[_DLTensor, _DLTensor]:
    tensors = _tensor_of(x, dtype), _tensor_of(y, dtype, written=True)
    x_shape, y_shape = (tuple(tensor.shape[: tensor.ndim]) for tensor in tensors)
    if x_shape != y_shape:
        raise ValueError(f"arrays of different shapes: {x_shape} and {y_shape}")
    return tensors


class Regularizer:
    """A pair of coefficients that computes penalties, gradients and proximal steps.

    It is immutable, so that threads may share it, and can be copied and pickled: a copy
    is another regularizer of the same coefficients. It owns a handle of the library,
    which is freed with the object, or before by `close` or at the end of a `with`
    block.

    Every method that takes arrays raises, and then has written nothing:
        TypeError: What is given is no array, a NumPy array of another dtype, or a scale
            or step that is no number.
        ValueError: Two arrays differ in shape, one that is to be written is read-only,
            or a stride of a NumPy array is no multiple of the size of an element.
        BufferError: An object with `__dlpack__` does not export its memory. (It may
            raise other exceptions.)
        L1L2Error: The library refuses the call: the dtype of a tensor is unsupported
            (12), two arrays overlap (15) or differ in dtype (16), the CPU cannot read
            the memory (17), the regularizer is closed (10).
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        """Makes a regularizer of two coefficients, finite and >= 0.

        Raises:
            TypeError: A coefficient is no number.
            L1L2Error: A coefficient is negative, infinite or NaN (status 11).
        """
        handle = ctypes.c_void_p()
        # For what is no number c_double raises TypeError, a call ArgumentError.
        coefficients = ctypes.c_double(l1), ctypes.c_double(l2)
        _check(_library.l1l2_create(*coefficients, ctypes.byref(handle)))
        self._own(handle)

    def _own(self, handle: ctypes.c_void_p) -> None:
        self._handle: ctypes.c_void_p | None = handle
        self._finalizer = weakref.finalize(self, _library.l1l2_destroy, handle)
        # Not at exit, when a daemon thread may still be in a call.
        self._finalizer.atexit = False
        l1, l2 = ctypes.c_double(), ctypes.c_double()
        _check(_library.l1l2_get_config(handle, ctypes.byref(l1), ctypes.byref(l2)))
        self._l1, self._l2 = l1.value, l2.value

    @classmethod
    def from_json(cls: type[_Self], text: str | bytes) -> _Self:
        """Reads the JSON that any version of Keras writes for an L1L2, L1 or L2.

        Raises:
            L1L2Error: The text is no JSON (40), describes something else (41) or has a
                coefficient that is none (11). The message names the key, the class or
                the byte at fault.
        """
        json = text.encode() if isinstance(text, str) else text
        handle = ctypes.c_void_p()
        message = ctypes.create_string_buffer(_MESSAGE_CAPACITY)
        status = _library.l1l2_from_json(
            json, len(json), ctypes.byref(handle), message, _MESSAGE_CAPACITY
        )
        if status != 0:
            raise L1L2Error(status, message.value.decode("ascii"))
        regularizer = cls.__new__(cls)
        regularizer._own(handle)
        return regularizer

    def to_json(self, style: JsonStyle = JsonStyle.CONFIG) -> str:
        """Returns JSON, in the bytes of json.dumps."""
        text = ctypes.create_string_buffer(_JSON_CAPACITY)
        length = ctypes.c_size_t()
        _check(
            _library.l1l2_to_json(
                self._handle, style, text, _JSON_CAPACITY, ctypes.byref(length)
            )
        )
        return text.value.decode("ascii")

    @classmethod
    def from_config(cls: type[_Self], config: dict[str, float]) -> _Self:
        """Makes a regularizer of what `get_config` returns."""
        return cls(**config)

    def get_config(self) -> dict[str, float]:
        """Returns {"l1": l1, "l2": l2}, as Keras does."""
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
        """Returns l1 * sum(|x|) + l2 * sum(x^2) over all elements.

        Args:
            x: An array of any shape; it may be read-only.
            dtype: "bfloat16" if x is a NumPy array of uint16 that holds their bits.
        """
        penalty = ctypes.c_double()
        result = ctypes.byref(penalty)
        if isinstance(x, numpy.ndarray) and x.flags.forc:
            status = _library.l1l2_penalty(
                self._handle, _dtype_number(x, dtype), x.ctypes.data, x.size, result
            )
        else:
            tensor = _tensor_of(x, dtype)
            status = _library.l1l2_penalty_dlpack(self._handle, tensor, result)
        _check(status)
        return penalty.value

    def __call__(self, x: Array, *, dtype: Literal["bfloat16"] | None = None) -> float:
        """Returns `penalty(x)`."""
        return self.penalty(x, dtype=dtype)

    def add_gradient(
        self,
        x: Array,
        gradient: Array,
        scale: float = 1.0,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> None:
        """Adds scale * (l1 * sign(x) + 2 * l2 * x) to gradient, in place.

        Args:
            x: An array of any shape; it may be read-only.
            gradient: An array of the shape and dtype of x that shares no memory with
                it. Its strides are its own.
            scale: A finite factor, of either sign.
            dtype: "bfloat16" if NumPy arrays of uint16 hold their bits.

        Raises:
            L1L2Error: The scale is not finite, or too large (status 13).
        """
        self._write(*_ADD_GRADIENT, x, scale, gradient, dtype, None)

    def penalty_and_add_gradient(
        self,
        x: Array,
        gradient: Array,
        scale: float = 1.0,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> float:
        """Does what `add_gradient` does and returns `penalty(x)`, in one pass.

        The scale is a factor of the gradient alone.
        """
        penalty = ctypes.c_double()
        result = ctypes.byref(penalty)
        self._write(*_ADD_GRADIENT, x, scale, gradient, dtype, result)
        return penalty.value

    def prox(
        self,
        x: Array,
        step: float,
        out: Array | None = None,
        *,
        dtype: Literal["bfloat16"] | None = None,
    ) -> None:
        """Computes sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2).

        Args:
            x: An array of any shape, which is written to if there is no out.
            step: The step size, finite and >= 0.
            out: An array of the shape and dtype of x for the result: x itself, or one
                that shares no memory with it. Its strides are its own.
            dtype: "bfloat16" if NumPy arrays of uint16 hold their bits.

        Raises:
            L1L2Error: The step is negative, not finite or too large (status 14).
        """
        self._write(*_PROX, x, step, x if out is None else out, dtype)

    def _write(
        self,
        of_arrays: Callable[..., int],
        of_tensors: Callable[..., int],
        x: Any,
        factor: float,
        y: Any,
        dtype: str | None,
        *penalty: Any,
    ) -> None:
        number = ctypes.c_double(factor)
        if _are_alike(x, y):
            status = of_arrays(
                self._handle,
                _dtype_number(x, dtype),
                x.ctypes.data,
                x.size,
                number,
                y.ctypes.data,
                *penalty,
            )
        else:
            x_tensor, y_tensor = _tensors_of(x, y, dtype)
            status = of_tensors(self._handle, x_tensor, number, y_tensor, *penalty)
        _check(status)

    def close(self) -> None:
        """Frees the handle, which no call may be using. A second time it does nothing.

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

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._l1, self._l2)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(l1={self._l1!r}, l2={self._l2!r})"


class ExactSums:
    """Sums of |x| and x^2 without any rounding, of elements that come in pieces.

        sums = ExactSums()
        for chunk in chunks:
            sums.add(chunk)
        comm.Allreduce(MPI.IN_PLACE, sums.array)
        penalty = sums.penalty(regularizer)

    The same elements end in the same bits, however they were split and in whatever
    order. The sums are a vector of int64, and adding vectors element by element adds
    the sums: l1l2.h has the rules. Objects can be compared, copied and pickled. Only
    one thread at a time may use one that is added to.

    Every method that reads the vector raises L1L2Error, and then has changed nothing,
    if what was written to `array` is no vector of exact sums (status 19), a damaged one
    (18), or one of too many elements or vectors (21).
    """

    def __init__(self, vector: Any = None) -> None:
        """Makes the sums of no elements, or takes a vector that came from elsewhere.

        Args:
            vector: The numbers of an `array`, which are copied: an array of int64 or
                anything that NumPy makes one of.

        Raises:
            TypeError: The numbers are no integers.
            ValueError: There are more or fewer of them than a vector has.
            L1L2Error: They are no exact sums, see above.
        """
        self._array = numpy.zeros(_library.l1l2_exact_sums_length(), numpy.int64)
        self._address: int = self._array.ctypes.data
        if vector is not None:
            self._merge(vector)

    @property
    def array(self) -> _NumpyArray:
        """The vector itself, not a copy, to be stored, sent or added to.

        torch.from_numpy(sums.array), mpi4py and NumPy add it up in place.
        """
        return self._array

    def add(self, x: Array, *, dtype: Literal["bfloat16"] | None = None) -> None:
        """Adds the elements of an array. Those of several dtypes may be added.

        Args:
            x: An array of any shape; it may be read-only.
            dtype: "bfloat16" if x is a NumPy array of uint16 that holds their bits.

        Raises:
            TypeError, ValueError, BufferError, L1L2Error: As `Regularizer` says.
        """
        if isinstance(x, numpy.ndarray) and x.flags.forc:
            status = _library.l1l2_exact_sums_add(
                self._address, _dtype_number(x, dtype), x.ctypes.data, x.size
            )
        else:
            tensor = _tensor_of(x, dtype)
            status = _library.l1l2_exact_sums_add_dlpack(self._address, tensor)
        _check(status)

    def merge(self, other: ExactSums) -> None:
        """Adds the elements that another one has: as often as is wanted.

        Raises:
            TypeError: The other one is no ExactSums.
        """
        if not isinstance(other, ExactSums):
            raise TypeError(f"exact sums, not {type(other)!r}")
        self._merge(other._array)

    def __iadd__(self: _Sums, other: ExactSums) -> _Sums:
        self.merge(other)
        return self

    def _merge(self, vector: Any) -> None:
        # A file's byte order may be the other one, but fractions are not cut off.
        numbers = numpy.asarray(vector).astype(numpy.int64, "C", "safe")
        if numbers.shape != self._array.shape:
            raise ValueError(f"{numbers.shape} numbers, not {self._array.shape}")
        _check(_library.l1l2_exact_sums_merge(self._address, numbers.ctypes.data))

    def check(self) -> None:
        """Raises L1L2Error if what was written to `array` is no vector of exact sums."""
        _check(_library.l1l2_exact_sums_check(self._address))

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
    def count(self) -> int:
        """The number of elements, NaNs and infinities too."""
        count = ctypes.c_int64()
        self._read(None, None, ctypes.byref(count))
        return count.value

    def _read(self, *outputs: Any) -> None:
        _check(_library.l1l2_exact_sums_read(self._address, *outputs))

    def penalty(self, regularizer: Regularizer) -> float:
        """Returns l1 * sum(|x|) + l2 * sum(x^2), of which the true value is rounded once.

        Raises:
            L1L2Error: The regularizer is closed (status 10).
        """
        penalty = ctypes.c_double()
        _check(
            _library.l1l2_penalty_exact_sums(
                regularizer._handle, self._address, ctypes.byref(penalty)
            )
        )
        return penalty.value

    def __eq__(self, other: object) -> bool:
        """Whether both have the same sums, without rounding, of as many elements."""
        if not isinstance(other, ExactSums):
            return NotImplemented
        # Copies have one form, which sums that were added elsewhere do not.
        return ExactSums(self._array)._array.tobytes() == (
            ExactSums(other._array)._array.tobytes()
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._array,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._array[2]} elements>"
