# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the compiled modules by which the frameworks call libl1l2."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from ._library import address_of


def path_of(name: str) -> Path:
    """Returns the path of a compiled module of this package.

    Raises
    ------
    ImportError
        The package was built without it.
    """
    path = Path(__file__).with_name(f"{name}.so")
    if not path.exists():
        raise ImportError(
            f"this package of l1l2 was built without {path.name}, by which the framework"
            " calls the library; install l1l2 from a wheel or an sdist on Linux or macOS"
        )
    return path


def load(name: str) -> ctypes.CDLL:
    """Loads a compiled module and gives it the library that the package has loaded."""
    extension = ctypes.CDLL(str(path_of(name)))
    fill(extension, "extension", address_of)
    return extension


def fill(extension: ctypes.CDLL, table: str, address_of: Callable[[str], int]) -> None:
    """Writes the addresses that a compiled module asks for into one of its tables."""
    names_of = getattr(extension, f"l1l2_{table}_names")
    functions_of = getattr(extension, f"l1l2_{table}_functions")
    names_of.restype = ctypes.c_char_p
    functions_of.restype = ctypes.POINTER(ctypes.c_void_p)
    functions = functions_of()
    for i, name in enumerate(names_of().decode("ascii").rstrip(",").split(",")):
        functions[i] = address_of(name)
