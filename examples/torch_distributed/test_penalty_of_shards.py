# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of penalty_of_shards.py.

    python -m unittest test_penalty_of_shards
"""

import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import unittest

import l1l2
import penalty_of_shards
import torch

PROGRAM = penalty_of_shards.__file__
DATA = pathlib.Path(__file__).resolve().parents[1] / "data/digits/weights"
WEIGHTS = sorted(map(str, DATA.glob("*.npy")))
COUNT = 4402
TIMEOUT = 120


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, PROGRAM, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_of(what, value):
    return f"{what:30} {value!r:>22}  {struct.pack('>d', value).hex()}"


class PenaltyOfShards(unittest.TestCase):
    def setUp(self):
        # Without any cut, and the other way round.
        sums = l1l2.ExactSums()
        for parameter in reversed(penalty_of_shards.load(WEIGHTS)):
            sums.add(parameter.detach())
        self.assertEqual(sums.count, COUNT)
        penalty = sums.penalty(l1l2.Regularizer(1e-4, 1e-3))
        self.exact = line_of(f"exact, {COUNT} elements", penalty)

    def output_of(self, process):
        try:
            said, complained = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 0, complained)
        return said.splitlines()

    def assert_output(self, lines, size):
        """A line for each rank, which have all elements, then the sum and the penalty."""
        self.assertEqual(len(lines), size + 2)
        counts = [
            int(re.match(r"rank \d+, (\d+) elements", line)[1]) for line in lines[:-2]
        ]
        self.assertEqual(sum(counts), COUNT)
        self.assertTrue(lines[-2].startswith("sum of the ranks' penalties "))
        self.assertEqual(lines[-1], self.exact)

    def test_the_same_bits(self):
        rounded = set()
        for size in (1, 2, 3, 4):
            with self.subTest(size=size):
                process = start("--processes", str(size), *WEIGHTS)
                lines = self.output_of(process)
                print("", *lines, sep="\n")
                self.assert_output(lines, size)
                rounded.add(lines[-2])
        # Without exact sums the number of processes shows.
        self.assertGreater(len(rounded), 1)

    def test_the_environment_of_torchrun(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        processes = [
            start(
                *WEIGHTS,
                MASTER_ADDR="127.0.0.1",
                MASTER_PORT=port,
                WORLD_SIZE="2",
                RANK=rank,
            )
            for rank in "01"
        ]
        try:
            self.assert_output(self.output_of(processes[0]), 2)
            self.assertEqual(self.output_of(processes[1]), [])
        finally:
            for process in processes:
                process.kill()

    def test_dtypes(self):
        dtypes = {parameter.dtype for parameter in penalty_of_shards.load(WEIGHTS)}
        self.assertEqual(len(dtypes), 4)

    def test_shards(self):
        """Are of one size, and together without padding the parameters."""
        for shapes in ([(1,)], [(2, 5)], [(3, 4), (7,), ()], [(0, 2), (5,)], [(0,)]):
            parameters = [torch.nn.Parameter(torch.rand(shape) + 1) for shape in shapes]
            flat = torch.cat([parameter.reshape(-1) for parameter in parameters])
            for size in range(1, 9):
                shards = [
                    penalty_of_shards.shard_of(parameters, rank, size)
                    for rank in range(size)
                ]
                self.assertEqual(len({shard.values.numel() for shard in shards}), 1)
                elements = torch.cat([shard.elements for shard in shards])
                self.assertTrue(torch.equal(elements, flat))
                padding = sum(shard.padding for shard in shards)
                self.assertEqual(padding, -flat.numel() % size)
                for values, count in shards:
                    self.assertFalse(values[values.numel() - count :].any())

    def test_refused(self):
        for arguments, why in (
            (("--processes", "0", *WEIGHTS), "--processes must be 1 or more"),
            (("--l1", "-1", *WEIGHTS), "a coefficient is not a finite number >= 0"),
            (("--processes", "2", "none.npy"), "none.npy"),
        ):
            process = start(*arguments)
            _, complained = process.communicate(timeout=TIMEOUT)
            self.assertNotEqual(process.returncode, 0)
            self.assertIn(why, complained)


if __name__ == "__main__":
    unittest.main()
