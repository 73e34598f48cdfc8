# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of any kind as DLTensors that borrow their memory."""

from __future__ import annotations

import array
import ctypes
import math
from collections.abc import Callable
from typing import Any, Protocol, Union

import numpy

from ._library import DLTensor


class SupportsDLPack(Protocol):
    """An array of another library, such as a tensor of PyTorch."""

    @property
    def __dlpack__(self) -> Callable[..., Any]: ...


NumpyArray = numpy.ndarray[Any, Any]
Array = Union[
    NumpyArray,
    numpy.generic,
    memoryview,
    "array.array[Any]",
    "ctypes.Array[Any]",
    SupportsDLPack,
]

#: Types whose compact instances the functions of _fast take as they are. (A subclass of
#: numpy.ndarray may mean something else by its memory.)
BUFFERS = frozenset({numpy.ndarray, memoryview, array.array})

FLOAT32, FLOAT64, FLOAT16, BFLOAT16 = 1, 2, 3, 4
#: NumPy's own, in the machine's byte order: a dtype in the other one is not equal.
_DTYPES = {
    numpy.dtype("f4"): FLOAT32,
    numpy.dtype("f8"): FLOAT64,
    numpy.dtype("f2"): FLOAT16,
}
_UINT, _FLOAT, _BFLOAT = 1, 2, 4  #: kDLUInt, kDLFloat, kDLBfloat
_NUMBERS = {
    (_FLOAT, 32): FLOAT32,
    (_FLOAT, 64): FLOAT64,
    (_FLOAT, 16): FLOAT16,
    (_BFLOAT, 16): BFLOAT16,
}

_DLPACK_VERSION = (1, 0)
_READ_ONLY, _IS_COPIED = 1, 2  #: flags of a versioned tensor
_CPU = 1
#: Devices whose memory the CPU can read: kDLCPU, kDLCUDAHost, kDLROCMHost, kDLCUDAManaged.
_READABLE_DEVICES = frozenset({_CPU, 3, 11, 13})


class _ManagedTensor(ctypes.Structure):
    """DLManagedTensor, what a capsule "dltensor" points to."""

    _fields_ = [
        ("dl_tensor", DLTensor),
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
        ("dl_tensor", DLTensor),
    ]


_capsule_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_capsule_is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer.restype = ctypes.c_void_p
#: They have variables and symbolic tensors, for which a module of this package is made.
_FRAMEWORKS = ("jax", "keras", "tensorflow", "torch")


def tensor_of(x: Any, dtype: str | None, written: bool = False) -> DLTensor:
    """Returns a tensor that borrows the memory of x, and keeps x alive."""
    if isinstance(x, numpy.ndarray):
        return _tensor_of_numpy(x, dtype, written)
    if isinstance(x, numpy.generic):
        if written:
            raise ValueError("a NumPy scalar is immutable")
        return _tensor_of_numpy(numpy.asarray(x), dtype, written)
    if hasattr(x, "__dlpack__"):
        return _tensor_of_dlpack(x, dtype, written)
    try:
        view = numpy.asarray(memoryview(x))
    except TypeError:
        framework = type(x).__module__.partition(".")[0]
        advice = f"; or use l1l2.{framework}" if framework in _FRAMEWORKS else ""
        raise TypeError(
            f"an object of {type(x)!r} has no memory to be read in place: it must be a"
            f" NumPy array, have __dlpack__, or have the buffer protocol{advice}"
        ) from None
    return _tensor_of_numpy(view, dtype, written)


