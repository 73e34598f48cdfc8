# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""l1l2.torch, against torch's own functions and against the package's own."""

import copy
import doctest
import fractions
import os
import pathlib
import re
import subprocess
import sys
import warnings

import l1l2
import numpy
import pytest

torch = pytest.importorskip("torch")

import l1l2.torch
from l1l2.torch import (
    add_gradient_,
    exact_sums,
    penalties,
    penalty,
    prox_,
    register_prox,
)
from torch.autograd import gradcheck, gradgradcheck

warnings.filterwarnings("ignore", category=UserWarning, module="torch")
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
L1, L2 = 0.3, 0.2
REGULARIZER = l1l2.Regularizer(L1, L2)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)
    torch.compiler.reset()


def values(*shape, dtype=torch.float32, requires_grad=False):
    """Normal numbers, a tenth of them 0, whose derivatives of the L1 part jump."""
    x = torch.randn(shape, dtype=torch.float64)
    x[torch.rand(shape) < 0.1] = 0.0
    return x.to(dtype).requires_grad_(requires_grad)


def smooth(*shape):
    return (torch.rand(shape, dtype=torch.float64) + 0.5).requires_grad_()


def views(dtype):
    """The same numbers with other strides."""
    x = values(4, 6, 2, 2, dtype=dtype)
    padded = torch.zeros(9, 13, 2, 2, dtype=dtype)
    padded[1::2, 1::2] = x
    return [
        x,
        x.to(memory_format=torch.channels_last),
        x.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2),
        padded[1::2, 1::2],
    ]


def gradient_of(x, scale=1.0):
    """What the package's own function gives."""
    gradient = torch.zeros_like(x)
    REGULARIZER.add_gradient(x.detach(), gradient, scale)
    return gradient


def model():
    return torch.nn.Sequential(
        torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    )


def gradients_of(parameters):
    return [x.grad.clone() for x in parameters]


def test_examples():
    assert doctest.testmod(l1l2.torch).failed == 0


def test_the_programs_of_the_documentation(capsys):
    text = (pathlib.Path(__file__).parents[4] / "docs/frameworks.md").read_text("utf-8")
    section = text.partition("\n## PyTorch\n")[2].partition("\n## ")[0]
    programs = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(programs) == 4
    exec("\n".join(programs), {})
    zeros, norm = capsys.readouterr().out.splitlines()
    assert int(zeros.split()[1]) > 200 and norm.startswith("norm ")


