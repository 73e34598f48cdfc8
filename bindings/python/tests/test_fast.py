# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled module: what it takes, and what it leaves to the caller."""

import array
import math

import l1l2
import numpy
import pytest

fast = pytest.importorskip("l1l2._fast", exc_type=ImportError)
REGULARIZER = l1l2.Regularizer(l1=1.0, l2=0.5)
NAMES = ("penalty", "add_gradient", "prox", "prox_step", "exact_sums_add")
PENALTY, ADD_GRADIENT, PROX, PROX_STEP, ADD = (
    l1l2._library.address_of(f"l1l2_{name}") for name in NAMES
)
#: float32 whose bytes are in the order of another processor.
OTHER_ORDER = numpy.dtype("f4").newbyteorder()


def results(x, y, gradient=None, steps=None, factor=0.5):
    handle, sums = REGULARIZER._open_handle(), l1l2.ExactSums()
    return [
        fast.penalty(PENALTY, handle, x),
        fast.add(ADD, sums.array.ctypes.data, x),
        fast.add_gradient(ADD_GRADIENT, handle, x, factor, y),
        fast.penalty_and_add_gradient(ADD_GRADIENT, handle, x, factor, y),
        fast.prox(PROX, handle, x, factor, y),
        fast.prox_step(PROX_STEP, handle, x, gradient, factor, steps, y),
    ]


def immutable(x):
    """The same memory, in the same order."""
    view = x.view()
    view.flags.writeable = False
    return view


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
def test_compact_arrays_are_taken_and_only_the_last_one_must_be_writable(dtype):
    ones = numpy.ones((2, 3), dtype)
    for x in (ones, numpy.asfortranarray(ones), ones[0], ones[0, :1].reshape(())):
        penalty = 1.5 * x.size
        expected = [penalty, True, 0.0, penalty, 0.0, 0.0]
        steps = immutable(numpy.ones_like(x, "f8" if dtype == "f8" else "f4"))
        x, y = immutable(x), numpy.ones_like(x)
        assert results(x, y) == results(x, y, x) == expected
        assert results(x, y, None, steps) == results(x, y, x, steps) == expected
        assert results(memoryview(x), memoryview(y)) == expected


def test_other_buffers_are_taken():
    for code in "fd":
        x, y, gradient, steps = (array.array(code, [1.0, 1.0]) for _ in range(4))
        expected = [3.0, True, 0.0, 3.0, 0.0, 0.0]
        assert results(x, y, gradient, steps) == expected


def test_all_else_is_left_to_the_caller():
    ones = numpy.ones((2, 2), "f4")
    x = [ones.astype(other) for other in ("i4", "u2", OTHER_ORDER)]
    x += [numpy.ones((2, 4), "f4")[:, ::2], [1.0], None]
    for other in x:
        assert results(other, ones.copy()) == [None] * 6
        if other is not None:
            assert results(ones, ones.copy(), None, other)[5] is None
    y = [ones.astype("f8"), numpy.asfortranarray(ones), immutable(ones), ones[0], [1.0]]
    for other in [*x, *y]:
        assert results(ones, other)[2:] == [None] * 4
        if other is not None and other is not y[2]:
            assert results(ones, ones.copy(), other)[5] is None
    y = ones.copy()
    assert results(ones, y, factor=math.inf)[2:] == [None] * 4
    for dtype, steps in (("f4", "f8"), ("f8", "f4"), ("f2", "f2")):
        y = numpy.ones(2, dtype)
        assert results(y, y, None, numpy.ones(2, steps))[5] is None
    assert ones.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_format_of_several_elements_is_not_taken():
    buffers = pytest.importorskip("_testbuffer")  # of CPython's own tests
    pairs = memoryview(buffers.ndarray([(1.0, 2.0)], shape=[1], format="ff"))
    assert results(pairs, numpy.ones(1, "f4")) == [None] * 6


def test_a_wrong_number_of_arguments_is_refused():
    for function in (fast.penalty, fast.add, fast.prox, fast.prox_step):
        with pytest.raises(TypeError, match="number of arguments"):
            function()
