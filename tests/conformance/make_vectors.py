#!/usr/bin/env python3
"""Writes vectors.txt: what every language's conformance program must reproduce to the bit.

    tests/conformance/make_vectors.py [--check]

Computes the results from docs/numerics.md, docs/distributed.md and the header without libl1l2: in NumPy,
one IEEE operation at a time, and exact sums as fractions. With --check nothing is written: it fails if the
file is not what would be.
"""
import json
import math
import pathlib
import struct
import sys
from fractions import Fraction

import numpy as np

OK, INVALID_COEFFICIENT, INVALID_SCALE, INVALID_STEP = 0, 11, 13, 14
INVALID_SUMS, UNKNOWN_LAYOUT, COUNT_OVERFLOW = 18, 19, 21
MALFORMED_JSON, UNKNOWN_CONFIG = 40, 41
LANES, BLOCK = 32, 4096

HEAD = """\
# What libl1l2 computes, to the bit. Written by make_vectors.py, which does not use libl1l2.
#
# A line is an operation, its inputs, "->", the status (as in l1l2.h) and, if that is 0, the outputs:
#
#     create       L1 L2             -> STATUS L1 L2
#     penalty      DTYPE L1 L2 X     -> STATUS PENALTY
#     add_gradient DTYPE L1 L2 SCALE X GRADIENT -> STATUS GRADIENT PENALTY
#     prox         DTYPE L1 L2 STEP X -> STATUS OUT
#     to_json      STYLE L1 L2       -> STATUS TEXT
#     from_json    TEXT              -> STATUS L1 L2
#     exact_sums   L1 L2 PARTS       -> STATUS PENALTY ABSOLUTE SQUARE COUNT SUMS
#
# L1, L2, SCALE, STEP, PENALTY, ABSOLUTE, SQUARE: a float64, as the 16 hexadecimal digits of its bits.
# DTYPE: float32, float64, float16 or bfloat16. STYLE: 0, 1 or 2.
# X, GRADIENT, OUT: N:ELEMENTS, where N is the number of elements in decimal and ELEMENTS are the
#     hexadecimal digits of the bits of each (8, 16, 4 or 4 of them, the highest first). If there are
#     fewer than N elements, they are repeated from the first on until there are N.
# TEXT: its bytes, which are UTF-8, two hexadecimal digits each; - if there are none.
# PARTS: one to four, joined by +, each of them DTYPE:X, an array, or sums:SUMS, a vector.
# SUMS: a vector of exact sums: INDEX:NUMBER for each number that is not 0, joined by commas; - if there
#     are none. NUMBER: the hexadecimal digits of an int64 in two's complement, without leading zeros.
# COUNT: in decimal.
#
# After a failure the gradient, or the array for the result of the proximal operator, is as it was, and so
# are exact sums. PARTS make the same SUMS, or fail with the same STATUS, whether all are added to one vector
# of zeros; or each to one of its own, and these are merged, the last one first; or these, or the vector that
# a part is, are added up element by element and then merged with zeros.
"""


class Float:
    """A dtype: its elements as unsigned integers, and the type that they are computed in."""

    def __init__(self, name, bits, arithmetic, nan):
        self.name, self.digits, self.arithmetic, self.nan = name, bits // 4, arithmetic, nan
        self.bits = np.dtype(f"u{bits // 8}")

    def widen(self, elements, to):
        """The values of elements given by their bits; exact."""
        if self.name == "bfloat16":
            return (elements.astype(np.uint32) << 16).view(np.float32).astype(to)
        return elements.view(self.name).astype(to)

    def narrow(self, values):
        """The bits of values in the arithmetic type, rounded to this dtype; one NaN for all."""
        if self.name == "bfloat16":
            bits = values.view(np.uint32)
            rounded = ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        else:
            rounded = values.astype(self.name).view(self.bits)
        return np.where(np.isnan(values), self.bits.type(self.nan), rounded)


FLOAT32 = Float("float32", 32, np.float32, 0x7FC00000)
FLOAT64 = Float("float64", 64, np.float64, 0x7FF8000000000000)
FLOAT16 = Float("float16", 16, np.float32, 0x7E00)
BFLOAT16 = Float("bfloat16", 16, np.float32, 0x7FC0)
DTYPES = [FLOAT32, FLOAT64, FLOAT16, BFLOAT16]


