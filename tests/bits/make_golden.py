#!/usr/bin/env python3
"""Writes golden.txt: hashes of the results that bits.cpp must find, whatever it runs on.

    tests/bits/make_golden.py [--check]

Computes the results from docs/numerics.md, docs/distributed.md and the header, in NumPy and Python's
integers, without libl1l2, by the functions that make the conformance vectors. With --check nothing is
written: it fails if the file is not what would be.
"""
import pathlib
import sys
from fractions import Fraction

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
from make_vectors import (  # noqa: E402
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    ExactSums,
    add_gradient,
    clip,
    nearest_root,
    penalty,
    prox,
    prox_step,
    write_or_check,
)

HEAD = """\
# What libl1l2 computes, hashed. Written by make_golden.py, which does not use libl1l2; read by bits.cpp.
#
#     OPERATION DTYPE KIND SIZES HASH
#
# OPERATION: penalty; total, of the penalties; add_gradient, what is added to; prox; prox_step, and _of_each with
#     steps; clip, and clip_far by a quotient below the normal numbers; exact_sums; norm, of exact sums.
# KIND: which elements, as make_golden.py's elements() makes them of integers.
# SIZES: the name of a list of numbers of elements in make_golden.py.
# HASH: the sum of (bits + 1) * mix(i) modulo 2^64 over the bits of result i; results are of all
#     coefficients, of each with all sizes, of each with all elements; for exact_sums of all sizes, of each
#     the 207 numbers, sum |x|, sum x^2, the number of elements, and the penalty with all coefficients; for
#     norm of all sizes.
"""

# Those of float16 end where the type does.
DTYPES = {
    FLOAT32: dict(mantissa=23, bias=127, binades=40, small=2.0**-128),
    FLOAT64: dict(mantissa=52, bias=1023, binades=40, small=2.0**-1024),
    FLOAT16: dict(mantissa=10, bias=15, binades=28, small=2.0**-16),
    BFLOAT16: dict(mantissa=7, bias=127, binades=40, small=2.0**-128),
}
# Of the last one there are exact sums alone.
KINDS = ["ordinary", "wide", "small", "special", "repeated", "varied"]
SIZES = {
    "short": list(range(141)),
    "blocks": [255, 256, 257, 511, 512, 513, 1000, 4095, 4096, 4097, 8191, 8192, 8193, 12305],
    # Around a task of 16 blocks, and arrays of three and of four tasks, as which those of 32 blocks are run.
    "tasks": [65535, 65536, 65537, 163857, 217105],
}
SCALE, STEP = -0.7, 0.7
GRADIENT = 1 << 20  # the index of a gradient's first element
STEPS = 1 << 40
CLIPS = {"clip": (3.0, 1.0), "clip_far": (2.0**900, 2.0**-170)}  # norm, max_norm


