# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Clipping by the norm of all arrays together, as PyTorch's clip_grad_norm_ does."""

from concurrent.futures import ThreadPoolExecutor

import l1l2
import ml_dtypes
import numpy
import pytest
from arrays import NUMPY_EXPORTS_FLAGS, Foreign, every_second, read_only

DTYPES = (numpy.float32, numpy.float64, numpy.float16, ml_dtypes.bfloat16)


def gradients():
    rng = numpy.random.default_rng(8)
    arrays = [rng.standard_normal((20, 301)).astype(dtype) for dtype in DTYPES]
    return [*arrays, numpy.asfortranarray(arrays[1]), numpy.ones(()), numpy.ones(0)]


def norm_of(arrays):
    return numpy.linalg.norm([numpy.linalg.norm(x.astype("f8")) for x in arrays])


def bits_of(arrays):
    return [x.tobytes() for x in arrays]


@pytest.mark.parametrize("threads", [1, 3, ThreadPoolExecutor(2)], ids=str)
def test_the_norm_is_that_of_all_arrays_and_every_element_is_scaled(threads):
    arrays, before = gradients(), gradients()
    norm = l1l2.clip_by_norm(iter(arrays), 2.0, threads=threads)
    sums = l1l2.ExactSums()
    sums.add_all(before)
    assert norm == sums.norm == pytest.approx(norm_of(before), rel=1e-13)
    for x, unscaled in zip(arrays, before):
        real = numpy.float64 if x.dtype == numpy.float64 else numpy.float32
        scaled = unscaled.astype(real) * real(2.0 / norm)
        assert x.tobytes() == scaled.astype(x.dtype).tobytes()
    assert norm_of(arrays) == pytest.approx(2.0, rel=1e-3)


def test_what_is_small_enough_keeps_its_bits():
    arrays = [numpy.array([3.0, -0.0]), numpy.array([4.0], "f2")]
    before = bits_of(arrays)
    for max_norm in (5.0, 1e300):
        assert l1l2.clip_by_norm(arrays, max_norm) == 5.0
        assert bits_of(arrays) == before
    assert l1l2.clip_by_norm([], 1.0) == 0.0


def test_a_given_norm_is_taken_and_returned():
    x = numpy.array([3.0, 4.0])
    assert l1l2.clip_by_norm([x], 5.0, 10.0) == 10.0
    assert x.tolist() == [1.5, 2.0]
    assert l1l2.clip_by_norm([x], 5.0, norm=1.0) == 1.0
    assert x.tolist() == [1.5, 2.0]
    # The norm of two machines, of which this has one's elements.
    sums = l1l2.ExactSums()
    sums.add(numpy.array([6.0, 8.0]))
    y = numpy.array([6.0])
    assert l1l2.clip_by_norm([y], 1.0, sums.norm) == 10.0
    assert y.tolist() == [6.0 * (1.0 / 10.0)]


def test_float16_neither_overflows_nor_vanishes():
    for values in ([300.0], [6e4] * 3, [6e-8]):
        x = numpy.array(values, numpy.float16)
        norm = l1l2.clip_by_norm([x], 1e-3)
        assert norm == numpy.linalg.norm(numpy.array(values, "f2").astype("f8"))
        assert numpy.isfinite(x).all() and (x != 0).all()
    x = numpy.array([300.0], numpy.float16)
    assert l1l2.clip_by_norm([x], 1.0) == 300.0
    assert x.tolist() == [1.0]


def test_norms_beyond_the_range_of_squares():
    x = numpy.array([1e200, 1.0, 1.0])
    assert l1l2.clip_by_norm([x], 1.0) == 1e200
    assert x.tolist() == [1.0, 1e-200, 1e-200]


def test_a_norm_that_is_not_finite_is_refused_and_nothing_written():
    good = numpy.array([30.0, 40.0])
    for value in (numpy.nan, numpy.inf, -numpy.inf):
        bad = numpy.array([1.0, value], "f4")
        before = bits_of([good, bad])
        with pytest.raises(l1l2.L1L2Error, match="norm") as info:
            l1l2.clip_by_norm([good, bad], 1.0)
        assert info.value.status == 22
        assert bits_of([good, bad]) == before
    for given in ((numpy.nan,), (-1.0,), (numpy.inf,), (1.0, numpy.nan), (1.0, -1.0)):
        for arrays in ([good], []):
            with pytest.raises(l1l2.L1L2Error) as info:
                l1l2.clip_by_norm(arrays, *given)
            assert info.value.status == 22
    assert good.tolist() == [30.0, 40.0]
    for given in (("1",), (1.0, "1"), (None,)):
        with pytest.raises(TypeError):
            l1l2.clip_by_norm([good], *given)


def test_an_array_that_does_not_suit_is_named_and_nothing_written():
    good, bad = numpy.array([30.0, 40.0]), numpy.ones(3)
    for array, error, reason in (
        ([1.0], TypeError, "array 1: .*has no memory"),
        (numpy.ones(3, numpy.int32), TypeError, "array 1: .*must be of float32"),
        (every_second(bad).array, ValueError, "array 1: .*contiguous"),
        (read_only(bad), ValueError, "array 1: .*read-only"),
        (numpy.float32(1), ValueError, "array 1: .*immutable"),
        (numpy.ma.masked_array(bad, [1, 0, 0]), TypeError, "array 1: the mask"),
        (Unversioned(bad), ValueError, "array 1: .*does not say whether"),
    ):
        with pytest.raises(error, match=reason):
            l1l2.clip_by_norm([good, array], 1.0)
    assert good.tolist() == [30.0, 40.0] and bad.tolist() == [1.0] * 3


class Unversioned(Foreign):
    """As JAX and TensorFlow export theirs, which they hold to be immutable."""

    def __dlpack__(self):
        return self._x.__dlpack__()


def test_bits_of_bfloat16_and_arrays_of_other_libraries():
    bits = numpy.array([0x4040, 0x4080], numpy.uint16)  # 3, 4
    assert l1l2.clip_by_norm([bits], 2.5, dtype="bfloat16") == 5.0
    assert bits.view(ml_dtypes.bfloat16).tolist() == [1.5, 2.0]
    if NUMPY_EXPORTS_FLAGS:
        x = numpy.array([3.0, 4.0])
        assert l1l2.clip_by_norm([Foreign(x)], 2.5) == 5.0
        assert x.tolist() == [1.5, 2.0]
