# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Penalties in exact arithmetic, rounded once."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy


def to_hex(value: float) -> str:
    """The big-endian bits of a binary64."""
    return struct.pack(">d", value).hex()


def rounded(value: Fraction) -> float:
    """The nearest binary64, ties to even; infinity beyond its range."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def penalty(x: numpy.ndarray, l1: float, l2: float) -> Fraction:
    """l1 * sum(|x|) + l2 * sum(x**2) of finite elements of any float type."""
    elements = [Fraction(float(value)) for value in x.reshape(-1)]
    absolute = sum((abs(value) for value in elements), Fraction())
    square = sum((value * value for value in elements), Fraction())
    return Fraction(l1) * absolute + Fraction(l2) * square
