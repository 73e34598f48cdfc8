# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""What a call costs on 16 elements, beside an empty call by ctypes: python benchmark.py"""

import array
import ctypes
import statistics
import time

import l1l2
import numpy

CALLS, ROUNDS = 10_000, 31


def nanoseconds_of(function):
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        function()
    return (time.perf_counter_ns() - start) / CALLS


x, y = numpy.arange(16, dtype=numpy.float32), numpy.zeros(16, numpy.float32)
gradient = numpy.ones(16, numpy.float32)
buffer, strided = array.array("f", x), numpy.zeros(32, numpy.float32)[::2]
regularizer, sums = l1l2.Regularizer(0.01, 0.02), l1l2.ExactSums()
functions = {
    "empty call": ctypes.CDLL(l1l2.library_path()).l1l2_version_number,
    "penalty of 16 elements": lambda: regularizer.penalty(x),
    "penalty of an array.array": lambda: regularizer.penalty(buffer),
    "penalty of a strided array": lambda: regularizer.penalty(strided),
    "add_gradient": lambda: regularizer.add_gradient(x, y),
    "prox": lambda: regularizer.prox(x, 0.1, y),
    "prox_step": lambda: regularizer.prox_step(x, gradient, 0.1, None, y),
    "ExactSums.add": lambda: sums.add(x),
}
# In rounds, so that all of them see the same machine.
times = [
    [nanoseconds_of(function) for function in functions.values()] for _ in range(ROUNDS)
]
medians = dict(zip(functions, map(statistics.median, zip(*times))))
empty, penalty = medians["empty call"], medians["penalty of 16 elements"]
print(f"empty call {empty:.0f} ns, penalty of 16 elements {penalty:.0f} ns")
for name, median in [*medians.items()][2:]:
    print(f"{name}: {median:.0f} ns")
