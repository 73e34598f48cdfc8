# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""l1l2.torch, against torch's own functions and against the package's own."""

import doctest
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
)
from torch.autograd import gradcheck, gradgradcheck
from torch_support import (
    DTYPES,
    L1,
    L2,
    REGULARIZER,
    gradient_of,
    gradients_of,
    model,
    seed,  # noqa: F401, a fixture of all tests
    smooth,
    values,
    views,
)

VERSION = tuple(map(int, torch.__version__.split(".")[:2]))
warnings.filterwarnings("ignore", category=UserWarning, module="torch")


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


def test_64_axes_are_accepted():
    x = torch.full((1,) * 64, -2.0, requires_grad=True)
    result = penalty(x, l1=0.5)
    result.backward()
    assert result == 1.0 and x.grad.flatten() == -0.5
    with pytest.raises(RuntimeError, match="more than 64 axes"):
        penalty(torch.ones((1,) * 65), l1=0.5)


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


def test_defaults_of_the_process_have_no_effect():
    x = values(3)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            results = [penalty([], L1), penalties([], L1), add_gradient_([], L1)]
            value = add_gradient_(x, L1, L2)
    finally:
        torch.set_default_dtype(torch.float32)
    for result in results:
        assert result.dtype == torch.float32 and result.device.type == "cpu"
    assert torch.equal(value, penalty(x, L1, L2))


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
    leaves = [one.clone().requires_grad_() for _ in range(2)]
    assert add_gradient_(leaves, l1=1e-310).view(torch.int64) == bits


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


def test_scales_with_strides():
    net = model()
    penalties(net, L1, L2).sum().backward()
    for x in net.parameters():
        assert torch.equal(x.grad, gradient_of(x))
    xs, scales = [values(3), values(4)], torch.tensor([2.0, 9.0, 0.5, 9.0])[::2]
    one, other = OPS.gradients(xs, [L1] * 2, [L2] * 2, scales)
    assert torch.equal(one, gradient_of(xs[0], 2.0))
    assert torch.equal(other, gradient_of(xs[1], 0.5))


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
    assert not func.jacfwd(func.jacfwd(total))(x).any()  # as the page says
    second = func.hessian(total)(torch.tensor(2.0, dtype=torch.float16))
    assert second.dtype == torch.float16 and second.item() == pytest.approx(0.4, 1e-3)
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


@pytest.mark.skipif(VERSION < (2, 15), reason="as the page says")
@pytest.mark.parametrize("backend", ("eager", "aot_eager", "inductor"))
def test_add_gradient_in_a_compiled_function(backend):
    net = model()
    compiled = torch.compile(
        lambda: add_gradient_(net, L1, L2), backend=backend, fullgraph=True
    )
    for count in (1.0, 2.0):
        assert torch.equal(compiled(), penalty(net, L1, L2))
        for x in net.parameters():
            assert torch.equal(x.grad, gradient_of(x, count))


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


def test_batches_of_upstream_gradients_are_refused():
    x = values(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="Batching rule not implemented"):
        torch.autograd.functional.jacobian(
            lambda x: penalties([x, x], L1, L2), x, vectorize=True
        )
    jacobian = torch.func.jacrev(lambda x: penalties([x, x], L1, L2))(x.detach())
    assert torch.equal(jacobian, gradient_of(x).expand(2, 3))


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


# Several processes.


def test_exact_sums_of_one_process():
    net = model()
    sums = l1l2.ExactSums()
    for x in net.parameters():
        sums.add(x.detach())
    assert exact_sums(net) == sums == exact_sums(net, plain="sharded")
    assert exact_sums([{"params": values(3, 4).T[::2], "l1": 0.0}]).count == 6


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
