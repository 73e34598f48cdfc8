#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""How far from the true penalty Keras's regularizer is on each backend, and ours:

    python3 bench/framework_accuracy.py [N [BACKEND...]]    N elements (100,000,000); tensorflow, jax, torch

Prints a table in Markdown. The elements are normals of deviation 0.02, l1 = l2 = 1e-4, and the errors are relative to
`l1l2.ExactSums`. Each row is a process of its own. "Whole" is one tensor. "Eight shards" are eight tensors: Keras's
penalties are added as they are, as a training loop does, and ours are exact sums that are merged.

Needs the package l1l2 (bindings/python), Keras and its backends.
"""

import importlib
import json
import os
import subprocess
import sys

N = 100_000_000
L1 = L2 = 1e-4
SHARDS = 8
BACKENDS = ("tensorflow", "jax", "torch")
DTYPES = ("float32", "bfloat16")


def use_threads(backend: str, threads: int) -> None:
    """Must run before a framework is imported."""
    os.environ.update(
        KERAS_BACKEND=backend,
        OMP_NUM_THREADS=str(threads),
        TF_NUM_INTRAOP_THREADS=str(threads),
        TF_NUM_INTEROP_THREADS="1",
        TF_CPP_MIN_LOG_LEVEL="3",
        JAX_PLATFORMS="cpu",
        CUDA_VISIBLE_DEVICES="",
    )
    # XLA has as many threads as there are CPUs.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def measure(backend: str, threads: int, dtype: str, n: int) -> dict[str, list[float]]:
    """The errors of the penalty of the whole and of the shards, by Keras and by l1l2."""
    use_threads(backend, threads)
    import keras
    import ml_dtypes
    import numpy

    import l1l2

    x = numpy.random.default_rng(1).standard_normal(n, dtype=numpy.float32) * numpy.float32(0.02)
    elements = x.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else numpy.float32)
    whole = keras.ops.convert_to_tensor(elements, dtype)
    shards = [keras.ops.convert_to_tensor(shard, dtype) for shard in numpy.array_split(elements, SHARDS)]

    sums = l1l2.ExactSums()
    sums.add(elements)
    ours = l1l2.Regularizer(L1, L2)
    exact = sums.penalty(ours)

    def error(value: object) -> float:
        return float(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))) / exact - 1.0

    theirs = keras.regularizers.L1L2(L1, L2)
    added = theirs(shards[0])
    for shard in shards[1:]:
        added = added + theirs(shard)
    penalty = importlib.import_module(f"l1l2.{backend}").penalty
    merged = l1l2.ExactSums()
    for shard in shards:
        merged.add(shard)
    return {
        "Keras": [error(theirs(whole)), error(added)],
        "l1l2": [error(penalty(whole, l1=L1, l2=L2)), merged.penalty(ours) / exact - 1.0],
    }


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else N
    print(f"Relative error of the penalty of {n:,} elements:\n")
    print("| elements | by | backend | threads | whole | eight shards |\n|---|---|---|---:|---:|---:|")
    for dtype in DTYPES:
        for backend in sys.argv[2:] or BACKENDS:
            for threads in (1, 2):
                command = [sys.executable, __file__, "--one", backend, str(threads), dtype, str(n)]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                for name, errors in json.loads(output.splitlines()[-1]).items():
                    shown = " | ".join(f"{error:.0e}" for error in errors)
                    print(f"| {dtype} | {name} | {backend} | {threads} | {shown} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))))
    else:
        main()