def _tensor_of_numpy(x: NumpyArray, dtype: str | None, written: bool) -> DLTensor:
    # Not by numpy's __dlpack__, which refuses read-only arrays and bfloat16.
    if isinstance(x, numpy.ma.MaskedArray):
        raise TypeError(
            "the mask of a masked array would be ignored: pass x.compressed() or x.data"
        )
    number = _dtype_number(x, dtype)
    if written and not x.flags.writeable:
        raise ValueError("an array to be written is read-only")
    shape, strides, itemsize = x.shape, x.strides, x.itemsize
    if any(stride % itemsize for stride in strides):
        # That of an axis of one element does not matter.
        strides = tuple(s if n > 1 else 0 for n, s in zip(shape, strides, strict=True))
        if any(stride % itemsize for stride in strides):
            raise ValueError("a stride is no multiple of the size of an element")
    int64s = ctypes.c_int64 * len(shape)
    tensor = DLTensor(
        x.__array_interface__["data"][0],  # x.ctypes.data takes longer
        _CPU,
        0,
        len(shape),
        _BFLOAT if number == BFLOAT16 else _FLOAT,
        8 * itemsize,
        1,
        int64s(*shape),
        int64s(*[stride // itemsize for stride in strides]),
    )
    tensor.owner = x
    return tensor


def _dtype_number(x: NumpyArray, dtype: str | None) -> int:
    if dtype is None:
        number = _DTYPES.get(x.dtype)
        if number is not None:
            return number
    if dtype in (None, "bfloat16") and x.dtype.name == "bfloat16" and x.dtype.isnative:
        return BFLOAT16
    if dtype == "bfloat16" and x.dtype == numpy.uint16:
        return BFLOAT16
    given = "" if dtype is None else f" with dtype={dtype!r}"
    raise TypeError(
        f"an array of {x.dtype!r}{given}: it must be of float32, float64, float16 or"
        " bfloat16 in the machine's byte order, or of uint16 with dtype='bfloat16'"
    )


def _tensor_of_dlpack(x: Any, dtype: str | None, written: bool) -> DLTensor:
    _refuse_flagged(x)
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
        if managed.flags & _IS_COPIED:
            raise BufferError(f"{type(x)!r} exports a copy, not its memory")
        if written and managed.flags & _READ_ONLY:
            raise ValueError("an array to be written is read-only")
    else:
        if written:
            raise ValueError(
                f"{type(x)!r} exports DLPack before 1.0, which does not say whether an"
                " array may be written: pass a NumPy array of the same memory (for a"
                " tensor of PyTorch, x.numpy())"
            )
        managed = _ManagedTensor.from_address(_capsule_pointer(capsule, b"dltensor"))
    tensor: DLTensor = managed.dl_tensor
    if dtype is not None:
        given = tensor.dtype_code, tensor.dtype_bits
        if dtype != "bfloat16" or given not in ((_UINT, 16), (_BFLOAT, 16)):
            raise TypeError(
                f"{type(x)!r} with dtype={dtype!r}: it must be of uint16 or bfloat16,"
                " with dtype='bfloat16'"
            )
        tensor = DLTensor.from_buffer_copy(tensor)  # its own belongs to the producer
        tensor.dtype_code = _BFLOAT
    # A capsule that keeps its name still owns the tensor, and calls its deleter.
    tensor.owner = capsule
    return tensor


def _refuse_flagged(x: Any) -> None:
    """Refuses a tensor of PyTorch whose memory holds other numbers than it stands for."""

    def is_flagged(name: str) -> bool:
        flag = getattr(x, name, False)
        return bool(flag() if callable(flag) else flag)

    for name, reason in (
        ("is_neg", "its memory holds the negated numbers: pass x.resolve_neg()"),
        ("is_conj", "its memory holds the conjugate: pass x.resolve_conj()"),
        ("is_quantized", "it is quantized: pass x.dequantize()"),
        ("is_sparse", "it is sparse: pass x.values()"),
        ("is_sparse_csr", "it is sparse: pass x.values()"),
    ):
        if is_flagged(name):
            raise BufferError(f"{type(x)!r}: {reason}")


def tensors_of(x: Any, y: Any, dtype: str | None) -> tuple[DLTensor, DLTensor]:
    """Returns the tensor of x and that of y, which is to be written."""
    tensor = tensor_of(x, dtype)
    return tensor, tensor_like(tensor, y, dtype, written=True)


def tensor_like(
    tensor: DLTensor, y: Any, dtype: str | None, written: bool = False
) -> DLTensor:
    """Returns the tensor of y, which must have the shape of another one."""
    other = tensor_of(y, dtype, written)
    shape, y_shape = (tuple(it.shape[: it.ndim]) for it in (tensor, other))
    if shape != y_shape:
        raise ValueError(f"arrays of different shapes: {shape} and {y_shape}")
    return other


def steps_like(tensor: DLTensor, steps: Any) -> DLTensor:
    """Returns the tensor of steps, which must fit a tensor x."""
    other = tensor_like(tensor, steps, None)
    _expect_dtype_of_steps(_number_of(other), _number_of(tensor))
    return other


def _number_of(tensor: DLTensor) -> int:
    """Returns FLOAT32 or another of these, 0 of anything else."""
    return _NUMBERS.get((tensor.dtype_code, tensor.dtype_bits), 0)


def _expect_dtype_of_steps(dtype: int, x_dtype: int) -> None:
    if dtype != (FLOAT64 if x_dtype == FLOAT64 else FLOAT32):
        raise ValueError("steps must be float64 for an x of float64, else float32")


class Compact:
    """An array without gaps: where it is, and how many elements of which type it has."""

    def __init__(self, x: Any, dtype: str | None, written: bool) -> None:
        tensor = tensor_of(x, dtype, written)
        self.shape = tuple(tensor.shape[: tensor.ndim])
        self.order = _order_of(tensor)
        self.n = math.prod(self.shape)
        self.address = (tensor.data or 0) + tensor.byte_offset
        self.dtype = _number_of(tensor)
        self.owner = tensor
        if tensor.device_type not in _READABLE_DEVICES:
            raise BufferError(f"the CPU cannot read the memory of {type(x)!r}")
        if tensor.dtype_lanes != 1 or self.dtype == 0:
            raise TypeError(
                f"{type(x)!r} is not of float32, float64, float16 or bfloat16"
            )

    def expect_alike(self, other: Compact) -> None:
        """Raises ValueError unless both have the same elements in the same places."""
        self._expect_places_of(other)
        if self.dtype != other.dtype:
            raise ValueError("arrays of different dtypes")

    def expect_steps_of(self, x: Compact) -> None:
        """Raises ValueError unless there is a step in the place of each element of x."""
        self._expect_places_of(x)
        _expect_dtype_of_steps(self.dtype, x.dtype)

    def _expect_places_of(self, other: Compact) -> None:
        if self.shape != other.shape:
            raise ValueError(
                f"arrays of different shapes: {self.shape} and {other.shape}"
            )
        if self.order != other.order:
            raise ValueError("arrays whose axes are in a different order of memory")


def _order_of(tensor: DLTensor) -> tuple[int, ...]:
    """Returns the strides of a contiguous tensor, where axes of one element have 0."""
    shape = tensor.shape[: tensor.ndim]
    if not tensor.strides:
        strides = [math.prod(shape[i + 1 :]) for i in range(tensor.ndim)]
    else:
        strides = tensor.strides[: tensor.ndim]
    axes = list(zip(strides, shape, strict=True))
    if 0 in shape:
        return ()
    reached = 1
    for stride, extent in sorted(axes):
        if extent > 1 and stride != reached:
            raise ValueError("an array of a list must be contiguous")
        reached *= extent
    return tuple(stride if extent > 1 else 0 for stride, extent in axes)
