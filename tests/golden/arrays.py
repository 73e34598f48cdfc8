"""The arrays whose penalties are recorded.

Nothing here depends on a numerical library: the same bits come out under every version of Python
and NumPy, because the recordings of three environments must speak of the same arrays.
"""

import functools
import math
import random
from dataclasses import dataclass
from fractions import Fraction

import bits

#: Element i of an array that is not stored, and how the file names it.
RAMP = "ramp"

FLOAT32_MAX = 3.4028234663852886e38
FLOAT64_MAX = 1.7976931348623157e308


@dataclass(frozen=True)
class Array:
    """An array in C order: its elements' bits, or the formula that gives them."""

    name: str
    dtype: str
    shape: tuple
    elements: tuple
    formula: str = ""
    #: Whether the content, rather than the shape, is the point: more coefficients are tried.
    special: bool = False

    @functools.cached_property
    def values(self) -> list:
        """The elements as Python floats; both types fit without rounding."""
        return [bits.from_bits(element, self.dtype) for element in self.elements]

    @functools.cached_property
    def is_finite(self) -> bool:
        return all(math.isfinite(value) for value in self.values)

    @functools.cached_property
    def exact_sums(self) -> tuple:
        """The sums of |x| and of x**2 of a finite array, without any rounding."""
        whole = [bits.in_units(value) for value in self.values]
        return (
            Fraction(sum(abs(value) for value in whole), bits.UNIT),
            Fraction(sum(value * value for value in whole), bits.UNIT**2),
        )

    def exact_penalty(self, l1: float, l2: float) -> float:
        """l1 * sum(|x|) + l2 * sum(x**2), rounded once; no term whose coefficient is 0."""
        if not self.is_finite:
            if l1 == 0 and l2 == 0:
                return 0.0
            return math.nan if any(math.isnan(value) for value in self.values) else math.inf
        absolute, square = self.exact_sums
        try:
            return float(Fraction(l1) * absolute + Fraction(l2) * square)
        except OverflowError:
            return math.inf

    def to_json(self) -> dict:
        entry = {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}
        if self.formula:
            return {**entry, "formula": self.formula}
        return {**entry, "bits": [bits.hex_of_bits(x, self.dtype) for x in self.elements]}


def _bell(generator: random.Random) -> float:
    """A number that is nearly normally distributed.

    A sum of uniform numbers takes only additions, which every platform rounds alike; the logarithm
    and the cosine of the usual methods differ in the last digit between C libraries.
    """
    return sum(generator.random() for _ in range(12)) - 6.0


def _normal(dtype: str, name: str, *shape: int) -> Array:
    generator = random.Random(f"{dtype} {name}")
    values = [0.5 * _bell(generator) for _ in range(math.prod(shape))]
    return Array(name, dtype, shape, tuple(bits.to_bits(value, dtype) for value in values))


def _special(dtype: str, name: str, values) -> Array:
    elements = tuple(bits.to_bits(value, dtype) for value in values)
    return Array(name, dtype, (len(elements),), elements, special=True)


def _spread(dtype: str, name: str, count: int, low: int, high: int) -> Array:
    """Numbers of both signs whose exponents are spread evenly over low..high."""
    generator = random.Random(f"{dtype} {name}")
    values = []
    for _ in range(count):
        mantissa = 1.0 + generator.random()
        sign = 1.0 if generator.random() < 0.5 else -1.0
        values.append(sign * math.ldexp(mantissa, generator.randint(low, high)))
    return _special(dtype, name, values)


def _ramp(dtype: str, name: str, *shape: int) -> Array:
    count = math.prod(shape)
    values = (((i * 7919 + 13) % 2003 - 1001) / 1024.0 for i in range(count))
    return Array(name, dtype, shape, tuple(bits.to_bits(v, dtype) for v in values), formula=RAMP)


