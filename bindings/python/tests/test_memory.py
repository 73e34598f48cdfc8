# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Peak memory, each case in a process of its own: no copies, no leaks."""

import subprocess
import sys

import pytest

PEAK = """
import gc, pathlib, l1l2, numpy
from arrays import Foreign

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])  # KiB
"""

NO_COPY = """
n = 1 << 28
x = numpy.ones(n, numpy.float32)
regularizer = l1l2.Regularizer(0.01, 0.02)
regularizer(x[:2]), regularizer(x[:2:2])  # code is loaded
before = peak()
penalty = regularizer(x)
assert regularizer(Foreign(x)) == regularizer(memoryview(x)) == penalty
assert l1l2.penalty_terms([l1l2.Term(regularizer, x)], threads=2).total == penalty
sums = l1l2.ExactSums()
sums.add(x)
assert (penalty, sums.absolute) == ((0.01 + 0.02) * n, n)
regularizer.prox(x.reshape(1 << 14, -1).T, 1.0)
assert x.max() < 1.0
regularizer.prox_step(x, None, 1.0)
regularizer.prox_step(x.reshape(1 << 14, -1).T, None, 1.0)
assert l1l2.clip_by_norm([x], 1.0, threads=2) > 1.0 > x.max() > 0.0
print(peak() - before)
"""

NO_LEAK = """
elements = numpy.ones(1 << 10, numpy.float32)

def forget(n):
    for i in range(n):
        regularizer = l1l2.Regularizer(0.01, 0.02)
        if i % 10 == 0:
            regularizer(elements), regularizer(Foreign(elements.copy()))
            regularizer(memoryview(elements)[::2]), l1l2.ExactSums().add(elements)
        cycle = [l1l2.Regularizer(0.01)]  # only a collection finds it
        cycle.append(cycle)
        if i % 10_000 == 0:
            gc.collect()

forget(10_000)
before = peak()
forget(200_000)
print(peak() - before)
"""

NO_LEAK_OF_CLOSED = """
import ctypes
n = 100_000
regularizers = [l1l2.Regularizer() for _ in range(n)]
for regularizer in regularizers:
    regularizer.close()
create, handle = ctypes.CDLL(l1l2.library_path()).l1l2_create, ctypes.c_void_p()
before = peak()
for _ in range(n):
    create(ctypes.c_double(), ctypes.c_double(), ctypes.byref(handle))
print(peak() - before)
"""


def rise_of(program):
    output = subprocess.check_output(
        [sys.executable, "-c", PEAK + program], cwd=sys.path[0], text=True
    )
    return int(output)


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@linux
def test_an_array_of_1_gib_is_not_copied():
    rise = rise_of(NO_COPY)
    print(f"peak memory rose by {rise} KiB")
    assert rise < 2 << 10


@linux
def test_forgotten_regularizers_are_freed():
    # The handles alone of one kind would be more than 6 MiB.
    assert rise_of(NO_LEAK) < 4 << 10


@linux
def test_a_closed_regularizer_has_no_handle():
    # The handles take at least 3 MiB.
    assert rise_of(NO_LEAK_OF_CLOSED) < 1 << 10