def block_sum(terms):
    """32 lanes, each added in order, and their fold."""
    rows = np.concatenate([terms, np.zeros(-len(terms) % LANES)]).reshape(-1, LANES)
    lanes = np.zeros(LANES)
    for row in rows:
        lanes = lanes + row
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = lanes[:half] + lanes[half:]
    return lanes[0]


def tree(sums):
    """Over m > 1 blocks, the first 2^k and the others, 2^k the largest power of two below m."""
    if len(sums) <= 1:
        return sums[0] if sums else np.float64(0)
    left = 1 << (len(sums) - 1).bit_length() - 1
    return tree(sums[:left]) + tree(sums[left:])


def total(terms):
    return tree([block_sum(terms[i : i + BLOCK]) for i in range(0, len(terms), BLOCK)])


def penalty(dtype, l1, l2, x):
    x = dtype.widen(x, np.float64)
    terms = [np.float64(c) * total(t) for c, t in ((l1, np.abs(x)), (l2, x * x)) if c != 0]
    return sum(terms[1:], terms[0]) if terms else np.float64(0)


def add_gradient(dtype, l1, l2, scale, x, gradient):
    """None if the scale is too large."""
    real = dtype.arithmetic
    a, b = real(np.float64(scale) * l1), real(np.float64(scale) * (2 * np.float64(l2)))
    if not (math.isfinite(scale) and np.isfinite(a) and np.isfinite(b)):
        return None
    if l1 == 0 and l2 == 0:
        return gradient
    value, old = dtype.widen(x, real), dtype.widen(gradient, real)
    sign = np.where(value > 0, a, np.where(value < 0, -a, real(0)))
    # A term whose coefficient is 0 is left out: no NaN comes from 0 * infinity.
    product = b * value if l2 != 0 else np.where(np.isnan(value), real(np.nan), real(0))
    return dtype.narrow(old + (product + sign if l1 != 0 else product))


def prox(dtype, l1, l2, step, x):
    """None if the step is not one."""
    real = dtype.arithmetic
    t, d = np.float64(step) * l1, 1 + 2 * (np.float64(step) * l2)
    t1, d1 = real(t), real(d)
    if not (math.isfinite(step) and step >= 0 and np.isfinite(t1) and np.isfinite(d1)):
        return None
    t2, m = real(t - np.float64(t1)), real(1 / d)
    value = dtype.widen(x, real)
    shrunk = np.abs(value) - t1 - t2
    return dtype.narrow(np.copysign(np.where(shrunk < 0, real(0), shrunk) * m, value))


def prox_step(dtype, l1, l2, step, x, gradient, steps=None):
    """Steps are in the arithmetic type."""
    real = dtype.arithmetic
    value, slope = dtype.widen(x, real), dtype.widen(gradient, real)
    t, e = np.float64(step) * l1, 2 * (np.float64(step) * l2)
    if steps is None:
        value = value - real(step) * slope
        t1, m = real(t), real(1 / (1 + e))
        shrunk = np.abs(value) - t1 - real(t - np.float64(t1))
        return dtype.narrow(np.copysign(np.where(shrunk < 0, real(0), shrunk) * m, value))
    value = value - real(step) * steps * slope
    shrunk = np.abs(value) - real(t) * steps
    shrunk = np.where(shrunk < 0, real(0), shrunk) / (real(1) + real(e) * steps)
    return dtype.narrow(np.copysign(shrunk, value))


def clip(dtype, x, norm, max_norm):
    """For a norm above max_norm, and a quotient that is normal in the arithmetic type or a power of two."""
    real = dtype.arithmetic
    quotient = np.float64(max_norm) / np.float64(norm)
    if quotient >= np.finfo(real).tiny:
        return dtype.narrow(dtype.widen(x, real) * real(quotient))
    return dtype.narrow((dtype.widen(x, np.float64) * quotient).astype(real))


