# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""A process of test_torch.py: shards_of_torch.py STORE RANK WORLD_SIZE."""

import pathlib
import sys

import l1l2
import l1l2.torch
import torch
import torch.distributed
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import (
    DeviceMesh,
    DTensor,
    Partial,
    Replicate,
    Shard,
    distribute_tensor,
    init_device_mesh,
)

REGULARIZER = l1l2.Regularizer(0.01, 0.02)


def expect_error(kind, words, function):
    try:
        function()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"no {kind}")


def check_sums(size):
    torch.manual_seed(0)  # the same in every process
    weights = torch.randn(7, 5) * 10.0 ** torch.randint(-6, 6, (7, 5))
    vector = torch.randn(11, dtype=torch.bfloat16)
    whole = l1l2.ExactSums()
    whole.add(weights)
    whole.add(vector)
    mesh = init_device_mesh("cpu", (size,))
    sharded = [
        distribute_tensor(weights, mesh, [Shard(1)]),
        distribute_tensor(vector, mesh, [Shard(0)]),
    ]
    copied = [distribute_tensor(weights, mesh, [Replicate()]), sharded[1]]
    parts = [part.clone() for part in torch.tensor_split(weights, size)]
    rank = torch.distributed.get_rank()
    for tensors, plain in (
        (sharded, None),
        (copied, None),
        ([weights, sharded[1]], "replicated"),
        ([parts[rank], sharded[1]], "sharded"),
    ):
        assert l1l2.torch.exact_sums(tensors, plain=plain) == whole
    if size == 4:
        grid = init_device_mesh("cpu", (2, 2))
        for placements in (
            [Replicate(), Shard(0)],
            [Shard(0), Shard(1)],
            [Shard(0), Replicate()],
        ):
            spread = distribute_tensor(weights, grid, placements)
            assert l1l2.torch.exact_sums([spread, sharded[1]]) == whole
    some = distribute_tensor(weights, DeviceMesh("cpu", [0, 1]), [Shard(0)])
    assert l1l2.torch.exact_sums([some, sharded[1]]) == whole
    expect_error(
        ValueError, "plain='sharded'", lambda: l1l2.torch.exact_sums([weights])
    )
    partial = DTensor.from_local(weights, mesh, [Partial()])
    expect_error(TypeError, "redistribute", lambda: l1l2.torch.exact_sums(partial))
    expect_error(TypeError, "redistribute", lambda: l1l2.torch.prox_(partial, 0.5, 0.1))
    expect_error(TypeError, "to_local", lambda: l1l2.torch.penalty(sharded))
    return l1l2.torch.exact_sums(sharded)


def check_groups(size):
    """Only the processes of a group hold the tensors and add their sums."""
    groups = [range(2), range(2, size)]
    made = [torch.distributed.new_group([*group]) for group in groups]
    rank = torch.distributed.get_rank()
    own, count = made[rank // 2], len(groups[rank // 2])
    x = torch.ones(5)
    assert l1l2.torch.exact_sums(x, own, plain="sharded").count == 5 * count
    assert l1l2.torch.exact_sums(x, own, plain="replicated").count == 5
    if count == 1:
        assert l1l2.torch.exact_sums(x, own).count == 5


def check_versions(size):
    """A backward that needs what a DTensor or its part was before finds out."""
    mesh = init_device_mesh("cpu", (size,))
    spread = distribute_tensor(torch.randn(8, 3), mesh, [Shard(0)])
    for tensor in (spread, spread.to_local()):
        tensor.requires_grad_()
        loss = tensor.square().sum()
        with torch.no_grad():
            l1l2.torch.prox_(spread, 0.5, 0.1)
        expect_error(RuntimeError, "modified by an inplace operation", loss.backward)


def check_training(size):
    """FSDP2 with proximal steps gives the bits that one process gives without it."""
    torch.manual_seed(1)
    model = torch.nn.Linear(6, 5)
    alone = torch.nn.Linear(6, 5)
    alone.load_state_dict(model.state_dict())
    fully_shard(model, mesh=init_device_mesh("cpu", (size,)))
    for net in (model, alone):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        l1l2.torch.register_prox(optimizer, l1=0.1)
        net(torch.ones(2, 6)).square().mean().backward()
        optimizer.step()
    for spread, whole in zip(model.parameters(), alone.parameters(), strict=True):
        assert torch.equal(spread.full_tensor() == 0.0, whole == 0.0)
        assert torch.allclose(spread.full_tensor(), whole)
    assert any((whole == 0.0).any() for whole in alone.parameters())
    penalty = l1l2.torch.exact_sums(model).penalty(REGULARIZER)
    assert abs(penalty / l1l2.torch.penalty(alone, 0.01, 0.02).item() - 1.0) < 1e-6


def main():
    store, rank, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.distributed.init_process_group(
        "gloo", init_method=pathlib.Path(store).as_uri(), rank=rank, world_size=size
    )
    sums = check_sums(size)
    check_groups(size)
    check_versions(size)
    check_training(size)
    torch.distributed.destroy_process_group()
    print(sums.penalty(REGULARIZER).hex())


main()
