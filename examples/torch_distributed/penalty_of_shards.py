# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The penalty of parameters that are sharded over the processes of torch.distributed.

    torchrun --nproc-per-node 4 penalty_of_shards.py WEIGHTS.npy...
    python penalty_of_shards.py --processes 4 WEIGHTS.npy...

Parameters are sharded as FSDP shards them: all of one dtype become one flat parameter,
padded with zeros so that each rank has a shard of the same size. Each rank adds the
elements of its shards, without the padding, to an accumulator of exact sums, and
torch.distributed adds the accumulators as it adds any integers. Every rank then has the
penalty of the whole, the true value rounded once, which has the same bits for any number
of ranks.

For comparison the program also adds the ranks' own penalties. The last digits of that sum
depend on how the parameters were cut.

The CPU must be able to read the shards. With NCCL only the accumulator (1656 bytes) moves
to the GPU and back: torch.from_numpy(sums.array).cuda().

It needs the package l1l2: pip install ../../bindings/python
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import l1l2
import numpy
import torch
import torch.distributed
import torch.multiprocessing

#: A model in mixed precision: what layers of these names have, by their files.
DTYPES = {
    "hidden": torch.bfloat16,
    "sparse": torch.float16,
    "output": torch.float64,
}
#: No process waits longer for the others.
TIMEOUT = datetime.timedelta(seconds=60)


class Shard(NamedTuple):
    """What a rank has of a flat parameter."""

    values: torch.Tensor
    padding: int  #: so many of them, at the end, stand for no element

    @property
    def elements(self) -> torch.Tensor:
        return self.values[: self.values.numel() - self.padding]


class Part(NamedTuple):
    """A rank's own penalty, rounded, and of how many elements."""

    penalty: float
    count: int


def load(paths: Sequence[str]) -> list[torch.nn.Parameter]:
    """Returns the parameters of files LAYER.VARIABLE.npy."""
    parameters = []
    for path in paths:
        layer = pathlib.Path(path).name.partition(".")[0]
        values = torch.from_numpy(numpy.load(path))
        parameters.append(torch.nn.Parameter(values.to(DTYPES.get(layer))))
    return parameters


def shard_of(parameters: list[torch.nn.Parameter], rank: int, size: int) -> Shard:
    """Returns a rank's shard of parameters of one dtype."""
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    padded = torch.nn.functional.pad(flat, (0, -flat.numel() % size))
    values = padded.chunk(size)[rank]
    after = flat.numel() - rank * values.numel()
    return Shard(values, values.numel() - min(max(after, 0), values.numel()))


def shards_of(
    parameters: list[torch.nn.Parameter], rank: int, size: int
) -> Iterator[Shard]:
    """Yields a rank's shards, of one flat parameter for each dtype."""
    groups: dict[torch.dtype, list[torch.nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(parameter.dtype, []).append(parameter)
    for group in groups.values():
        yield shard_of(group, rank, size)


def exact_sums_of(shards: list[Shard]) -> l1l2.ExactSums:
    """Returns the exact sums of all ranks' shards, to every rank."""
    sums = l1l2.ExactSums()
    for shard in shards:
        sums.add(shard.elements)
    # In place: the tensor is the accumulator's memory.
    torch.distributed.all_reduce(torch.from_numpy(sums.array))
    # Every method checks the sums. A failure here means that the reduction damaged them.
    sums.check()
    return sums


def rounded_part(regularizer: l1l2.Regularizer, shards: list[Shard]) -> Part:
    return Part(
        sum(regularizer(shard.elements) for shard in shards),
        sum(shard.elements.numel() for shard in shards),
    )


def show(what: str, value: float) -> None:
    print(f"{what:30} {value!r:>22}  {struct.pack('>d', value).hex()}")


def run(regularizer: l1l2.Regularizer, paths: Sequence[str]) -> None:
    """What each process does."""
    rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    # Here every rank reads everything; with FSDP each has its shards already.
    shards = list(shards_of(load(paths), rank, size))

    part = rounded_part(regularizer, shards)
    parts = [part] * size
    torch.distributed.all_gather_object(parts, part)
    rounded = torch.tensor(part.penalty, dtype=torch.float64)
    torch.distributed.all_reduce(rounded)
    sums = exact_sums_of(shards)
    if rank == 0:
        for i, part in enumerate(parts):
            show(f"rank {i}, {part.count} elements", part.penalty)
        show("sum of the ranks' penalties", rounded.item())
        show(f"exact, {sums.count} elements", sums.penalty(regularizer))
    torch.distributed.destroy_process_group()


def run_one_of(
    rank: int, size: int, store: str, regularizer: l1l2.Regularizer, paths: list[str]
) -> None:
    """What a process does that was started here."""
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=size,
        timeout=TIMEOUT,
    )
    run(regularizer, paths)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", nargs="+", metavar="WEIGHTS.npy")
    parser.add_argument("--l1", type=float, default=1e-4)
    parser.add_argument("--l2", type=float, default=1e-3)
    parser.add_argument(
        "--processes", type=int, default=2, help="how many, if torchrun starts none"
    )
    options = parser.parse_args(arguments)
    if options.processes < 1:
        parser.error("--processes must be 1 or more")
    try:
        regularizer = l1l2.Regularizer(options.l1, options.l2)
    except l1l2.L1L2Error as error:
        parser.error(str(error))
    if "RANK" in os.environ:
        # Under torchrun, whose environment says all that is needed.
        torch.distributed.init_process_group("gloo", timeout=TIMEOUT)
        run(regularizer, options.weights)
        return
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            run_one_of,
            (options.processes, f"{folder}/store", regularizer, options.weights),
            options.processes,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