def mix(x):
    """The finalizer of splitmix64."""
    x = (x + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def elements(dtype, kind, first, n):
    """Elements first .. first + n - 1 of the sequence of a dtype and a kind, as their bits."""
    u = np.uint64
    form = DTYPES[dtype]
    mantissa, bias = form["mantissa"], form["bias"]
    index = np.arange(first, first + n, dtype=u)
    seed = list(DTYPES).index(dtype) * 8 + KINDS.index(kind)
    r = mix(index + u(seed << 40))
    q = mix(r)
    ones = u((1 << mantissa) - 1)
    fraction = r >> u(8) & ones
    if kind in ("ordinary", "repeated"):
        field = u(bias - form["binades"] // 2) + q % u(form["binades"])
    elif kind == "varied":
        # More and more binades, then zeros, as what is exact takes another way for each.
        binades = u(1) + (index >> u(12)) % u(form["binades"] + 1)
        zero = binades > form["binades"]
        field = np.where(zero, u(0), u(bias) - binades // u(2) + q % binades)
        fraction = np.where(zero, u(0), fraction)
    elif kind == "wide":
        field = q % u(2 * bias + 1)
    elif kind == "small":
        # Zeros, subnormals, the smallest normals; of float64 also those whose squares are subnormal.
        edge = bias - 535 if dtype is FLOAT64 else 0
        which, rest = q & u(3), q >> u(2)
        field = np.select([which < 2, which == 2], [u(0), rest % u(4)], u(edge) + rest % u(24))
        fraction = np.where(which == 0, u(0), fraction)
    else:
        which = q % u(7)
        field = np.select([which < 3, which == 3, which == 5], [u(0), u(1), u(bias - 1)], u(bias))
        fraction = np.select([which == 1, (which == 2) | (which == 5), which == 6],
                             [u(1), ones, fraction], u(0))
        largest, infinite, nan = index % u(61) == 60, index % u(89) == 88, index % u(97) == 96
        field = np.select([nan | infinite, largest], [u(2 * bias + 1), u(2 * bias)], field)
        fraction = np.select([nan, infinite, largest], [r >> u(8) & ones | u(1), u(0), ones], fraction)
    sign = (r >> u(63)) << u(4 * dtype.digits - 1)
    return (sign | field << u(mantissa) | fraction).astype(dtype.bits)


def steps(dtype, n):
    """Factors of the step in the arithmetic type: 0, or of six binades around 1/8."""
    u = np.uint64
    form, bits = (DTYPES[FLOAT64], u) if dtype is FLOAT64 else (DTYPES[FLOAT32], np.uint32)
    r = mix(np.arange(STEPS, STEPS + n, dtype=u))
    field = u(form["bias"] - 6) + r % u(7)
    fraction = r >> u(8) & u((1 << form["mantissa"]) - 1)
    values = np.where(r % u(7) == 6, u(0), field << u(form["mantissa"]) | fraction)
    return values.astype(bits).view(dtype.arithmetic)


class Hash:
    def __init__(self):
        self.value, self.position = 0, 0

    def add(self, bits):
        bits = np.atleast_1d(bits).astype(np.uint64)
        keys = mix(np.arange(self.position, self.position + len(bits), dtype=np.uint64))
        self.value = (self.value + int(np.sum((bits + np.uint64(1)) * keys, dtype=np.uint64))) % 2**64
        self.position += len(bits)

    def add_double(self, value):
        # One NaN for all.
        self.add(np.where(np.isnan(value), np.uint64(0x7FF8000000000000), np.float64(value).view(np.uint64)))


def exact_sums(dtype, x):
    """Of elements that are given by their bits."""
    mantissa, bias = DTYPES[dtype]["mantissa"], DTYPES[dtype]["bias"]
    x = x.astype(np.uint64)
    field = x >> np.uint64(mantissa) & np.uint64(2 * bias + 1)
    fraction = x & np.uint64((1 << mantissa) - 1)
    special = field == 2 * bias + 1
    nans = np.count_nonzero(special & (fraction != 0))
    integers = np.where(field > 0, fraction | np.uint64(1 << mantissa), fraction)[~special].astype(object)
    exponents = np.maximum(field, 1)[~special]  # without a hidden bit that of 1
    order = np.argsort(exponents, kind="stable")
    exponents, starts = np.unique(exponents[order], return_index=True)
    absolute = square = 0
    for exponent, some in zip(exponents.tolist(), np.split(integers[order], starts[1:])):
        absolute += int(some.sum()) << exponent
        square += int((some * some).sum()) << 2 * exponent
    unit = Fraction(1, 2 ** (bias + mantissa))
    infinities = np.count_nonzero(special) - nans
    return ExactSums(len(x), infinities, nans, absolute * unit, square * unit**2)


def coefficients(dtype):
    return (0.01, 0.0), (0.0, 0.3), (0.01, 0.3), (0.0, 0.0), (DTYPES[dtype]["small"], 0.45)


def part_of(x, kind, n):
    """A third of an array three times, as a tensor with a stride of 0 would have it; or n elements."""
    return np.resize(x[: n // 3], n) if kind == "repeated" and n > 0 and n % 3 == 0 else x[:n]


def hashes_of_exact_sums(dtype, kind, sizes):
    result, norms = Hash(), Hash()
    x = elements(dtype, kind, 0, max(sizes))
    for n in sizes:
        sums = exact_sums(dtype, part_of(x, kind, n))
        result.add(np.array(sums.accumulator(), np.uint64))
        result.add_double(sums.special(sums.absolute))
        result.add_double(sums.special(sums.square))
        result.add(sums.count)
        for l1, l2 in coefficients(dtype):
            result.add_double(sums.penalty(l1, l2))
        norms.add_double(sums.special(sums.square, nearest_root))
    return {"exact_sums": result, "norm": norms}


def hashes(dtype, kind, sizes):
    operations = ("penalty", "total", "add_gradient", "prox", "prox_step", "prox_step_of_each", *CLIPS)
    of = {operation: Hash() for operation in operations}
    x = elements(dtype, kind, 0, max(sizes))
    gradient = elements(dtype, kind, GRADIENT, max(sizes))
    total = np.float64(0)
    for l1, l2 in coefficients(dtype):
        for n in sizes:
            part = part_of(x, kind, n)
            p = penalty(dtype, l1, l2, part)
            total = total + p
            of["penalty"].add_double(p)
            of["add_gradient"].add(add_gradient(dtype, l1, l2, SCALE, part, gradient[:n]))
            of["prox"].add(prox(dtype, l1, l2, STEP, part))
            of["prox_step"].add(prox_step(dtype, l1, l2, STEP, part, gradient[:n]))
            of["prox_step_of_each"].add(prox_step(dtype, l1, l2, STEP, part, gradient[:n], steps(dtype, n)))
            for operation, (norm, max_norm) in CLIPS.items():
                of[operation].add(clip(dtype, part, norm, max_norm))
    of["total"].add_double(total)
    return of


def make():
    lines = []
    for dtype in DTYPES:
        for kind in KINDS:
            for name, sizes in SIZES.items():
                if name == "tasks" and kind not in ("ordinary", "varied"):
                    continue
                of = {} if kind == "varied" else hashes(dtype, kind, sizes)
                of.update(hashes_of_exact_sums(dtype, kind, sizes))
                for operation, result in of.items():
                    lines.append(f"{operation} {dtype.name} {kind} {name} {result.value:016x}")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_or_check(pathlib.Path(__file__).with_name("golden.txt"), make, __doc__)
