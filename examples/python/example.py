# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The penalty, gradient, proximal operator and exact sums of NumPy arrays by libl1l2.

    pip install ../../bindings/python
    python example.py
"""

from concurrent.futures import ThreadPoolExecutor

import l1l2
import numpy

weights = numpy.array([0.5, -1.25, 0.0, 2.0], dtype=numpy.float32)
regularizer = l1l2.Regularizer(l1=0.01, l2=0.02)
print("penalty", regularizer(weights))

gradient = numpy.zeros_like(weights)
regularizer.add_gradient(weights, gradient)
print("gradient", gradient)

shrunk = numpy.empty_like(weights)
regularizer.prox(weights, 0.5, shrunk)
print("prox", shrunk)

# A view is read where it is.
print("penalty of every second weight", regularizer(weights[1::2]))

# What comes in pieces, in any order.
sums = l1l2.ExactSums()
for piece in (weights[3:], weights[:1], weights[1:3]):
    sums.add(piece)
print("penalty of", sums.count, "weights in three pieces", sums.penalty(regularizer))

# All tensors of a model in one call, on two threads.
terms = [l1l2.Term(regularizer, weights), l1l2.Term(l1l2.Regularizer(l1=0.1), weights)]
print("penalties", *l1l2.penalty_terms(terms, threads=2))

json = regularizer.to_json(l1l2.JsonStyle.KERAS3)
print(json)
print(l1l2.Regularizer.from_json(json))

try:
    l1l2.Regularizer(l1=-1.0)
except l1l2.L1L2Error as error:
    print(f"status {error.status}: {error}")
try:
    l1l2.Regularizer.from_json('{"l1": 0.01, "l3": 0.02}')
except l1l2.L1L2Error as error:
    print(f"status {error.status}: {error}")

# A regularizer never changes, so threads share it.
with ThreadPoolExecutor(4) as threads:
    print("on four threads", list(threads.map(regularizer, [weights] * 4)))

print("l1l2", l1l2.__version__, "on libl1l2", l1l2.version(), "with", l1l2.isa())
