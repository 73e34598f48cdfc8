# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the compiled modules by which the frameworks call libl1l2."""

from __future__ import annotations

import ctypes
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
    extension.l1l2_extension_names.restype = ctypes.c_char_p
    extension.l1l2_extension_functions.restype = ctypes.POINTER(ctypes.c_void_p)
    functions = extension.l1l2_extension_functions()
    names = extension.l1l2_extension_names().decode("ascii").rstrip(",").split(",")
    for i, function in enumerate(names):
        functions[i] = address_of(function)
    return extension