def _float32_arrays() -> list:
    kind = "float32"
    shapes = [(1,), (2,), (3,), (7,), (8,), (9,), (15,), (16,), (17,), (31,), (32,), (33,)]
    shapes += [(63,), (64,), (65,), (2, 3), (4, 5, 6), (1, 1, 1, 7), (3, 3, 8, 8)]
    arrays = [_normal(kind, "f32_scalar")]
    arrays += [Array("f32_0", kind, (0,), ()), Array("f32_2x0x3", kind, (2, 0, 3), ())]
    for shape in shapes:
        arrays.append(_normal(kind, "f32_" + "x".join(map(str, shape)), *shape))
    arrays += [
        _special(kind, "f32_zeros", [0.0, -0.0] * 4),
        _special(kind, "f32_negative_zeros", [-0.0] * 5),
        _special(kind, "f32_ones", [1.0, -1.0] * 10),
        _special(kind, "f32_sparse", [0.0] * 20 + [-0.75] + [0.0] * 30 + [2.0**-10] + [0.0] * 9),
        _spread(kind, "f32_wide", 64, -62, 60),
        _spread(kind, "f32_squares_vanish", 16, -126, -80),
        _spread(kind, "f32_squares_subnormal", 16, -74, -64),
        _spread(kind, "f32_subnormal", 12, -148, -128),
        _special(kind, "f32_smallest", [2.0**-149, -(2.0**-149), 2.0**-126]),
        _special(kind, "f32_squares_fit", [1e18, -2e18, 3e18, 1.0]),
        _special(kind, "f32_squares_overflow", [1e20, -2e30, FLOAT32_MAX / 8]),
        _special(kind, "f32_largest", [FLOAT32_MAX]),
        _special(kind, "f32_nan", [0.5, math.nan, -0.25]),
        _special(kind, "f32_infinity", [0.5, math.inf, -0.25]),
        _special(kind, "f32_negative_infinity", [-math.inf]),
        _special(kind, "f32_infinity_and_nan", [math.inf, 1.0, -math.nan, -math.inf]),
        _ramp(kind, "f32_ramp_257x129", 257, 129),
        _ramp(kind, "f32_ramp_4096", 4096),
        _ramp(kind, "f32_ramp_4097", 4097),
        _ramp(kind, "f32_ramp_8193", 8193),
        _ramp(kind, "f32_ramp_64x64x3x3", 64, 64, 3, 3),
    ]
    return arrays


def _float64_arrays() -> list:
    kind = "float64"
    arrays = [_normal(kind, "f64_scalar"), Array("f64_0", kind, (0,), ())]
    for shape in [(1,), (3,), (16,), (31,), (33,), (2, 3), (4, 5, 6), (3, 3, 2, 4)]:
        arrays.append(_normal(kind, "f64_" + "x".join(map(str, shape)), *shape))
    arrays += [
        _special(kind, "f64_zeros", [0.0, -0.0] * 4),
        _spread(kind, "f64_wide", 64, -500, 500),
        _spread(kind, "f64_squares_vanish", 16, -1022, -560),
        _spread(kind, "f64_subnormal", 12, -1070, -1024),
        _special(kind, "f64_smallest", [2.0**-1074, -(2.0**-1074), 2.0**-1022]),
        _special(kind, "f64_squares_overflow", [1e160, -2e200, FLOAT64_MAX / 8]),
        _special(kind, "f64_largest", [FLOAT64_MAX]),
        _special(kind, "f64_nan", [0.5, math.nan, -0.25]),
        _special(kind, "f64_infinity", [0.5, math.inf, -0.25]),
        _special(kind, "f64_infinity_and_nan", [math.inf, 1.0, -math.nan, -math.inf]),
        _ramp(kind, "f64_ramp_257x129", 257, 129),
        _ramp(kind, "f64_ramp_4097", 4097),
    ]
    return arrays


def all_arrays() -> list:
    """Every array, in the order in which it is recorded; names are unique."""
    return _float32_arrays() + _float64_arrays()
