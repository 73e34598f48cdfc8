# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The three ways in which TensorFlow runs a function."""

import pytest

tf = pytest.importorskip("tensorflow")

VERSION = tuple(map(int, tf.__version__.split(".")[:2]))
HAS_XLA = VERSION >= (2, 19)


def eager(function):
    return function


def graph(function):
    return tf.function(function)


def jit(function):
    return tf.function(function, jit_compile=True)


MODES = [
    eager,
    graph,
    pytest.param(
        jit,
        marks=pytest.mark.skipif(
            not HAS_XLA, reason=f"XLA of TensorFlow {tf.__version__} cannot call l1l2"
        ),
    ),
]
in_every_mode = pytest.mark.parametrize("mode", MODES)
