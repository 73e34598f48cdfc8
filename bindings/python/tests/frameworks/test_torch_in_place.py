# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""What l1l2.torch writes in place: gradients and proximal operators."""

import copy

import pytest

torch = pytest.importorskip("torch")

from l1l2.torch import (
    add_gradient_,
    penalty,
    prox_,
    register_prox,
)
from torch_support import (
    DTYPES,
    L1,
    L2,
    REGULARIZER,
    gradient_of,
    model,
    seed,  # noqa: F401, a fixture of all tests
    values,
    views,
)

OPS = torch.ops.l1l2


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


def test_a_tensor_that_is_given_twice_is_refused():
    one, other = model(), model()
    other[0].weight = weight = one[0].weight
    before = weight.detach().clone()
    with torch.no_grad():
        for call in (
            lambda: add_gradient_([one, other], L1),
            lambda: add_gradient_([{"params": [one[0].weight] * 2, "l1": L1}]),
            lambda: prox_([one, other], 0.5, L1),
        ):
            with pytest.raises(ValueError, match="a tensor is given twice"):
                call()
        assert torch.equal(weight, before) and weight.grad is None
        both = torch.nn.ModuleList([one, other])
        add_gradient_(both, L1, L2)
        assert torch.equal(weight.grad, gradient_of(weight))
        prox_(both, 0.5, L1, L2)
    REGULARIZER.prox(before, 0.5)
    assert torch.equal(weight, before)
    weight.requires_grad_(False)  # then nothing is written to it
    assert add_gradient_([one, other], L1) == penalty([one, other], L1)


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


def test_prox_in_inference_mode():
    with torch.inference_mode():
        x = values(3)
        expected = x.clone()
        prox_(x, 0.5, L1, L2)
        REGULARIZER.prox(expected, 0.5)
        assert torch.equal(x, expected)


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


@pytest.mark.parametrize("l1, l2", ((0.5, 0.25), (0.0, 0.25), (0.5, 0.0)))
def test_a_registered_prox_takes_both_coefficients_and_those_of_groups(l1, l2):
    for group, defaults in (({}, (l1, l2)), ({"l1": l1, "l2": l2}, (0.125, 0.75))):
        x = values(9, requires_grad=True)
        expected = x.detach().clone()
        prox_(expected, 0.5, l1, l2)
        optimizer = torch.optim.SGD([{"params": [x], **group}], lr=0.5)
        register_prox(optimizer, *defaults)
        x.grad = torch.zeros(9)
        optimizer.step()
        assert torch.equal(x, expected)
    optimizer = torch.optim.SGD([{"params": [x], "l2": 1.0}], lr=0.5)
    register_prox(optimizer)  # a group's l2 alone is enough


def test_a_copy_of_an_optimizer_is_to_be_registered_anew():
    x = values(9, requires_grad=True)
    x.grad = torch.zeros(9)
    before = x.detach().clone()
    optimizer = torch.optim.SGD([x], lr=0.5)
    register_prox(optimizer, l1=1e6)
    duplicate = copy.deepcopy(optimizer)
    duplicate.step()
    (own,) = duplicate.param_groups[0]["params"]
    assert torch.equal(own, before)
    register_prox(duplicate, l1=1e6)
    duplicate.step()
    assert not own.any() and torch.equal(x, before)


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
