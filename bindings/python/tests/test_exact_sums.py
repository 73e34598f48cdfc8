# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""How l1l2.ExactSums behaves. (test_conformance.py has the bits.)

    python test_exact_sums.py

It needs neither pytest nor an installed package: PYTHONPATH and L1L2_LIBRARY will do.
"""

import copy
import math
import pickle
import sqlite3
import unittest
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import l1l2
import numpy

LENGTH = 207


class Foreign:
    """An array of another library, of which nothing is known but what DLPack says."""

    def __init__(self, x):
        self._x = x

    def __dlpack__(self, **arguments):
        return self._x.__dlpack__(**arguments)


def exact_sums_of(*arrays):
    sums = l1l2.ExactSums()
    for x in arrays:
        sums.add(x)
    return sums


def added_up(*parts):
    """What an all-reduce makes of them."""
    sums = l1l2.ExactSums()
    for part in parts:
        sums.array[:] += part.array
    return sums


class ExactSums(unittest.TestCase):
    def setUp(self):
        rng = numpy.random.default_rng(20)
        self.x = rng.standard_normal((50, 61)) * 2.0 ** rng.integers(
            -300, 300, (50, 61)
        )
        self.sums = exact_sums_of(self.x)

    def assert_status(self, status, call):
        with self.assertRaises(l1l2.L1L2Error) as context:
            call()
        self.assertEqual(context.exception.status, status)

    def test_none(self):
        sums = l1l2.ExactSums()
        self.assertEqual((sums.absolute, sums.square, sums.count), (0.0, 0.0, 0))
        self.assertEqual(sums.penalty(l1l2.Regularizer(1.0, 1.0)), 0.0)
        self.assertEqual(sums.array.tolist(), [0] * LENGTH)
        self.assertEqual(repr(sums), "<ExactSums of 0 elements>")

    def test_sums(self):
        self.assertEqual(self.sums.absolute, math.fsum(abs(self.x.ravel())))
        self.assertEqual(self.sums.count, self.x.size)
        self.assertEqual(repr(self.sums), "<ExactSums of 3050 elements>")
        sums = exact_sums_of(numpy.array([3.0, -4.0]))
        self.assertEqual((sums.absolute, sums.square, sums.count), (7.0, 25.0, 2))
        self.assertEqual(sums.penalty(l1l2.Regularizer(1.0, 0.5)), 19.5)
        for value, result in ((numpy.inf, math.inf), (numpy.nan, math.nan)):
            sums.add(numpy.array([value]))
            self.assertEqual(str(sums.square), str(result))

    def test_norm(self):
        """It is the double next to the root of the sum of squares, whatever its range."""
        for values in (
            [3.0, -4.0],
            [1e200, 1.0, 1.0],
            [1e-200] * 3,
            [5e-324, -5e-324],
            [2.0**1023, 2.0**1022],
            self.x.ravel().tolist(),
        ):
            norm = exact_sums_of(numpy.array(values)).norm
            square = sum(Fraction(value) ** 2 for value in values)
            for neighbour in (0.0, math.inf):
                limit = math.nextafter(norm, neighbour)
                if limit == math.inf:
                    limit = 2**1024
                between = (Fraction(norm) + Fraction(limit)) / 2
                self.assertEqual(between**2 > square, neighbour > 0.0, values)
        self.assertEqual(l1l2.ExactSums().norm, 0.0)
        sums = exact_sums_of(numpy.full(5, 1.7e308))
        self.assertEqual(sums.norm, math.inf)
        sums.add(numpy.array([math.nan]))
        self.assertTrue(math.isnan(sums.norm))

    def test_subtraction(self):
        """It takes out what was added; what was not added is refused."""
        first, second = exact_sums_of(self.x[:7]), exact_sums_of(self.x[7:])
        before = self.sums.to_bytes()
        self.assertEqual(self.sums - first, second)
        self.assertEqual(self.sums.to_bytes(), before)
        rest = self.sums + l1l2.ExactSums()
        rest -= second
        self.assertEqual(rest, first)
        rest.subtract(rest)
        self.assertEqual(rest.array.tolist(), [0] * LENGTH)
        sums = exact_sums_of(numpy.array([1.0, 2.0]), numpy.array([math.inf]))
        sums -= exact_sums_of(numpy.array([math.inf, 1.0]))
        self.assertEqual(sums, exact_sums_of(numpy.array([2.0])))
        for other in ([3.0], [1.0, 1.0], [math.nan]):
            self.assert_status(
                18, lambda: sums.subtract(exact_sums_of(numpy.array(other)))
            )
        with self.assertRaisesRegex(l1l2.L1L2Error, "more is subtracted than was added"):
            first - self.sums
        self.assertEqual(sums, exact_sums_of(numpy.array([2.0])))
        for other in (None, 1, first.array):
            for refused in (lambda: first - other, lambda: first.subtract(other)):
                with self.assertRaises(TypeError):
                    refused()

    def test_add_all(self):
        """On any threads the same; after an error nothing has been added."""
        bits = numpy.array([0x3F80, 0xC000], numpy.uint16)
        arrays = [self.x, numpy.ones(70_000, "f4"), Foreign(self.x.T), numpy.ones(0)]
        expected = exact_sums_of(*arrays)
        for threads in (1, 3):
            sums = l1l2.ExactSums()
            sums.add_all(iter(arrays), threads=threads)
            self.assertEqual(sums, expected)
            for refused in ([1.0], numpy.ones(6)[::2], bits, numpy.ones(2, "i4")):
                with self.assertRaisesRegex((TypeError, ValueError), "^array 4: "):
                    sums.add_all([*arrays, refused], threads=threads)
            self.assertEqual(sums, expected)
            sums.add_all([])
            sums.add_all([bits, bits], dtype="bfloat16")
            self.assertEqual((sums - expected).absolute, 6.0)

    def test_arrays(self):
        """Of any layout, and of another library."""
        x = self.x
        read_only = x.copy()
        read_only.flags.writeable = False
        for arrays in (
            (x.T[::-1],),
            (x[::2, 1::2], x[1::2, 1::2], x[:, ::2]),
            (numpy.asfortranarray(x),),
            (read_only,),
            (Foreign(x[:20]), Foreign(x[20:].T)),
            (x[:0], x, numpy.zeros((3, 0))),
        ):
            self.assertEqual(exact_sums_of(*arrays), self.sums)

    def test_dtypes(self):
        ones = [1.0, -2.0, 0.5]
        expected = exact_sums_of(numpy.array(ones))
        for dtype in ("f2", "f4"):
            self.assertEqual(exact_sums_of(numpy.array(ones, dtype)), expected)
        patterns = numpy.array([0x3F80, 0xC000, 0x3F00], numpy.uint16)
        for view in (patterns, numpy.repeat(patterns, 2)[::2]):
            sums = l1l2.ExactSums()
            sums.add(view, dtype="bfloat16")
            self.assertEqual(sums, expected)
        other_order = numpy.ones(2, numpy.dtype("f4").newbyteorder())
        for refused in (patterns, [1.0], other_order, numpy.ones(2, "i4")):
            with self.assertRaises(TypeError):
                sums.add(refused)
        self.assert_status(12, lambda: sums.add(Foreign(numpy.ones(2, "i4"))))
        self.assertEqual(sums, expected)

    def test_merge(self):
        first, second = exact_sums_of(self.x[:7]), exact_sums_of(self.x[7:])
        self.assertNotEqual(first, second)
        merged = l1l2.ExactSums()
        merged += first
        self.assertNotEqual(merged, self.sums)
        merged.merge(second)
        self.assertEqual(merged, self.sums)
        merged += merged
        self.assertEqual(merged, exact_sums_of(self.x, self.x))
        for other in (None, 1, second.array):
            with self.assertRaises(TypeError):
                merged += other

    def test_addition(self):
        """A sum is another object."""
        first, second = exact_sums_of(self.x[:7]), exact_sums_of(self.x[7:])
        before = first.to_bytes()
        self.assertEqual(first + second, self.sums)
        self.assertEqual(second + first, self.sums)
        self.assertEqual(sum([first, second]), self.sums)
        self.assertEqual(sum([first, second], l1l2.ExactSums()), self.sums)
        self.assertEqual(sum([first]), first)
        self.assertIsNot(sum([first]), first)
        self.assertEqual(first.to_bytes(), before)
        for refused in (
            lambda: first + 1,
            lambda: 1 + first,
            lambda: 0.5 + first,
            lambda: first + first.array,
            lambda: sum([first], 1),
        ):
            with self.assertRaises(TypeError):
                refused()

    def test_bytes(self):
        """They are the same for the same elements, and on every machine."""
        data = self.sums.to_bytes()
        self.assertEqual(len(data), 8 * LENGTH)
        self.assertEqual(data, self.sums.array.astype("<i8").tobytes())
        self.assertEqual(added_up(*map(exact_sums_of, self.x)).to_bytes(), data)
        for form in (data, bytearray(data), memoryview(data)):
            self.assertEqual(l1l2.ExactSums.from_bytes(form), self.sums)
        for refused in (b"", data[:-1], data + b"0"):
            with self.assertRaises(ValueError):
                l1l2.ExactSums.from_bytes(refused)
        damaged = bytearray(data)
        damaged[800] ^= 1
        self.assert_status(18, lambda: l1l2.ExactSums.from_bytes(damaged))
        self.assert_status(19, lambda: l1l2.ExactSums.from_bytes(b"1" * 8 * LENGTH))

    def test_addition_of_accumulators(self):
        """The array is the accumulator itself, and may be added to by anybody."""
        parts = [exact_sums_of(row) for row in self.x]
        sums = added_up(*parts)
        sums.check()
        self.assertEqual(sums, self.sums)
        self.assertEqual(sums.absolute, self.sums.absolute)
        # It can go on, and has then the one form.
        sums.add(self.x)
        expected = exact_sums_of(self.x, self.x)
        self.assertEqual(sums.array.tobytes(), expected.array.tobytes())

    def test_resized_array(self):
        """Its memory is that of the sums for as long as they live."""
        for refcheck in (True, False):
            with self.assertRaises(ValueError):
                self.sums.array.resize(LENGTH + 1, refcheck=refcheck)

    def test_from_numbers(self):
        numbers = added_up(exact_sums_of(self.x[:9]), exact_sums_of(self.x[9:])).array
        for form in (
            numbers,
            numbers.tolist(),
            numbers.astype(">i8"),
            numbers.astype("<i8"),
            numpy.repeat(numbers, 2)[::2],
            numpy.frombuffer(numbers.tobytes(), numpy.int64),
            numpy.frombuffer(b"_" + numbers.tobytes(), numpy.int64, offset=1),
        ):
            sums = l1l2.ExactSums(form)
            self.assertEqual(sums.array.tobytes(), self.sums.array.tobytes())
        # A copy.
        sums = l1l2.ExactSums(numbers)
        sums.add(self.x)
        self.assertEqual(l1l2.ExactSums(numbers), self.sums)
        unsigned = numbers.astype("u8")
        for refused in (numbers / 1, unsigned, "no numbers", [None] * LENGTH):
            with self.assertRaises(TypeError):
                l1l2.ExactSums(refused)
        for refused in (numbers[1:], numbers.reshape(1, -1), 7):
            with self.assertRaises(ValueError):
                l1l2.ExactSums(refused)
        self.assert_status(19, lambda: l1l2.ExactSums(numbers.byteswap()))
        self.assert_status(19, lambda: l1l2.ExactSums([1] * LENGTH))

    def test_damage(self):
        """Whatever uses a damaged accumulator says so, and has changed nothing."""
        good, bad = l1l2.ExactSums(self.sums.array), l1l2.ExactSums(self.sums.array)
        bad.array[100] += 1
        before = bad.array.copy()
        for call in (
            bad.check,
            lambda: bad.absolute,
            lambda: bad.square,
            lambda: bad.count,
            lambda: bad.norm,
            lambda: bad.penalty(l1l2.Regularizer(1.0)),
            lambda: bad.add(self.x),
            lambda: bad.add(self.x[::2]),
            lambda: bad.add_all([self.x]),
            lambda: bad.subtract(good),
            lambda: good.subtract(bad),
            lambda: good - bad,
            lambda: bad.merge(good),
            lambda: good.merge(bad),
            lambda: good == bad,
            lambda: good + bad,
            lambda: sum([bad]),
            bad.to_bytes,
            lambda: l1l2.ExactSums(bad.array),
            lambda: copy.copy(bad),
        ):
            self.assert_status(18, call)
        self.assertEqual(bad.array.tobytes(), before.tobytes())
        self.assertEqual(good.array.tobytes(), self.sums.array.tobytes())

    def test_sql(self):
        """What adds the vectors is a query."""
        with sqlite3.connect(":memory:") as database:
            database.execute("CREATE TABLE parts (day, i INTEGER, value INTEGER)")
            for day, x in enumerate(self.x):
                rows = enumerate(exact_sums_of(x).array.tolist())
                database.executemany(
                    "INSERT INTO parts VALUES (?, ?, ?)", ((day, *row) for row in rows)
                )
            query = "SELECT SUM(value) FROM parts GROUP BY i ORDER BY i"
            sums = l1l2.ExactSums([value for (value,) in database.execute(query)])
        self.assertEqual(sums, self.sums)

    def test_closed_regularizer(self):
        regularizer = l1l2.Regularizer(1.0)
        regularizer.close()
        self.assert_status(10, lambda: self.sums.penalty(regularizer))
        with self.assertRaisesRegex(TypeError, "a Regularizer, not .*float"):
            self.sums.penalty(0.1)

    def test_copies(self):
        for duplicate in (
            copy.copy,
            copy.deepcopy,
            *(
                lambda sums, protocol=protocol: pickle.loads(
                    pickle.dumps(sums, protocol)
                )
                for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
            ),
        ):
            duplicated = duplicate(self.sums)
            self.assertEqual(duplicated, self.sums)
            duplicated.add(self.x)
            self.assertNotEqual(duplicated, self.sums)
        self.assertNotEqual(self.sums, self.sums.array.tolist())
        with self.assertRaises(TypeError):
            hash(self.sums)

    def test_threads(self):
        """Each has sums of its own, and the array outlives what it was of."""
        with ThreadPoolExecutor(4) as threads:
            parts = list(threads.map(exact_sums_of, self.x))
        self.assertEqual(added_up(*parts), self.sums)
        array = exact_sums_of(self.x).array
        self.assertEqual(l1l2.ExactSums(array), self.sums)


if __name__ == "__main__":
    unittest.main()
