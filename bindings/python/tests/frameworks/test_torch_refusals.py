# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""What l1l2.torch refuses, and in which words."""

import fractions
import subprocess
import sys

import numpy
import pytest

torch = pytest.importorskip("torch")

from l1l2.torch import (
    add_gradient_,
    exact_sums,
    penalties,
    penalty,
    prox_,
    register_prox,
)
from torch_support import (
    L1,
    L2,
    REGULARIZER,
    gradient_of,
    seed,  # noqa: F401, a fixture of all tests
    values,
)

OPS = torch.ops.l1l2


def bad_tensors():
    x = values(2, 2)
    return [
        (x.to_sparse(), TypeError, r"to_dense\(\)"),
        (x.to_sparse_csr(), TypeError, r"to_dense\(\)"),
        (x.to_mkldnn(), TypeError, r"to_dense\(\)"),
        (torch.nested.nested_tensor([x, x[0:1]]), TypeError, "not dense"),
        (
            torch.nested.nested_tensor([x, x[0:1]], layout=torch.jagged),
            TypeError,
            "not dense",
        ),
        (x.to(torch.complex64), TypeError, "complex64"),
        (x.to(torch.int32), TypeError, "int32"),
        (x.to(torch.bool), TypeError, "bool"),
        (x.to(torch.float8_e4m3fn), TypeError, "float8"),
        (
            torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
            TypeError,
            r"dequantize\(\)",
        ),
        (x.to("meta"), NotImplementedError, "to_empty"),
        (torch.view_as_complex(x).conj().imag, RuntimeError, r"resolve_neg\(\)"),
        (x.numpy(), TypeError, "a tensor is needed"),
        (None, TypeError, "a tensor is needed"),
    ]


@pytest.mark.parametrize("number", range(14))
def test_tensors_that_are_refused(number):
    bad, kind, words = bad_tensors()[number]
    good = values(2, 2)
    before = good.clone()
    for call in (
        lambda: penalty([good, bad], L1, L2),
        lambda: penalties([good, bad], L1, L2),
        lambda: prox_([good, bad], 0.5, L1),
        lambda: add_gradient_([good, bad], L1, L2),
        lambda: exact_sums([good, bad]),
    ):
        with pytest.raises(kind, match=words):
            call()
    assert torch.equal(good, before)


def test_coefficients_that_are_refused():
    x = values(3)
    for bad in (-1.0, torch.inf, torch.nan):
        with pytest.raises(ValueError, match="Invalid l2"):
            penalty(x, l2=bad)
        with pytest.raises(ValueError, match="Invalid l1"):
            penalty([{"params": x, "l1": bad}])
    with pytest.raises(TypeError, match=r"l1\.item\(\)"):
        penalty(x, l1=torch.tensor(1.0, requires_grad=True))
    with pytest.raises(TypeError, match="must stand in a list"):
        penalty({"params": x})
    for no_number in ("0.5", True, None, 1j, [0.5], numpy.ones(1), numpy.array(True)):
        with pytest.raises(TypeError, match="l1 must be a number"):
            penalty(x, l1=no_number)
        with pytest.raises(TypeError, match="step must be a number"):
            prox_(x, no_number)
        with pytest.raises(TypeError, match="scale must be a number"):
            add_gradient_(x, scale=no_number)
    for number in (numpy.array(0.5), numpy.float32(0.5), fractions.Fraction(1, 2)):
        assert torch.equal(penalty(x, l1=number, l2=2), penalty(x, l1=0.5, l2=2.0))
    compiled = torch.compile(
        lambda: penalty(x, numpy.float64(0.5)), backend="eager", fullgraph=True
    )
    assert torch.equal(compiled(), penalty(x, l1=0.5))


def test_a_regularizer_in_the_place_of_l1():
    x = values(5)
    expected, out = torch.tensor(REGULARIZER(x)).float(), torch.zeros(5)
    assert torch.equal(penalty(x, REGULARIZER), expected)
    assert torch.equal(penalties(x, l1=REGULARIZER), expected.reshape(1))
    own = penalty([{"params": x, "l1": 0.5}], REGULARIZER)
    assert torch.equal(own, penalty(x, 0.5, L2))
    leaf = x.clone().requires_grad_()
    assert torch.equal(add_gradient_(leaf, REGULARIZER), expected)
    assert torch.equal(leaf.grad, gradient_of(x))
    compiled = torch.compile(
        lambda: penalty(leaf, REGULARIZER), backend="aot_eager", fullgraph=True
    )
    assert torch.equal(compiled(), expected)
    optimizer = torch.optim.SGD([leaf], lr=0.5)
    register_prox(optimizer, REGULARIZER)
    leaf.grad.zero_()
    optimizer.step()
    REGULARIZER.prox(x, 0.5, out)
    prox_(x, 0.5, REGULARIZER)
    assert torch.equal(x, out) and torch.equal(leaf, out)
    for call in (
        lambda: penalty(x, REGULARIZER, L2),
        lambda: prox_(x, 0.5, REGULARIZER, L2),
        lambda: add_gradient_(x, REGULARIZER, L2),
        lambda: register_prox(optimizer, REGULARIZER, L2),
    ):
        with pytest.raises(TypeError, match="l2 must not be given"):
            call()
    with pytest.raises(TypeError, match="l1 must be a number"):
        penalty([{"params": x, "l1": REGULARIZER}])


def test_without_torch_the_error_says_what_to_install():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "try: import l1l2.torch\n"
        "except ImportError as error: assert 'l1l2[torch]' in str(error), error\n"
        "else: sys.exit('imported')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_ops_refuse_what_they_cannot_read():
    x = values(3)
    with pytest.raises(RuntimeError, match="tensor 1: it must be of float32"):
        OPS.penalties([x, x.int()], [L1] * 2, [L2] * 2)
    with pytest.raises(RuntimeError, match="no l1"):
        OPS.penalties([x], [], [L2])
    with pytest.raises(RuntimeError, match="no l2"):
        OPS.penalties([x], [L1], [])
    with pytest.raises(RuntimeError, match="coefficient"):
        OPS.penalties([x], [-1.0], [L2])
    with pytest.raises(RuntimeError, match="no gradient"):
        OPS.add_gradients_([x], [], [L1], [L2], 1.0)
    with pytest.raises(RuntimeError, match="another shape or dtype"):
        OPS.add_gradients_([x], [x.double()], [L1], [L2], 1.0)
    with pytest.raises(RuntimeError, match="another shape or dtype"):
        OPS.add_gradients_([x], [x.clone()[:2]], [L1], [L2], 1.0)
    for scales in (torch.ones(2), torch.ones(1, 1), torch.ones(1, dtype=torch.float16)):
        with pytest.raises(RuntimeError, match="scales"):
            OPS.gradients([x], [L1], [L2], scales)