def nearest(value):
    """The double that is nearest to a fraction."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def nearest_root(value):
    """The double that is nearest to the square root of a fraction."""
    if value == 0:
        return 0.0
    places = 70 + max(0, value.denominator.bit_length() - value.numerator.bit_length())
    scaled = value * 4**places
    root = math.isqrt(scaled.numerator // scaled.denominator)
    # Whatever is left moves the root off the middle between two doubles.
    return nearest(Fraction(2 * root + (root * root != scaled), 2 ** (places + 1)))


class ExactSums:
    """What an accumulator of exact sums says of its elements."""

    LENGTH, TAG, PRIME = 207, 0x6C316C01, 2**31 - 1
    # Where limbs begin, how many there are, and the unit of the first.
    ABSOLUTE, SQUARE = (5, 68, Fraction(1, 2**1088)), (73, 134, Fraction(1, 2**2176))

    def __init__(self, count=0, infinities=0, nans=0, absolute=Fraction(0), square=Fraction(0)):
        self.count, self.infinities, self.nans = count, infinities, nans
        self.absolute, self.square = absolute, square

    def __add__(self, other):
        return ExactSums(*(a + b for a, b in zip(vars(self).values(), vars(other).values())))

    @classmethod
    def of_array(cls, dtype, pattern, n):
        sums = cls(n)
        for i, value in enumerate(dtype.widen(pattern[:n], np.float64).tolist()):
            times = len(range(i, n, len(pattern)))
            sums.infinities += times * math.isinf(value)
            sums.nans += times * math.isnan(value)
            if math.isfinite(value):
                sums.absolute += times * abs(Fraction(value))
                sums.square += times * Fraction(value) ** 2
        return sums

    @classmethod
    def of_accumulator(cls, numbers):
        def value(first, limbs, unit):
            limbs = enumerate(numbers[first : first + limbs])
            return unit * sum(limb << (32 * i) for i, limb in limbs)

        return cls(*numbers[2:5], value(*cls.ABSOLUTE), value(*cls.SQUARE))

    def accumulator(self):
        """As the library writes it."""
        if self.count == 0:
            return [0] * self.LENGTH
        numbers = [self.TAG, 0, self.count, self.infinities, self.nans]
        for value, (_, limbs, unit) in ((self.absolute, self.ABSOLUTE), (self.square, self.SQUARE)):
            units = value / unit
            assert units.denominator == 1 and units < 2 ** (32 * limbs)
            numbers += [units.numerator >> (32 * i) & 0xFFFFFFFF for i in range(limbs)]
        return with_checksum(numbers)

    def special(self, value, rounding=nearest):
        return math.nan if self.nans else math.inf if self.infinities else rounding(value)

    def penalty(self, l1, l2):
        terms = [Fraction(c) * s for c, s in ((l1, self.absolute), (l2, self.square)) if c != 0]
        return self.special(sum(terms)) if terms else 0.0


def with_checksum(numbers):
    """With the smallest checksum that fits: that of one part."""
    weighted = sum((i + 1) * (number % 2**64) for i, number in enumerate(numbers) if i != 1)
    return [numbers[0], weighted % ExactSums.PRIME, *numbers[2:]]


def changed(numbers, changes):
    """With other numbers at some indices."""
    return [changes.get(i, number) for i, number in enumerate(numbers)]


def hex64(value):
    return struct.pack(">d", value).hex()


def hex64_one_nan(value):
    return "7ff8000000000000" if math.isnan(value) else hex64(value)


def hex_array(dtype, n, pattern):
    return f"{n}:" + "".join(f"{int(e):0{dtype.digits}x}" for e in pattern[:n])


def hex_text(text):
    return text.encode().hex() or "-"


def hex_sums(numbers):
    return ",".join(f"{i}:{number % 2**64:x}" for i, number in enumerate(numbers) if number != 0) or "-"


def specials(dtype):
    """Zeros, subnormals, the ends of the range, neighbours of 1 and of powers of two."""
    if dtype.bits.itemsize == 2:
        inf = 0x7C00 if dtype is FLOAT16 else 0x7F80
    else:
        inf = 0x7F800000 if dtype is FLOAT32 else 0x7FF0000000000000
    one = {FLOAT32: 0x3F800000, FLOAT64: 0x3FF0000000000000, FLOAT16: 0x3C00, BFLOAT16: 0x3F80}[dtype]
    unit = {FLOAT32: 1 << 23, FLOAT64: 1 << 52, FLOAT16: 1 << 10, BFLOAT16: 1 << 7}[dtype]
    sign = 1 << (4 * dtype.digits - 1)
    finite = [0, 1, 2, unit - 1, unit, unit + 1, one - 1, one, one + 1, one + unit, one + 5 * unit // 4]
    finite = [e for f in finite for e in (f, f | sign)]
    large = [inf - 1, (inf - 1) | sign, inf - unit]
    nans = [inf + 1, inf + unit // 2, inf + unit // 2 + 3, (inf + unit // 2) | sign]
    array = lambda bits: np.array(bits, dtype.bits)
    return array(finite), array(large), array([inf]), array([inf | sign]), array(nans)


def normal(dtype, rng, n, size=1.0):
    return dtype.narrow((size * rng.standard_normal(n)).astype(dtype.arithmetic))


class Vectors:
    def __init__(self):
        self.lines = []

    def add(self, operation, inputs, status, outputs):
        self.lines.append(" ".join([operation, *inputs, "->", str(status), *outputs]))

    def create(self, l1, l2):
        bad = any(not math.isfinite(c) or c < 0 for c in (l1, l2))
        outputs = [] if bad else [hex64(abs(l1)), hex64(abs(l2))]
        self.add("create", [hex64(l1), hex64(l2)], INVALID_COEFFICIENT if bad else OK, outputs)

    def array(self, dtype, pattern, n=None):
        """The penalty, a gradient and a prox of a pattern that is repeated up to n elements."""
        n = len(pattern) if n is None else n
        if n > 64 or n < len(pattern):
            self.penalty(dtype, 0.01, 0.02, pattern, n)
        else:
            for l1, l2 in ((0.01, 0.02), (0.5, 0.0), (0.0, 0.25), (0.0, 0.0)):
                self.penalty(dtype, l1, l2, pattern, n)
        for l1, l2, scale in ((0.01, 0.02, 1.0), (0.1, 0.0, -0.3)):
            self.add_gradient(dtype, l1, l2, scale, pattern, np.roll(pattern, 3), n)
        self.prox(dtype, 0.5, 0.25, 0.7, pattern, n)

    def penalty(self, dtype, l1, l2, pattern, n):
        result = penalty(dtype, l1, l2, np.resize(pattern, n))
        inputs = [dtype.name, hex64(l1), hex64(l2), hex_array(dtype, n, pattern)]
        self.add("penalty", inputs, OK, [hex64_one_nan(result)])

    def add_gradient(self, dtype, l1, l2, scale, pattern, gradient, n):
        result = add_gradient(dtype, l1, l2, scale, pattern, gradient)
        inputs = [dtype.name, hex64(l1), hex64(l2), hex64(scale), hex_array(dtype, n, pattern),
                  hex_array(dtype, n, gradient)]
        if result is None:
            self.add("add_gradient", inputs, INVALID_SCALE, [])
            return
        of_x = penalty(dtype, l1, l2, np.resize(pattern, n))
        self.add("add_gradient", inputs, OK, [hex_array(dtype, n, result), hex64_one_nan(of_x)])

    def prox(self, dtype, l1, l2, step, pattern, n):
        result = prox(dtype, l1, l2, step, pattern)
        inputs = [dtype.name, hex64(l1), hex64(l2), hex64(step), hex_array(dtype, n, pattern)]
        if result is None:
            self.add("prox", inputs, INVALID_STEP, [])
        else:
            self.add("prox", inputs, OK, [hex_array(dtype, n, result)])

    def to_json(self, l1, l2):
        config = {"l1": l1, "l2": l2}
        keras2 = {"class_name": "L1L2", "config": config}
        keras3 = {"module": "keras.regularizers", **keras2, "registered_name": None}
        for style, form in enumerate((config, keras2, keras3)):
            text = json.dumps(form)
            self.add("to_json", [str(style), hex64(l1), hex64(l2)], OK, [hex_text(text)])
            self.add("from_json", [hex_text(text)], OK, [hex64(l1), hex64(l2)])

    def from_json(self, text, status, *coefficients):
        self.add("from_json", [hex_text(text)], status, [hex64(c) for c in coefficients])

    def exact_sums(self, l1, l2, *parts, status=OK):
        """Of parts that are arrays, each (dtype, pattern, n), or accumulators, each a list."""
        total, texts = ExactSums(), []
        for part in parts:
            if isinstance(part, list):
                total += ExactSums.of_accumulator(part)
                texts.append(f"sums:{hex_sums(part)}")
            else:
                total += ExactSums.of_array(*part)
                dtype, pattern, n = part
                texts.append(f"{dtype.name}:{hex_array(dtype, n, pattern)}")
        outputs = []
        if status == OK:
            results = total.penalty(l1, l2), total.special(total.absolute), total.special(total.square)
            outputs = [*map(hex64_one_nan, results), str(total.count), hex_sums(total.accumulator())]
        self.add("exact_sums", [hex64(l1), hex64(l2), "+".join(texts)], status, outputs)

    def exact_sums_of_values(self, l1, l2, *values):
        self.exact_sums(l1, l2, (FLOAT64, np.array(values).view(FLOAT64.bits), len(values)))


def make():
    rng = np.random.RandomState(20260101)  # which NumPy keeps as it is
    vectors = Vectors()
    tiny, huge = 5e-324, sys.float_info.max
    for l1, l2 in ((0.0, 0.0), (0.01, 0.02), (-0.0, 1.0), (tiny, huge), (-tiny, 0.0), (0.0, -1.0),
                   (math.nan, 0.0), (0.0, math.inf)):
        vectors.create(l1, l2)
    for dtype in DTYPES:
        finite, large, inf, minus_inf, nans = specials(dtype)
        ordinary = normal(dtype, rng, 61)
        for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 61):
            vectors.array(dtype, ordinary, n)
        for n in (62, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1000, 4095, 4096, 4097, 8191, 8192, 8193,
                  12289, 20481, 65536):
            vectors.array(dtype, ordinary, n)
        vectors.penalty(dtype, 0.01, 0.02, ordinary, 131075)
        vectors.array(dtype, finite)
        vectors.array(dtype, finite, 10007)
        vectors.array(dtype, large)
        vectors.array(dtype, large, 5001)
        vectors.array(dtype, np.concatenate([ordinary[:5], inf, minus_inf, ordinary[5:9]]))
        for nan in nans:
            vectors.array(dtype, np.concatenate([ordinary[:5], np.array([nan]), ordinary[5:9]]))
        # Coefficients and factors at the ends of their ranges.
        for l1, l2 in ((tiny, 0.0), (0.0, tiny), (huge, huge), (1e-300, 1e300), (1 / 3, 2 / 3)):
            vectors.penalty(dtype, l1, l2, ordinary, 33)
        for scale in (0.0, -1.0, 1024.0, 65536.0, 1e-30, 1e-320, 1e38, 1e39, 1e308, math.inf, math.nan):
            vectors.add_gradient(dtype, 1.0, 0.75, scale, ordinary, np.roll(ordinary, 7), 17)
        for step in (0.0, 1e-320, 1e-10, 1.0, 3.5, 1e20, 1e39, 1e308, -1.0, -tiny, math.inf, math.nan):
            vectors.prox(dtype, 1.0, 0.75, step, ordinary, 17)
        # Thresholds at and beside elements.
        for step in (float(dtype.widen(abs_bits(dtype, ordinary[:1]), np.float64)[0]),):
            for beside in (step, math.nextafter(step, 0), math.nextafter(step, math.inf)):
                vectors.prox(dtype, 1.0, 0.0, beside, ordinary, 17)
    for l1, l2 in ((0.0, 0.0), (0.01, 0.02), (1.0, 1e16), (9999999999999998.0, 1e-4), (1e-5, 1e22),
                   (0.1 + 0.2, 1 / 3), (tiny, huge), (2.2250738585072014e-308, 123456789.0),
                   (2.0**-44, 9007199254740993.0), (5e-5, 1e23)):
        vectors.to_json(l1, l2)
    # Coefficients of all magnitudes.
    for _ in range(50):
        bits = rng.randint(0, 0x7FF0000000000000, 2, np.uint64)
        vectors.to_json(*(float(c) for c in bits.view(np.float64)))
    for text, status, *coefficients in (
        ("{}", OK, 0.0, 0.0),
        ('{"l2": 1}', OK, 0.0, 1.0),
        ('"l1"', OK, 0.01, 0.0),
        ('"l1_l2"', OK, 0.01, 0.01),
        ('{"class_name": "L1", "config": {"l1": 0.25}}', OK, 0.25, 0.0),
        ('{"class_name": "L2", "config": {"l2": 0.25}}', OK, 0.0, 0.25),
        ('{"class_name": "L1L2", "config": {"l1": null, "l2": 1e-400}}', OK, 0.0, 0.0),
        ('{"name": "WeightRegularizer", "l1": 0.0, "l2": 5e-4}', OK, 0.0, 0.0005),
        ('{"l1": 0.1, "l1": 0.2}', OK, 0.2, 0.0),
        ('{"l1": 0.1000000000000000055511151231257827021181583404541015625}', OK, 0.1, 0.0),
        ('{"l1": 9007199254740993, "l2": 4.9406564584124654e-324}', OK, 9007199254740992.0, tiny),
        (' {"l\\u0031": 1e-2}\n', OK, 0.01, 0.0),
        ("", MALFORMED_JSON),
        ("{", MALFORMED_JSON),
        ('{"l1": 01}', MALFORMED_JSON),
        ('{"l1": NaN}', MALFORMED_JSON),
        ('{"l1": 0.1} x', MALFORMED_JSON),
        ('{"l1": 0.1}\0', MALFORMED_JSON),
        ('{"l3": 0.1}', UNKNOWN_CONFIG),
        ('{"\u03bb": 0.1}', UNKNOWN_CONFIG),
        ("[]", UNKNOWN_CONFIG),
        ('{"class_name": "OrthogonalRegularizer", "config": {}}', UNKNOWN_CONFIG),
        ('{"l1": -1}', INVALID_COEFFICIENT),
        ('{"l1": 1e400}', INVALID_COEFFICIENT),
        ('{"l2": "much"}', INVALID_COEFFICIENT),
        ('{"module": "tf_keras.src.regularizers", "class_name": "L2", "config": {"l2": 2}}', OK, 0.0, 2.0),
        ('{"module": null, "class_name": "L2", "config": {"l2": 2}, "registered_name": "my>L2"}', UNKNOWN_CONFIG),
        ('{"module": "my.losses", "class_name": "L1L2", "config": {"l1": 1, "l2": 2}}', UNKNOWN_CONFIG),
        ('{"module": "keras.regularizers", "class_name": "L1", "config": {"l1": 1}, "registered_name": "my>L1"}',
         UNKNOWN_CONFIG),
    ):
        vectors.from_json(text, status, *coefficients)
    for dtype in DTYPES:
        add_exact_arrays(vectors, dtype, rng)
    add_exact_roundings(vectors)
    add_exact_accumulators(vectors, rng)
    return HEAD + "\n".join(vectors.lines) + "\n"


def add_exact_arrays(vectors, dtype, rng):
    finite, large, inf, minus_inf, nans = specials(dtype)
    ordinary = normal(dtype, rng, 61)
    for n in (0, 61, 4097, 131075):
        vectors.exact_sums(0.01, 0.02, (dtype, ordinary, n))
    # Where it is not what the sums that round make.
    exact = lambda n: ExactSums.of_array(dtype, ordinary, n).penalty(0.01, 0.02)
    different = [n for n in range(62) if exact(n) != penalty(dtype, 0.01, 0.02, ordinary[:n])]
    for n in (different[0], different[-1]):
        vectors.exact_sums(0.01, 0.02, (dtype, ordinary, n))
    for l1, l2 in ((0.5, 0.0), (0.0, 5e-324), (sys.float_info.max, sys.float_info.max)):
        vectors.exact_sums(l1, l2, (dtype, ordinary, 33))
    # The same in two and in three pieces, in another order.
    vectors.exact_sums(0.01, 0.02, (dtype, ordinary[40:], 21), (dtype, ordinary[:40], 40))
    pieces = ordinary[30:], ordinary[:7], ordinary[29:6:-1]
    vectors.exact_sums(0.01, 0.02, *((dtype, piece, len(piece)) for piece in pieces))
    # All exponents.
    wide = rng.randint(0, int(inf[0]), 61, np.uint64).astype(dtype.bits)
    for elements, n in ((wide, 61), (wide, 8193), (finite, 10007), (large, 5001)):
        vectors.exact_sums(0.01, 0.02, (dtype, elements, n))
    with_inf = np.concatenate([ordinary[:5], inf, minus_inf, ordinary[5:9]])
    with_nans = np.concatenate([ordinary[:5], nans, inf, ordinary[5:9]])
    for elements, n in ((with_inf, 11), (with_nans, 5000)):
        vectors.exact_sums(0.01, 0.02, (dtype, elements, n))
    vectors.exact_sums(0.01, 0.02, (dtype, with_inf, 11), (dtype, ordinary, 61), (dtype, with_nans, 14))
    vectors.exact_sums(0.0, 0.0, (dtype, with_nans, 14))


def add_exact_roundings(vectors):
    """Results halfway between doubles, beside that, and at the ends of the range."""
    tiny, huge, smallest_normal = 5e-324, sys.float_info.max, sys.float_info.min
    half = 2.0**-53
    for l1, l2, *values in (
        (1.0, 0.0, 1.0, half),
        (1.0, 0.0, 1.0 + 2 * half, -half),
        (1.0, 0.0, tiny, 1.0, half),
        (1.0, 0.0, 1.0, half, 2.0**-60),
        (1.0, 0.0, 1.0, 1.0 - half, half / 2),
        (1.0, 0.0, 1.0, math.nextafter(half, 0)),
        (0.0, 1.0, 1.0, 2.0**-27, 2.0**-27),
        (0.0, 1.0, 1.0, 2.0**-27, 2.0**-27, tiny),
        (1.0, 1.0, 0.5, half, 2.0**-540),
        (1 / 3, 2 / 3, *[0.1] * 10),
        (1.0, 0.0, huge, 2.0**970),
        (1.0, 0.0, huge, math.nextafter(2.0**970, 0)),
        (0.5, 0.0, huge, huge),
        (1.0, 1.0, huge, 1.0),
        (0.0, 1e-300, 1e200, -3e200),
        (0.0, 1e300, 1e-200, 1e-180),
        (0.0, huge, tiny),
        (0.0, 1.0, 2.0**-537, 2.0**-538),
        (0.0, 1.0, 2.0**-537, 2.0**-538, 2.0**-538),
        (tiny, 0.0, 0.5),
        (tiny, 0.0, 0.5, tiny),
        (tiny, 0.0, 1.5),
        (tiny, tiny, 0.5, 0.5),
        (1.0 - half, 0.0, smallest_normal),
        (1.0 - 2 * half, 0.0, smallest_normal),
    ):
        vectors.exact_sums_of_values(l1, l2, *values)


def add_exact_accumulators(vectors, rng):
    arrays = [(dtype, normal(dtype, rng, 5), 5) for dtype in DTYPES]
    vectors.exact_sums(0.01, 0.02, *arrays)
    one = ExactSums.of_array(*arrays[0]).accumulator()
    other = ExactSums.of_array(*arrays[1]).accumulator()
    zeros = ExactSums().accumulator()
    # Limbs that carry far: 2^32 - 1 in a row.
    least = Fraction(1, 2**500)
    ones = ExactSums(7, 0, 0, 2**100 - least, 2**199 - least).accumulator()
    # The largest checksum that there is.
    to_go = (ExactSums.PRIME - 1 - one[1]) * pow(3, -1, ExactSums.PRIME) % ExactSums.PRIME
    largest_checksum = with_checksum(changed(one, {2: one[2] + to_go}))
    assert largest_checksum[1] == ExactSums.PRIME - 1
    times = lambda factor, numbers: [factor * number for number in numbers]
    for parts in (
        [zeros],
        [zeros, arrays[0], zeros],
        [one],
        [one, other],
        [other, arrays[2], one, arrays[3]],
        [times(3, one)],
        [[a + b for a, b in zip(one, other)], times(2, ones)],
        [ones, (FLOAT64, np.array([2.0**-500, 2.0**-250]).view(FLOAT64.bits), 2)],
        [times(2**30, one)],
        [largest_checksum],
        [with_checksum(changed(one, {2: 2**63 - 2})), (FLOAT32, arrays[0][1], 1)],
        [with_checksum(changed(one, {2: 2**63 - 1}))],
    ):
        vectors.exact_sums(0.01, 0.02, *parts)
    # Almost the largest sums that there are.
    tag, last = ExactSums.TAG, ExactSums.LENGTH - 1
    large = [tag, 0, 2**63 - 1, 0, 0] + [2**32 - 1] * (ExactSums.LENGTH - 5)
    large = with_checksum(changed(large, {72: 2**31 - 2, last: 2**31 - 2}))
    vectors.exact_sums(sys.float_info.max, sys.float_info.max, large)

    first = 5 + next(i for i, limb in enumerate(one[5:]) if limb != 0)
    for status, *parts in (
        # One number has changed.
        (INVALID_SUMS, changed(one, {1: one[1] ^ 1})),
        (INVALID_SUMS, changed(one, {2: 6})),
        (INVALID_SUMS, changed(one, {3: 1})),
        (INVALID_SUMS, changed(one, {4: 1})),
        (INVALID_SUMS, changed(one, {first: one[first] ^ 1 << 31})),
        (INVALID_SUMS, changed(one, {first: -one[first]})),
        (INVALID_SUMS, changed(one, {last: 1})),
        (INVALID_SUMS, changed(one, {0: 2 * tag})),
        (INVALID_SUMS, changed(one, {0: 0})),
        (INVALID_SUMS, changed(zeros, {2: 1})),
        (INVALID_SUMS, changed(zeros, {0: tag})),
        # With its checksum, but a number is out of its range.
        (INVALID_SUMS, changed(one, {1: one[1] + ExactSums.PRIME})),
        (INVALID_SUMS, changed(zeros, {2: ExactSums.PRIME})),
        (INVALID_SUMS, with_checksum(changed(one, {3: 6}))),
        (INVALID_SUMS, with_checksum(changed(one, {3: -1}))),
        (INVALID_SUMS, with_checksum(changed(one, {4: -1}))),
        (INVALID_SUMS, with_checksum(changed(one, {3: 3, 4: 3}))),
        (INVALID_SUMS, with_checksum(changed(one, {first: one[first] + 2**32}))),
        (INVALID_SUMS, with_checksum(changed(one, {0: 6 * tag}))),
        (INVALID_SUMS, with_checksum(changed(one, {0: 2 * tag, 72: 2**32}))),
        (INVALID_SUMS, with_checksum(changed(one, {0: 2 * tag, last: 2**32}))),
        (INVALID_SUMS, one, changed(other, {1: other[1] ^ 1})),
        (UNKNOWN_LAYOUT, changed(one, {0: tag + 1})),
        (UNKNOWN_LAYOUT, changed(one, {0: -tag})),
        (UNKNOWN_LAYOUT, [int.from_bytes(number.to_bytes(8, "big"), "little") for number in one]),
        (UNKNOWN_LAYOUT, [-1] * ExactSums.LENGTH),
        (UNKNOWN_LAYOUT, arrays[0], changed(zeros, {0: 1})),
        (COUNT_OVERFLOW, times(2**30 + 1, one)),
        (INVALID_SUMS, with_checksum(changed(one, {2: -1}))),
        (COUNT_OVERFLOW, *[with_checksum(changed(one, {2: 2**62}))] * 2),
        (COUNT_OVERFLOW, with_checksum(changed(one, {2: 2**63 - 1})), (FLOAT16, arrays[2][1], 1)),
    ):
        vectors.exact_sums(0.01, 0.02, *parts, status=status)


def abs_bits(dtype, elements):
    return elements & dtype.bits.type((1 << (4 * dtype.digits - 1)) - 1)


def write_or_check(path, make, usage):
    """What a program of this kind does: writes what make() returns or, with --check, compares."""
    with np.errstate(all="ignore"):
        text = make()
    if sys.argv[1:] == ["--check"]:
        if path.read_text(encoding="ascii") != text:
            sys.exit(f"{path.name} is not what {pathlib.Path(sys.argv[0]).name} makes")
    elif sys.argv[1:]:
        sys.exit(usage)
    else:
        path.write_text(text, encoding="ascii")


if __name__ == "__main__":
    write_or_check(pathlib.Path(__file__).with_name("vectors.txt"), make, __doc__)
