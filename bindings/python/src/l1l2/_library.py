# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Finds and loads libl1l2, and declares its functions."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path
from typing import Any

#: The first version that has every function declared below.
_NEEDED = (0, 4)
_SYSTEM_NAMES = {"darwin": "libl1l2.0.dylib", "win32": "libl1l2-0.dll"}


class L1L2Error(ValueError):
    """A failure that the library reports.

    Attributes
    ----------
    status : int
        The status in l1l2.h; 11, for instance, is an invalid coefficient.
    message : str
        What is wrong, in English.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message

    def __str__(self) -> str:
        return self.message


class DLTensor(ctypes.Structure):
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
    #: What must live as long as the tensor.
    owner: Any


class TermStruct(ctypes.Structure):
    """l1l2_term."""

    _fields_ = [
        ("regularizer", ctypes.c_void_p),
        ("x", ctypes.c_void_p),
        ("n", ctypes.c_size_t),
        ("gradient", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("dtype", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("steps", ctypes.c_void_p),
    ]


Task = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)
Runner = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, Task, ctypes.c_void_p, ctypes.c_size_t
)


def _prototypes() -> dict[str, tuple[Any, ...]]:
    """Returns the type of the result and of each argument, by the function's name."""
    handle = pointer = ctypes.c_void_p
    status = number = ctypes.c_int32
    size, double, text = ctypes.c_size_t, ctypes.c_double, ctypes.c_char_p
    tensor = ctypes.POINTER(DLTensor)
    terms = (ctypes.POINTER(TermStruct), size, size)
    run = (Runner, pointer)
    return {
        "version_string": (text,),
        "isa": (text,),
        "status_string": (text, status),
        "create": (status, double, double, pointer),
        "destroy": (None, handle),
        "get_config": (status, handle, pointer, pointer),
        "penalty": (status, handle, number, pointer, size, pointer),
        "penalty_dlpack": (status, handle, tensor, pointer),
        "add_gradient_dlpack": (status, handle, tensor, double, tensor, pointer),
        "prox_dlpack": (status, handle, tensor, double, tensor),
        "prox_step_dlpack": (status, handle, tensor, tensor, double, tensor, tensor),
        "penalty_terms": (status, *terms, *run, pointer, pointer, pointer),
        "add_gradient_terms": (status, *terms, double, *run, pointer, pointer, pointer),
        "prox_terms": (status, *terms, double, *run, pointer),
        "prox_step_terms": (status, *terms, double, *run, pointer),
        "clip_by_norm_terms": (status, *terms, double, double, *run, pointer),
        "exact_sums_length": (size,),
        "exact_sums_add_dlpack": (status, pointer, tensor),
        "exact_sums_add_terms": (status, pointer, *terms, *run, pointer),
        "exact_sums_merge": (status, pointer, pointer),
        "exact_sums_subtract": (status, pointer, pointer),
        "exact_sums_check": (status, pointer),
        "exact_sums_read": (status, pointer, pointer, pointer, pointer),
        "exact_sums_norm": (status, pointer, pointer),
        "penalty_exact_sums": (status, handle, pointer, pointer),
        "to_json": (status, handle, number, pointer, size, pointer),
        "from_json": (status, text, size, pointer, pointer, size),
    }


def _name_to_open() -> str:
    """Returns the path of the library, or its name for the system's loader."""
    chosen = os.environ.get("L1L2_LIBRARY")
    if chosen:
        return chosen
    for name in ("libl1l2.so", "libl1l2.dylib", "libl1l2.dll"):
        path = Path(__file__).with_name(name)
        if path.exists():
            return str(path)
    return _SYSTEM_NAMES.get(sys.platform, "libl1l2.so.0")


def _expect_suitable(path: str) -> None:
    """Raises OSError for an ELF file that the loader would crash on, or call missing."""
    with open(path, "rb") as file:
        header = file.read(64)
        size = os.fstat(file.fileno()).st_size
    try:
        with open("/proc/self/exe", "rb") as file:
            own = file.read(64)
    except OSError:
        return  # not on Linux
    if header[:4] != own[:4] or len(header) < 64:
        return  # not ELF: the loader says so
    if header[4:6] + header[18:20] != own[4:6] + own[18:20]:
        raise OSError("the file is for another kind of processor")
    if own[4:6] == b"\x02\x01":  # 64 bits, little endian
        # The table of sections comes last.
        (sections,) = struct.unpack_from("<Q", header, 40)
        length, number = struct.unpack_from("<HH", header, 58)
        if sections + length * number > size:
            raise OSError(f"the file is cut off after {size} bytes")


def _open(name: str) -> ctypes.CDLL:
    """Opens the library and checks that it is libl1l2 of a version that suits."""
    if os.path.exists(name):
        _expect_suitable(name)
    library = ctypes.CDLL(name)
    try:
        found = int(library.l1l2_version_number())
    except AttributeError:
        raise OSError("it is not libl1l2") from None
    if found // 100 < 100 * _NEEDED[0] + _NEEDED[1]:
        version = f"{found // 10000}.{found // 100 % 100}.{found % 100}"
        raise OSError(f"found {version}, need {_NEEDED[0]}.{_NEEDED[1]}")
    return library


def _load() -> ctypes.CDLL:
    name = _name_to_open()
    try:
        library = _open(name)
    except OSError as error:
        if os.environ.get("L1L2_LIBRARY"):
            where, remedy = "which L1L2_LIBRARY names", "set L1L2_LIBRARY to"
        elif os.path.isabs(name):
            where, remedy = (
                "part of this package",
                "reinstall it, or set L1L2_LIBRARY to",
            )
        else:
            where = "in the loader's folders, as this package has none of its own"
            remedy = "install the package l1l2 with pip, or set L1L2_LIBRARY to"
        raise ImportError(
            f"cannot load libl1l2: looked for {name} ({where}): {error}; {remedy} the"
            f" path of libl1l2 {_NEEDED[0]}.{_NEEDED[1]} or later"
        ) from error
    for function_name, (result, *arguments) in _prototypes().items():
        function = getattr(library, f"l1l2_{function_name}")
        function.restype = result
        function.argtypes = arguments
    return library


library = _load()


def address_of(name: str) -> int:
    """Returns the address of a function."""
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address


def check(status: int) -> None:
    """Raises L1L2Error unless the status is 0."""
    if status != 0:
        raise L1L2Error(status, library.l1l2_status_string(status).decode("ascii"))


def library_path() -> str:
    """Return the path of the library, or the name by which the system's loader found it."""
    return library._name


def version() -> str:
    """Return the version of the library, "major.minor.patch"."""
    text: bytes = library.l1l2_version_string()
    return text.decode("ascii")


def isa() -> str:
    """Return the name of the instruction set that the library uses, such as "avx2"."""
    text: bytes = library.l1l2_isa()
    return text.decode("ascii")
