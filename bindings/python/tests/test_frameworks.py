# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of the frameworks that are installed; a skipped test names one that is not."""

import warnings

import l1l2
import numpy
import pytest

REGULARIZER = l1l2.Regularizer(l1=1.0, l2=0.5)
VALUES = [1.0, -2.0, 0.5, 4.0]
PENALTY = 18.125


def assert_read_and_never_written(x):
    """Of a framework that holds its arrays to be immutable."""
    assert REGULARIZER(x) == PENALTY
    assert l1l2.penalty_terms([l1l2.Term(REGULARIZER, x)]).total == PENALTY
    sums = l1l2.ExactSums()
    sums.add(x)
    assert sums.penalty(REGULARIZER) == PENALTY
    ones = numpy.ones(4, numpy.float32)
    aliases = [x, memoryview(x)]
    if not numpy.asarray(x).flags.writeable:  # not a copy
        aliases.append(numpy.asarray(x))
    for alias in aliases:
        for write in (
            lambda: REGULARIZER.prox(alias, 0.5),
            lambda: REGULARIZER.prox(ones, 0.5, alias),
            lambda: REGULARIZER.add_gradient(ones, alias),
            lambda: l1l2.prox_terms([l1l2.Term(REGULARIZER, alias)], 0.5),
        ):
            with pytest.raises(ValueError, match="read-only|does not say whether"):
                write()
    assert numpy.asarray(x).tolist() == VALUES


def test_jax():
    numbers = pytest.importorskip("jax.numpy")
    assert_read_and_never_written(numbers.array(VALUES))
    assert REGULARIZER(numbers.array(VALUES, numbers.bfloat16)) == PENALTY
    assert REGULARIZER(numbers.array(VALUES).reshape(2, 2).T) == PENALTY


def test_tensorflow():
    tensorflow = pytest.importorskip("tensorflow")
    assert_read_and_never_written(tensorflow.constant(VALUES))
    assert REGULARIZER(tensorflow.constant(VALUES, tensorflow.bfloat16)) == PENALTY


def test_torch():
    torch = pytest.importorskip("torch")
    x = torch.tensor(VALUES)
    for same in (
        x,
        x.reshape(2, 2).T,
        x.to(torch.bfloat16),
        torch.nn.Parameter(x).detach(),
    ):
        assert REGULARIZER(same) == PENALTY
    lazily_negated = torch.tensor([1 + 2j, 3 - 4j]).conj().imag
    assert lazily_negated.is_neg()
    warnings.filterwarnings("ignore", "Sparse CSR")
    for refused, reason in (
        (lazily_negated, "negated"),
        (torch.tensor([1 + 2j]).conj(), "conjugate"),
        (x.reshape(2, 2).to_sparse(), "sparse"),
        (x.reshape(2, 2).to_sparse_csr(), "sparse"),
        (torch.quantize_per_tensor(x, 0.1, 0, torch.qint8), "quantized"),
    ):
        with pytest.raises(BufferError, match=reason):
            REGULARIZER(refused)
        gradient = numpy.zeros(refused.shape, numpy.float32)
        with pytest.raises(BufferError, match=reason):
            REGULARIZER.add_gradient(refused, gradient)
        assert not gradient.any()
    assert REGULARIZER(lazily_negated.resolve_neg()) == 2 + 4 + 0.5 * (4 + 16)
    with pytest.raises((BufferError, RuntimeError), match="detach"):
        REGULARIZER(torch.nn.Parameter(x))
    # Its memory can be written in any version.
    l1l2.Regularizer(l1=1.0).prox(x.numpy(), 0.5)
    assert x.tolist() == [0.5, -1.5, 0.0, 3.5]
