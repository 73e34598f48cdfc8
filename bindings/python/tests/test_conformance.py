# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Every case of the reference results, to the bit; the file's head describes them."""

import os
import pathlib
import struct
from concurrent.futures import ThreadPoolExecutor

import l1l2
import numpy
from arrays import compact, every_second, layouts_of, options_of

VECTORS = pathlib.Path(__file__).parents[3] / "tests/conformance/vectors.txt"
PATH = os.environ.get("L1L2_VECTORS", VECTORS)
#: How the bits of an element are written, and the dtype of an array of them.
DTYPES = {"float32": (">u4", "f4"), "float64": (">u8", "f8"), "float16": (">u2", "f2")}
DTYPES["bfloat16"] = (">u2", "u2")


def double(text):
    return struct.unpack(">d", bytes.fromhex(text))[0]


def array(text, dtype):
    count, digits = text.split(":")
    written, elements = DTYPES[dtype]
    bits = numpy.frombuffer(bytes.fromhex(digits), written).astype(written[1:])
    return numpy.resize(bits, int(count)).view(elements)


def numbers_of(text):
    numbers = numpy.zeros(207, numpy.uint64)
    for item in text.split(",") if text != "-" else ():
        index, digits = item.split(":")
        numbers[int(index)] = int(digits, 16)
    return numbers.view(numpy.int64)


# Each yields functions that compute the outputs, and memory that is written as it was.


def create(l1, l2):
    yield lambda: l1l2.Regularizer(double(l1), double(l2)).get_config().values()


def penalty(dtype, l1, l2, x):
    call = l1l2.Regularizer(double(l1), double(l2))
    for layout, _ in layouts_of(dtype):
        yield lambda: [call(layout(array(x, dtype)).array, **options_of(dtype))]


def add_gradient(dtype, l1, l2, scale, x, gradient):
    regularizer = l1l2.Regularizer(double(l1), double(l2))
    for x_layout, layout in layouts_of(dtype):
        for call in (regularizer.penalty_and_add_gradient, regularizer.add_gradient):
            x_laid, y = x_layout(array(x, dtype)), layout(array(gradient, dtype))
            given = x_laid.array, y.array, double(scale)
            value = lambda: call(*given, **options_of(dtype))
            yield lambda: [value(), y.elements][::-1], y, layout(array(gradient, dtype))


def prox(dtype, l1, l2, step, x):
    call, elements = l1l2.Regularizer(double(l1), double(l2)).prox, array(x, dtype)
    other = numpy.frombuffer(b"\xa5" * elements.nbytes, elements.dtype)
    for x_layout, layout in layouts_of(dtype):
        x_laid, y = x_layout(elements), layout(other)
        value = lambda out: call(x_laid.array, double(step), out, **options_of(dtype))
        yield lambda: [value(y.array), y.elements][1:], y, layout(other)
        if x_layout in (layout, compact, every_second):  # which may be written
            yield lambda: [value(None), x_laid.elements][1:], x_laid, x_layout(elements)


def to_json(style, l1, l2):
    yield lambda: [l1l2.Regularizer(double(l1), double(l2)).to_json(int(style))]


def from_json(text):
    json = bytes.fromhex(text.replace("-", ""))
    yield lambda: l1l2.Regularizer.from_json(json).get_config().values()


def exact_sums(l1, l2, parts):
    pairs = [part.split(":", 1) for part in parts.split("+")]
    for layout in set.intersection(*({p[0] for p in layouts_of(d)} for d, _ in pairs)):

        def add(sums, dtype, text):
            before = sums.array.tobytes()
            try:
                if dtype == "sums":
                    sums.merge(l1l2.ExactSums(numbers_of(text)))
                else:
                    sums.add(layout(array(text, dtype)).array, **options_of(dtype))
            except l1l2.L1L2Error:
                assert sums.array.tobytes() == before, "sums that fail have changed"
                raise
            return sums

        in_order, added = l1l2.ExactSums(), l1l2.ExactSums()
        yield lambda: [*[None] * 4, [add(in_order, *pair) for pair in pairs][-1].array]
        alone = lambda pair: add(l1l2.ExactSums(), *pair)
        yield lambda: [*[None] * 4, sum(map(alone, pairs[::-1])).array]
        numbers = [numbers_of(t) if d == "sums" else alone((d, t)).array for d, t in pairs]
        added.array[:] = numpy.sum(numbers, axis=0)
        yield lambda: [added.check()]
        yield lambda: [added.penalty(l1l2.Regularizer(double(l1), double(l2)))]
        for i, name in enumerate(("absolute", "square", "count"), start=1):
            yield lambda: [*[None] * i, getattr(added, name)]
        yield lambda: [*[None] * 4, l1l2.ExactSums(added.array).array]


def agrees(value, text, dtype):
    if isinstance(value, numpy.ndarray):
        expected = array(text, dtype) if dtype in DTYPES else numbers_of(text)
        return value.tobytes() == expected.tobytes()
    if isinstance(value, float):
        return struct.pack(">d", value).hex() == text
    return value is None or text in (str(value), str(value).encode().hex())


def check(operation, *fields):
    arrow = fields.index("->")
    inputs, status, outputs = fields[:arrow], fields[arrow + 1], fields[arrow + 2 :]
    for way in globals()[operation](*inputs):
        call, after, before = way if isinstance(way, tuple) else (way, None, None)
        try:
            found, got = "0", call()
        except l1l2.L1L2Error as error:
            found, got = str(error.status), []
        assert found == status, f"status {found}"
        for value, text in zip(got, outputs):
            assert agrees(value, text, inputs[0]), f"{value} instead of {text}"
        if after:
            after.elements[...] = before.elements if got else after.elements
            assert after.memory.tobytes() == before.memory.tobytes(), "more is written"


def differences(path):
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.startswith("#") or check(*line.split())
            except Exception as error:
                yield f"{path}:{number}: {error}"


def test_each_case_gives_these_bits_on_four_threads():
    with ThreadPoolExecutor(4) as threads:
        found = sum(threads.map(lambda path: list(differences(path)), [PATH] * 4), [])
    assert not found, "\n".join(dict.fromkeys(found))
