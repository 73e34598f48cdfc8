#!/usr/bin/env python3
"""Writes vectors.txt: what every language's conformance program must reproduce to the bit.

    tests/conformance/make_vectors.py [--check]

Computes the results from docs/numerics.md and the header, in NumPy, one IEEE operation at a time,
without libl1l2. With --check nothing is written: it fails if the file is not what would be.
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np

OK, INVALID_COEFFICIENT, INVALID_SCALE, INVALID_STEP = 0, 11, 13, 14
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
#
# L1, L2, SCALE, STEP, PENALTY: a float64, as the 16 hexadecimal digits of its bits.
# DTYPE: float32, float64, float16 or bfloat16. STYLE: 0, 1 or 2.
# X, GRADIENT, OUT: N:ELEMENTS, where N is the number of elements in decimal and ELEMENTS are the
#     hexadecimal digits of the bits of each (8, 16, 4 or 4 of them, the highest first). If there are
#     fewer than N elements, they are repeated from the first on until there are N.
# TEXT: its bytes, which are UTF-8, two hexadecimal digits each; - if there are none.
#
# After a failure the gradient, or the array for the result of the proximal operator, is as it was.
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


def hex64(value):
    return struct.pack(">d", value).hex()


def hex_array(dtype, n, pattern):
    return f"{n}:" + "".join(f"{int(e):0{dtype.digits}x}" for e in pattern[:n])


def hex_text(text):
    return text.encode().hex() or "-"


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
        # One NaN for all.
        bits = "7ff8000000000000" if math.isnan(result) else hex64(result)
        self.add("penalty", [dtype.name, hex64(l1), hex64(l2), hex_array(dtype, n, pattern)], OK, [bits])

    def add_gradient(self, dtype, l1, l2, scale, pattern, gradient, n):
        result = add_gradient(dtype, l1, l2, scale, pattern, gradient)
        inputs = [dtype.name, hex64(l1), hex64(l2), hex64(scale), hex_array(dtype, n, pattern),
                  hex_array(dtype, n, gradient)]
        if result is None:
            self.add("add_gradient", inputs, INVALID_SCALE, [])
            return
        of_x = penalty(dtype, l1, l2, np.resize(pattern, n))
        bits = "7ff8000000000000" if math.isnan(of_x) else hex64(of_x)
        self.add("add_gradient", inputs, OK, [hex_array(dtype, n, result), bits])

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
    ):
        vectors.from_json(text, status, *coefficients)
    return HEAD + "\n".join(vectors.lines) + "\n"


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
