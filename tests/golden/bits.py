"""Floating-point numbers as hexadecimal bits, and as exact integers."""

import struct

#: Every binary64, and so every binary32, is a whole multiple of 2**-1074.
UNIT = 1 << 1074

_FORMATS = {"float32": (">f", ">I", 8), "float64": (">d", ">Q", 16)}


def to_hex(value: float) -> str:
    """The big-endian bits of a binary64."""
    return struct.pack(">d", value).hex()


def to_bits(value: float, dtype: str) -> int:
    """The bits of a number, rounded to the type, as an integer."""
    number, integer, _ = _FORMATS[dtype]
    return struct.unpack(integer, struct.pack(number, value))[0]


def from_bits(bits: int, dtype: str) -> float:
    """The number that has these bits."""
    number, integer, _ = _FORMATS[dtype]
    return struct.unpack(number, struct.pack(integer, bits))[0]


def hex_of_bits(bits: int, dtype: str) -> str:
    """The big-endian bits of an integer that stands for a number."""
    return format(bits, f"0{_FORMATS[dtype][2]}x")


def in_units(value: float) -> int:
    """A finite number as a whole multiple of 2**-1074."""
    numerator, denominator = value.as_integer_ratio()
    return numerator * (UNIT // denominator)