# Values.


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_penalty_is_the_packages_own_rounded_once(dtype):
    for x in views(dtype):
        result = penalty(x, L1, L2)
        assert result.shape == ()
        assert result.dtype == (
            torch.float64 if dtype == torch.float64 else torch.float32
        )
        assert torch.equal(result, torch.tensor(REGULARIZER(x), dtype=result.dtype))
        assert torch.equal(penalties([x], L1, L2), result.reshape(1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_is_the_packages_own(dtype):
    for x in views(dtype):
        leaf = x.detach().requires_grad_()
        (3.0 * penalty(leaf, L1, L2)).backward()
        assert leaf.grad.dtype == dtype
        assert torch.equal(leaf.grad, gradient_of(x, 3.0))
        assert leaf.grad.stride() == torch.empty_like(x).stride()


def test_a_float16_penalty_does_not_overflow():
    assert penalty(torch.full((1000,), 100.0, dtype=torch.float16), l2=1.0) == 1e7


def test_an_expanded_tensor_and_an_empty_one():
    x = values(3, requires_grad=True)
    penalty(x.expand(4, 3), L1, L2).backward()
    assert torch.allclose(x.grad, 4.0 * gradient_of(x))
    for shape in ((0,), (3, 0, 2)):
        empty = torch.zeros(shape, requires_grad=True)
        penalty(empty, L1, L2).backward()
        assert empty.grad.shape == shape
    assert penalty([], L1, L2) == 0.0
    assert penalties([], L1, L2).shape == (0,)
    assert add_gradient_([], L1, L2) == 0.0
    prox_([], 1.0, L1, L2)


def test_coefficients_that_are_subnormal():
    x = torch.tensor([1e300], dtype=torch.float64)
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU always computes with subnormal numbers")
    try:  # where == takes them for equal
        groups = [{"params": [x], "l1": 1e-310}, {"params": [x], "l1": 2e-310}]
        values = l1l2.torch.penalties(groups).tolist()
    finally:
        torch.set_flush_denormal(False)
    assert values == [l1l2.Regularizer(l1)(x) for l1 in (1e-310, 2e-310)]


@pytest.fixture
def flushed():
    """Computes as if subnormal numbers were zero, as PyTorch can."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU always computes with subnormal numbers")
    yield
    torch.set_flush_denormal(False)


def test_penalties_that_are_subnormal(flushed):
    x, one = torch.tensor([1e-20]), torch.ones(1, dtype=torch.float64)
    assert penalty(x, l2=1.0).view(torch.int32) == 0x116C2
    assert penalties(x, l2=1.0).view(torch.int32) == 0x116C2
    bits = numpy.array(2e-310).view(numpy.int64)
    assert penalty([one, one], l1=1e-310).view(torch.int64) == bits
    one.requires_grad_()
    assert add_gradient_([one, one], l1=1e-310).view(torch.int64) == bits


def test_scales_that_are_subnormal(flushed):
    x = torch.ones(1, dtype=torch.float64)
    scale = torch.tensor(0x116C2, dtype=torch.int32).view(torch.float32)
    (gradient,) = OPS.gradients([x], [1e300], [0.0], scale)
    assert gradient == 1e300 * (0x116C2 * 2.0**-149)


def test_many_tensors_of_several_dtypes():
    tensors = [values(5, 3, dtype=dtype, requires_grad=True) for dtype in DTYPES]
    tensors += [values(6, 4).T[::2], values()]
    terms = [l1l2.Term(REGULARIZER, x.detach().contiguous()) for x in tensors]
    expected = l1l2.penalty_terms(terms)
    assert penalty(tensors, L1, L2).item() == expected.total
    assert penalties(tensors, L1, L2).tolist() == expected.penalties
    weights = torch.arange(6.0, dtype=torch.float64)
    (penalties(tensors, L1, L2) @ weights + penalty(tensors, L1, L2)).backward()
    for i, x in enumerate(tensors[:4]):
        assert torch.equal(x.grad, gradient_of(x, float(i)) + gradient_of(x))


def test_modules_stand_for_their_parameters():
    net = model()
    expected = penalty(net, L1, L2)
    assert torch.equal(penalty([*net.children()], L1, L2), expected)
    assert torch.equal(penalty([{"params": net}], L1, L2), expected)


def test_an_iterator_that_is_used_up_is_refused():
    parameters = model().parameters()
    groups = [{"params": model().parameters(), "l1": L1}]
    for tensors in (parameters, groups):
        penalty(tensors, L1)
        for function in (penalty, penalties, l1l2.torch.add_gradient_):
            with pytest.raises(ValueError, match="used up"):
                function(tensors, L1)
        with torch.no_grad(), pytest.raises(ValueError, match="used up"):
            l1l2.torch.prox_(tensors, 0.1, L1)


def test_names_of_tensors_are_not_needed():
    with pytest.raises(TypeError, match="without names"):
        penalty(model().named_parameters(), L1)
    with pytest.raises(TypeError, match=r"values\(\)"):
        penalty(dict(model().named_parameters()), L1)


def test_a_hook_that_does_nothing_is_refused():
    optimizer = torch.optim.SGD([{"params": [values()], "L1": 0.1}], lr=0.1)
    with pytest.raises(ValueError, match="all coefficients are 0"):
        l1l2.torch.register_prox(optimizer)


def test_what_names_the_tensors():
    net = model()
    parameters = list(net.parameters())
    whole = penalty(net, L1, L2)
    assert torch.equal(penalty(parameters, L1, L2), whole)
    assert torch.equal(penalty(net.parameters(), L1, L2), whole)
    assert torch.equal(penalty([{"params": net.parameters()}], L1, L2), whole)
    groups = [
        {"params": net[0].parameters(), "l1": 0.5},
        {"params": net[2].weight, "l2": 0.25, "lr": 1.0},
    ]
    assert penalty(groups, L1, L2).item() == pytest.approx(
        (penalty(net[0], 0.5, L2) + penalty(net[2].weight, L1, 0.25)).item()
    )


def test_only_tensors_that_require_grad_get_one():
    net = model()
    net[0].requires_grad_(False)
    penalty(net, L1, L2).backward()
    assert net[0].weight.grad is None
    assert torch.equal(net[2].weight.grad, gradient_of(net[2].weight))


def test_scales_that_the_library_refuses():
    x = torch.tensor([2.0, 0.0, -3.0], requires_grad=True)
    (penalty(x, l1=1.0) * torch.inf).backward()
    assert x.grad.tolist()[0] == torch.inf and x.grad.tolist()[2] == -torch.inf
    assert x.grad[1].isnan()
    x.grad = None
    (penalty(x, l1=1.0) * torch.nan).backward()
    assert x.grad.isnan().all()
    y = torch.tensor([2.0, 0.0], dtype=torch.float16, requires_grad=True)
    (penalty([y], l1=1.0) * 1e38 * 100.0).backward()
    assert y.grad[0] == torch.inf


@pytest.mark.parametrize("threads", (1, 2, 3))
def test_the_same_bits_on_any_number_of_threads(threads):
    x = values(1_000_003)
    expected = torch.tensor(REGULARIZER(x)), gradient_of(x)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        leaf = x.clone().requires_grad_()
        result = penalty(leaf, L1, L2)
        result.backward()
        assert torch.equal(result, expected[0].float()) and torch.equal(
            leaf.grad, expected[1]
        )
        assert torch.equal(add_gradient_(leaf, L1, L2), result)
        assert torch.equal(leaf.grad, 2.0 * expected[1])
        prox_(x, 0.5, L1, L2)
        out = numpy.zeros(len(x), numpy.float32)
        REGULARIZER.prox(leaf.detach(), 0.5, out)
        assert x.numpy().tobytes() == out.tobytes()
    finally:
        torch.set_num_threads(before)


# Derivatives.


def test_derivatives_by_differences():
    x, y = smooth(5), smooth(3, 4)

    def total(*tensors):
        return penalty(tensors, L1, L2)

    def each(*tensors):
        return penalties(tensors, L1, L2)

    for function in (total, each):
        assert gradcheck(function, (x, y), check_forward_ad=True)
        assert gradgradcheck(function, (x, y), check_fwd_over_rev=True)
    assert gradcheck(total, (x, y.detach()))


def test_forward_mode_over_a_backward_without_a_graph():
    x, tangent = smooth(4), torch.rand(4, dtype=torch.float64)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        (gradient,) = torch.autograd.grad(penalty(dual, L1, L2), dual)
        rate = torch.autograd.forward_ad.unpack_dual(gradient).tangent
    assert torch.allclose(rate, 2.0 * L2 * tangent)


def test_transforms():
    func = torch.func

    def total(x):
        return penalty(x, L1, L2)

    x, rows = values(5), values(4, 5)
    assert torch.equal(func.grad(total)(x), gradient_of(x))
    assert torch.allclose(func.hessian(total)(x), 2.0 * L2 * torch.eye(5))
    assert torch.allclose(func.jacrev(func.jacrev(total))(x), 2.0 * L2 * torch.eye(5))
    value, rate = func.jvp(total, (x,), (torch.ones(5),))
    assert torch.equal(value, total(x)) and torch.allclose(rate, gradient_of(x).sum())
    assert torch.equal(
        func.vmap(total)(rows), torch.stack([total(row) for row in rows])
    )
    assert torch.equal(func.vmap(total, in_dims=1)(rows.T), func.vmap(total)(rows))
    assert torch.equal(func.vmap(func.grad(total))(rows), gradient_of(rows))
    batch = func.vmap(lambda row: penalty([row, x], L1, L2))(rows)
    assert torch.equal(batch, torch.stack([penalty([row, x], L1, L2) for row in rows]))
    parameters = dict(model().named_parameters())
    gradients = func.grad(lambda p: penalty(p.values(), L1, L2))(parameters)
    assert torch.equal(gradients["0.weight"], gradient_of(parameters["0.weight"]))


@pytest.mark.parametrize("shape, axis", (((0,), 0), ((0, 5), 0), ((2, 0, 3), 1)))
def test_a_batch_without_rows(shape, axis):
    rows = torch.zeros(shape, dtype=torch.float16, requires_grad=True)
    x = values(4)
    vmap = torch.func.vmap
    for function, end in ((penalty, ()), (penalties, (2,))):
        batch = vmap(lambda row: function([row, x], L1, L2), in_dims=axis)(rows)
        assert batch.shape == (0, *end) and batch.dtype == torch.float32
        (gradient,) = torch.autograd.grad(batch.sum(), rows)
        assert gradient.shape == shape and gradient.dtype == rows.dtype
    derivative = torch.func.grad(lambda row, x: penalty([row, x], L1, L2), (0, 1))
    of_rows, of_x = vmap(derivative, in_dims=(axis, None))(rows, x)
    assert of_rows.shape == rows.movedim(axis, 0).shape and of_x.shape == (0, 4)
    assert of_rows.dtype == torch.float16 and of_x.dtype == torch.float32
    batch = vmap(lambda row: OPS.penalties([row], [L1], [L2])[1], in_dims=axis)(rows)
    assert batch.shape == (0,)


# The ops, and compilers.

OPS = torch.ops.l1l2


@pytest.mark.parametrize("dtype", DTYPES)
def test_opcheck(dtype):
    xs = [
        values(5, dtype=dtype),
        values(4, 3, dtype=dtype).T,
        values(3, 4, dtype=dtype)[:, ::2],
    ]
    leaves = [x.requires_grad_() for x in views(dtype)]
    like = [torch.ones_like(x) for x in xs]
    scales = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    one, two = [L1] * 3, [L2] * 3
    for op, arguments in (
        (OPS.penalties, (xs, one, two)),
        (OPS.penalties, (leaves, [L1] * 4, [L2] * 4)),
        (OPS.gradients, (xs, one, two, scales)),
        (OPS.add_gradients_, (xs, like, one, two, 2.0)),
        (OPS.prox_, (xs, one, two, 0.5)),
    ):
        torch.library.opcheck(op.default, arguments)


def test_the_ops_have_derivatives():
    def each(*xs):
        return OPS.penalties(xs, [L1] * 2, [L2] * 2)

    def gradients(scales, *xs):
        return tuple(OPS.gradients(xs, [L1] * 2, [L2] * 2, scales))

    x, y = smooth(5), smooth(3, 4)
    assert gradcheck(each, (x, y)) and gradgradcheck(each, (x, y))
    assert gradcheck(gradients, (smooth(2), x, y)) and gradcheck(
        gradients, (smooth(), x, y)
    )
    batch = torch.vmap(lambda row: OPS.penalties([row], [L1], [L2])[1])(values(3, 4))
    assert batch.shape == (3,)
    batch = torch.vmap(lambda row, s: OPS.gradients([row], [L1], [L2], s)[0])(
        values(3, 4), torch.ones(3, 1)
    )
    assert batch.shape == (3, 4)


@pytest.mark.parametrize("backend", ("eager", "aot_eager", "inductor"))
def test_compiled(backend):
    net = model()
    groups = [
        {"params": list(net[0].parameters()), "l1": 0.5},
        {"params": list(net[2].parameters())},
    ]

    def loss(inputs):
        return net(inputs).square().sum() + penalty(groups, L1, L2)

    compiled = torch.compile(loss, backend=backend, fullgraph=True)
    inputs = torch.randn(2, 7)
    for _ in range(2):
        results = []
        for function in (loss, compiled):
            net.zero_grad()
            result = function(inputs)
            result.backward()
            results.append((result, gradients_of(net.parameters())))
        torch.testing.assert_close(results[0], results[1])
        prox = torch.compile(
            lambda: prox_(net, 0.5, 0.01), backend=backend, fullgraph=True
        )
        expected = [x.detach().clone() for x in net.parameters()]
        prox_(expected, 0.5, 0.01)
        with torch.no_grad():
            prox()
        assert all(map(torch.equal, net.parameters(), expected))
    # The module itself, and the bits of the penalty.
    alone = torch.compile(lambda: penalty(net, L1, L2), backend=backend, fullgraph=True)
    assert torch.equal(alone(), penalty(net, L1, L2))


def test_transforms_inside_a_compiled_function_are_refused():
    compiled = torch.compile(
        torch.func.grad(lambda x: penalty(x, L1, L2)), backend="eager", fullgraph=True
    )
    with pytest.raises(Exception, match="autograd.Function with functorch transforms"):
        compiled(values(3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_for_any_shape_and_stride(dtype):
    compiled = torch.compile(
        lambda x: penalty(x * 1, L1, L2),
        backend="aot_eager",
        fullgraph=True,
        dynamic=True,
    )
    for x in [*views(dtype), values(3, dtype=dtype), values(4, dtype=dtype)]:
        leaf = x.detach().requires_grad_()
        result = compiled(leaf)
        result.backward()
        assert torch.equal(result, penalty(x, L1, L2)) and torch.equal(
            leaf.grad, gradient_of(x)
        )


def test_autocast():
    net = model()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = penalty(net, L1, L2) + net(torch.ones(7)).sum()
    assert result.dtype == torch.float32
    result.backward()
    assert net[0].weight.grad.dtype == torch.float32
    with torch.inference_mode():
        result = penalty(net, L1, L2)
    terms = [l1l2.Term(REGULARIZER, x.detach()) for x in net.parameters()]
    assert torch.equal(result, torch.tensor(l1l2.penalty_terms(terms).total).float())


# add_gradient_.


@pytest.mark.parametrize("dtype", DTYPES)
def test_add_gradient_does_what_backward_does(dtype):
    for x in views(dtype):
        leaf = x.detach().requires_grad_()
        result = add_gradient_(leaf, L1, L2)
        assert torch.equal(result, penalty(leaf, L1, L2)) and not result.requires_grad
        assert torch.equal(leaf.grad, gradient_of(x))
        gradient = values(*x.shape, dtype=dtype)
        for grad in (gradient, gradient.transpose(0, 1).contiguous().transpose(0, 1)):
            leaf.grad = grad.clone()
            expected = grad.clone()
            REGULARIZER.add_gradient(x, expected, 2.0)
            version = leaf.grad._version
            add_gradient_(leaf, L1, L2, scale=2.0)
            assert torch.equal(leaf.grad, expected)
            assert leaf.grad._version > version


def test_add_gradient_to_a_module():
    net = model()
    net[0].bias.requires_grad_(False)
    twin = copy.deepcopy(net)
    for each in (net, twin):
        each(torch.ones(7)).square().sum().backward()
    total = penalty(twin, L1, L2)
    total.backward()
    assert torch.equal(add_gradient_(net, L1, L2), total.detach())
    assert net[0].bias.grad is None
    for x, y in zip(net.parameters(), twin.parameters(), strict=True):
        if x.requires_grad:
            torch.testing.assert_close(x.grad, y.grad)
    frozen = net[2].bias.requires_grad_(False)
    before = frozen.grad.clone()
    add_gradient_(net, L1, L2)
    assert torch.equal(frozen.grad, before)


def test_add_gradient_refuses_and_writes_nothing():
    leaf = values(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="only a leaf"):
        add_gradient_([leaf, leaf * 2.0], L1, L2)
    with pytest.raises(RuntimeError, match="scale"):
        add_gradient_(leaf, L1, L2, scale=torch.inf)
    assert leaf.grad is None
    embedding = torch.nn.Embedding(4, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(TypeError, match="sparse=False"):
        add_gradient_(embedding, L1, L2)


def strided(*shape):
    return torch.ones(shape)[..., ::2]


def test_an_error_in_one_tensor_leaves_the_others():
    expanded = torch.ones(3).expand(2, 3)
    for x in (torch.ones(3), strided(4, 4)):
        with pytest.raises(RuntimeError, match="tensor 1: two arrays overlap"):
            prox_([x, expanded], 0.5, l1=1.0)
        assert (x == 1.0).all()
        for other in (torch.ones(3), strided(4, 4)):
            groups = [{"params": x, "l1": 1e-31}, {"params": other, "l1": 1e10}]
            with pytest.raises(RuntimeError, match="tensor 1: the step"):
                prox_(groups, 1e30)
            assert (x == 1.0).all() and (other == 1.0).all()
    one, other = values(2, 3, requires_grad=True), values(3, requires_grad=True)
    for gradient in (torch.ones(3, 2).T, torch.ones(2, 3)):
        one.grad = gradient
        groups = [{"params": one, "l1": 1.0}, {"params": other, "l1": 1e10}]
        with pytest.raises(RuntimeError, match="tensor 1: the scale"):
            add_gradient_(groups, scale=1e30)
        assert (one.grad == 1.0).all() and other.grad is None
        with pytest.raises(RuntimeError, match="tensor 1: its gradient has another"):
            OPS.add_gradients_([one, other], [gradient, one], [L1] * 2, [L2] * 2, 1.0)
        with pytest.raises(RuntimeError, match="tensor 1: two arrays overlap"):
            OPS.add_gradients_([one] * 2, [gradient, expanded], [L1] * 2, [L2] * 2, 1.0)
        assert (gradient == 1.0).all()
        with pytest.raises(RuntimeError, match="l1l2: the scale"):
            add_gradient_(groups, scale=torch.inf)


def test_add_gradient_of_tensors_without_elements():
    x = values(3)
    for empty in (torch.zeros(3, 0), torch.zeros(0, dtype=torch.float64)):
        for leaf in (empty, empty.clone().requires_grad_()):
            assert add_gradient_([leaf, x], L1, L2) == penalty([leaf, x], L1, L2)
        assert leaf.grad.shape == leaf.shape and leaf.grad.dtype == leaf.dtype


# Proximal steps.


@pytest.mark.parametrize("dtype", DTYPES)
def test_prox_is_the_packages_own(dtype):
    for x in views(dtype):
        expected = x.clone()
        REGULARIZER.prox(x, 0.5, expected)
        version = x._version
        assert prox_(x, 0.5, L1, L2) is None
        assert torch.equal(x, expected) and (x == 0.0).any()
        assert x._version > version


def test_prox_refuses_to_write_a_leaf_that_requires_grad():
    leaf = values(3, requires_grad=True)
    before = leaf.detach().clone()
    for tensors in (leaf, [values(3), leaf], leaf * 1.0):
        with pytest.raises(RuntimeError, match="no_grad"):
            prox_(tensors, 0.5, L1)
    assert torch.equal(leaf, before)
    with torch.no_grad():
        prox_(leaf, 0.5, L1)
    assert not torch.equal(leaf, before)


def test_backward_notices_prox():
    x = values(3, requires_grad=True)
    loss = x.square().sum()
    with torch.no_grad():
        prox_(x, 0.5, L1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_prox_refuses():
    x = values(3)
    for step in (-1.0, torch.inf, torch.nan):
        with pytest.raises(ValueError, match="Invalid step"):
            prox_(x, step, L1)
    with pytest.raises(RuntimeError, match="overlap"):
        prox_(x.expand(2, 3), 0.5, L1)


def step_by(optimizer, net, closure=True):
    def loss():
        optimizer.zero_grad()
        value = net(torch.ones(7)).square().sum()
        value.backward()
        return value

    if closure:
        optimizer.step(loss)
    else:
        loss()
        optimizer.step()


@pytest.mark.parametrize("closure", (False, True))
@pytest.mark.parametrize(
    "kind", (torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop)
)
def test_a_registered_prox_follows_every_step(kind, closure):
    net = model()
    twin = copy.deepcopy(net)
    optimizers = [kind(each.parameters(), lr=0.1) for each in (net, twin)]
    handle = register_prox(optimizers[0], l1=0.5, l2=0.25)
    for _ in range(3):
        step_by(optimizers[0], net, closure)
        step_by(optimizers[1], twin, closure)
        with torch.no_grad():
            prox_(twin, 0.1, l1=0.5, l2=0.25)
        assert all(map(torch.equal, net.parameters(), twin.parameters()))
    assert any((x == 0.0).any() for x in net.parameters())
    handle.remove()
    step_by(optimizers[0], net, closure)
    step_by(optimizers[1], twin, closure)
    assert all(map(torch.equal, net.parameters(), twin.parameters()))


def test_a_registered_prox_takes_groups_schedules_and_states():
    net = model()
    bias = [net[0].bias, net[2].bias]
    weights = [
        {"params": [net[0].weight, net[2].weight]},
        {"params": bias, "l1": 0.0, "lr": 0.25},
    ]
    optimizer = torch.optim.SGD(weights, lr=torch.tensor(0.125))
    register_prox(optimizer, l1=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    for lr in (0.125, 0.0625):
        twin = copy.deepcopy(net)
        step_by(optimizer, net)
        plain = torch.optim.SGD(
            [
                {"params": [twin[0].weight, twin[2].weight]},
                {"params": [twin[0].bias, twin[2].bias], "lr": 2 * lr},
            ],
            lr=lr,
        )
        step_by(plain, twin)
        with torch.no_grad():
            prox_([twin[0].weight, twin[2].weight], lr, 0.5)
        for x, y in zip(net.parameters(), twin.parameters(), strict=True):
            assert torch.equal(x, y)
        scheduler.step()
    state = optimizer.state_dict()
    assert (
        state["param_groups"][1]["l1"] == 0.0 and "l1" not in state["param_groups"][0]
    )
    state["param_groups"][1]["l1"] = 1e6
    optimizer.load_state_dict(state)
    step_by(optimizer, net)
    assert not any(x.any() for x in bias)


def test_a_registered_prox_leaves_alone_what_the_step_does():
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    register_prox(optimizer, l1=1e6)
    before = copy.deepcopy(net)
    net[2](torch.ones(5)).sum().backward()
    optimizer.step()
    assert torch.equal(net[0].weight, before[0].weight)
    assert not net[2].weight.any()


@pytest.mark.parametrize("fused", (False, True))
def test_a_registered_prox_with_a_gradient_scaler(fused):
    net = model()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, fused=fused)
    register_prox(optimizer, l1=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    before = copy.deepcopy(net)
    for bad in (True, False):
        optimizer.zero_grad()
        scaler.scale(net(torch.ones(7)).square().sum()).backward()
        add_gradient_(net, L1, L2, scale=scaler.get_scale())
        if bad:
            net[0].weight.grad[0, 0] = torch.inf
        scaler.step(optimizer)
        scaler.update()
        changed = [
            not torch.equal(x, y)
            for x, y in zip(net.parameters(), before.parameters(), strict=True)
        ]
        assert any(changed) is not bad
    assert any((x == 0.0).any() for x in net.parameters())


def test_register_prox_refuses():
    net = model()
    optimizer = torch.optim.SGD([{"params": net.parameters(), "l1": -1.0}], lr=0.1)
    with pytest.raises(ValueError, match="Invalid l1"):
        register_prox(optimizer)
    del optimizer.param_groups[0]["l1"], optimizer.param_groups[0]["lr"]
    with pytest.raises(ValueError, match="no step size"):
        register_prox(optimizer)


# Bad input.


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


# Several processes.


def test_exact_sums_of_one_process():
    net = model()
    sums = l1l2.ExactSums()
    for x in net.parameters():
        sums.add(x.detach())
    assert exact_sums(net) == sums == exact_sums(net, plain="sharded")
    assert exact_sums(values(3, 4).T[::2]).count == 6


def test_the_same_bits_for_any_number_of_processes(tmp_path):
    script = pathlib.Path(__file__).with_name("shards_of_torch.py")
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    results = set()
    for size in (3, 4):
        processes = [
            subprocess.Popen(
                [
                    sys.executable,
                    script,
                    tmp_path / f"store{size}",
                    str(rank),
                    str(size),
                ],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]
        try:
            for process in processes:
                said, complained = process.communicate(timeout=240)
                assert process.returncode == 0, complained
                results.add(said.split()[-1])
        finally:
            for process in processes:
                process.kill()
    assert len(results) == 1
