# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Steps of proximal gradient descent: the bits that l1l2.h defines, by NumPy."""

import l1l2
import ml_dtypes
import numpy
import pytest
from arrays import LAYOUTS, Foreign, every_second, read_only, turned

L1, L2, STEP = 0.3, 0.07, 0.4
REGULARIZER = l1l2.Regularizer(L1, L2)
DTYPES = {
    "float32": numpy.float32,
    "float64": numpy.float64,
    "float16": numpy.float16,
    "bfloat16": ml_dtypes.bfloat16,
}


def arithmetic_of(dtype):
    return numpy.float64 if dtype == numpy.float64 else numpy.float32


def operands(dtype, n=1000):
    rng = numpy.random.default_rng(5)
    x, gradient = (rng.standard_normal(n).astype(dtype) for _ in range(2))
    return x, gradient, rng.random(n).astype(arithmetic_of(dtype))


def expected(x, gradient, steps):
    """What l1l2.h says: every operation rounds to the arithmetic type."""
    real = arithmetic_of(x.dtype)
    a, g = x.astype(real), 0 if gradient is None else gradient.astype(real)
    if steps is None:
        v = a - real(STEP) * g
        t = STEP * L1
        shrunk = numpy.abs(v) - real(t) - real(t - float(real(t)))
        result = numpy.maximum(shrunk, 0) * real(1 / (1 + 2 * (STEP * L2)))
    else:
        v = a - real(STEP) * steps * g
        shrunk = numpy.maximum(numpy.abs(v) - real(STEP * L1) * steps, 0)
        result = shrunk / (1 + real(2 * (STEP * L2)) * steps)
    return numpy.copysign(result, v).astype(x.dtype)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_a_step_has_the_bits_that_the_header_defines(dtype):
    x, some_gradient, some_steps = operands(dtype)
    for gradient in (None, some_gradient):
        for steps in (None, some_steps):
            right = expected(x, gradient, steps)
            out, before = numpy.zeros_like(x), x.copy()
            REGULARIZER.prox_step(x, gradient, STEP, steps, out)
            assert out.tobytes() == right.tobytes()
            assert x.tobytes() == before.tobytes()
            REGULARIZER.prox_step(before, gradient, STEP, steps)
            assert before.tobytes() == right.tobytes()
            if gradient is not None:
                out = gradient.copy()
                REGULARIZER.prox_step(x, out, STEP, steps, out)
                assert out.tobytes() == right.tobytes()
            assert 0 < numpy.count_nonzero(out) < out.size


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_step_of_any_layout_has_the_bits_of_a_compact_one(dtype):
    x, gradient, steps = operands(DTYPES[dtype])
    right = expected(x, gradient, steps)
    for x_layout, layout in LAYOUTS:
        laid, out = x_layout(x), layout(numpy.zeros_like(x))
        for other in {x_layout, layout}:
            given = other(gradient).array, STEP, other(steps).array
            REGULARIZER.prox_step(laid.array, *given, out.array)
            assert out.elements.tobytes() == right.tobytes()
    for layout in (every_second, turned):
        laid = layout(x)
        REGULARIZER.prox_step(
            laid.array, layout(gradient).array, STEP, layout(steps).array
        )
        assert laid.elements.tobytes() == right.tobytes()


def test_bfloat16_may_be_given_as_bits():
    x, gradient, steps = operands(ml_dtypes.bfloat16)
    right = expected(x, gradient, steps)
    bits = x.view(numpy.uint16)
    REGULARIZER.prox_step(
        bits, gradient.view(numpy.uint16), STEP, steps, dtype="bfloat16"
    )
    assert bits.tobytes() == right.tobytes()


def test_without_gradient_and_steps_it_is_the_proximal_operator():
    for dtype in DTYPES.values():
        x, *_ = operands(dtype)
        out = x.copy()
        REGULARIZER.prox(out, STEP)
        REGULARIZER.prox_step(x, None, STEP)
        assert x.tobytes() == out.tobytes()


class Unversioned(Foreign):
    """As JAX and TensorFlow export theirs, which they hold to be immutable."""

    def __dlpack__(self):
        return self._x.__dlpack__()


@pytest.mark.parametrize("given", [numpy.array, read_only, Foreign, Unversioned])
def test_gradient_and_steps_are_read_and_may_be_immutable(given):
    x, gradient, steps = operands(numpy.float32)
    right = expected(x, gradient, steps)
    REGULARIZER.prox_step(x, given(gradient), STEP, given(steps))
    assert x.tobytes() == right.tobytes()


def test_what_is_immutable_is_not_written():
    x, gradient, steps = operands(numpy.float32)
    before = x.tobytes()
    for immutable in (read_only(x), Unversioned(x)):
        with pytest.raises(ValueError, match="read-only|does not say whether"):
            REGULARIZER.prox_step(immutable, gradient, STEP, steps)
        with pytest.raises(ValueError, match="read-only|does not say whether"):
            REGULARIZER.prox_step(x, gradient, STEP, steps, immutable)
    assert x.tobytes() == before


def test_what_does_not_fit_is_refused_and_nothing_written():
    x, gradient, steps = operands(numpy.float32)
    before = x.tobytes()
    masked, masked_steps = (
        numpy.ma.masked_array(array, gradient > 0) for array in (gradient, steps)
    )
    for given, error, reason in (
        ((gradient[:-1], STEP), ValueError, "different shapes"),
        ((gradient, STEP, steps[:-1]), ValueError, "different shapes"),
        ((gradient.astype("f8"), STEP), ValueError, "dtype|do not fit"),
        ((gradient, STEP, steps.astype("f8")), ValueError, "steps must be float64 for"),
        ((masked, STEP), TypeError, "mask"),
        ((gradient, STEP, masked_steps), TypeError, "mask"),
        (([0.0] * x.size, STEP), TypeError, "no memory"),
        ((gradient, "1"), TypeError, None),
        ((gradient, STEP, steps, x[1:]), ValueError, "different shapes"),
    ):
        with pytest.raises(error, match=reason):
            REGULARIZER.prox_step(x, *given)
        assert x.tobytes() == before
    halves = x.astype("f2")
    with pytest.raises(ValueError, match="else float32"):
        REGULARIZER.prox_step(halves, None, STEP, steps.astype("f2"))


def test_errors_of_the_library_have_their_status():
    x, gradient, steps = operands(numpy.float32)
    before = x.tobytes()
    for status, given in (
        *((14, (gradient, step)) for step in (-1.0, numpy.nan, numpy.inf)),
        *((14, (gradient, 1.0, steps * step)) for step in (-1, numpy.nan, numpy.inf)),
        (15, (gradient, 1.0, steps, steps)),
        (15, (x, 1.0, steps, steps)),
    ):
        with pytest.raises(l1l2.L1L2Error) as info:
            REGULARIZER.prox_step(x, *given)
        assert info.value.status == status
        assert x.tobytes() == before
    for source, read, written in ((x, gradient, x), (gradient, x, x)):
        with pytest.raises(l1l2.L1L2Error) as info:
            REGULARIZER.prox_step(source[1:], read[1:], 1.0, None, written[:-1])
        assert info.value.status == 15
        assert x.tobytes() == before
    closed = l1l2.Regularizer(1.0)
    closed.close()
    with pytest.raises(l1l2.L1L2Error) as info:
        closed.prox_step(x, gradient, STEP)
    assert info.value.status == 10
