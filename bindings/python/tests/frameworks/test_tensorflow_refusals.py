# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""What l1l2.tensorflow refuses, and in which words."""

import numpy
import pytest

tf = pytest.importorskip("tensorflow")

import l1l2.tensorflow as tested
from l1l2.tensorflow import assign_prox, gradient, penalty, prox
from tensorflow_modes import HAS_XLA, eager, graph, in_every_mode, jit


def test_coefficients_of_another_number_of_tensors_are_refused():
    ones = tf.ones(3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="two coefficients"):
        tested._ops.l1l2_penalty(
            x=[ones, ones], result_type=tf.float32, coefficients=[0, 0]
        )


@in_every_mode
def test_tensors_of_the_wrong_kind(mode):
    dense = tf.ones([2, 2])
    for x, message in (
        (tf.sparse.from_dense(dense), "SparseTensor.*x.values"),
        (
            tf.RaggedTensor.from_row_lengths([1.0, 2.0], [1, 1]),
            "RaggedTensor.*x.values",
        ),
        (tf.IndexedSlices(dense, tf.constant([0, 1])), "IndexedSlices.*x.values"),
        (tf.cast(dense, tf.complex64), "complex64.*tf.cast"),
        (tf.cast(dense, tf.int32), "int32.*tf.cast"),
        (tf.cast(dense, tf.bool), "bool.*tf.cast"),
        (tf.constant("x"), "string.*tf.cast"),
        (tf.cast(dense, tf.qint8), "qint8.*tf.cast"),
    ):
        for function in (penalty, gradient, lambda x, l1: prox(x, 0.1, l1)):
            with pytest.raises(TypeError, match=message):
                mode(lambda x, f=function: f(x, 0.1))(x)


@in_every_mode
def test_coefficients_of_the_wrong_kind(mode):
    x = tf.ones(3)
    # Not as an argument of a tf.function, which would make a tensor of it.
    by = lambda l2: lambda x: penalty(x, l2=l2)  # noqa: E731
    for good in (1, numpy.float32(1.0), numpy.array(1.0), numpy.array(1)):
        assert float(mode(by(good))(x)) == 3.0
    bad_ones = tf.constant(0.1), tf.Variable(0.1), "0.1", None, True
    for bad in (*bad_ones, numpy.array([0.1]), numpy.array(True), numpy.array("1")):
        with pytest.raises(TypeError, match=r"l2 must be a Python number.*l2=1\.0"):
            mode(by(bad))(x)
    for bad in (-1.0, numpy.nan, numpy.inf):
        with pytest.raises(ValueError, match="l1 must be finite"):
            mode(lambda x, bad=bad: penalty(x, l1=bad))(x)
    with pytest.raises((TypeError, ValueError), match="structure"):
        mode(lambda x: penalty([x, x], l1=[0.1]))(x)


@in_every_mode
def test_steps_of_the_wrong_kind(mode):
    x = tf.ones(3)
    for bad in (-1.0, numpy.nan, numpy.inf):
        with pytest.raises(tf.errors.InvalidArgumentError, match="step"):
            mode(lambda x, step: prox(x, step, 0.1))(x, tf.constant(bad))
        with pytest.raises(ValueError, match=f"a step must be finite.*{bad}"):
            mode(lambda x, bad=bad: prox(x, bad, 0.1))(x)
    for bad, kind in (
        (tf.constant([0.1, 0.2]), r"float32.*\(2,\)"),
        (tf.constant([0.1]), r"float32.*\(1,\)"),
        (tf.constant([]), r"float32.*\(0,\)"),
        (0.1 + 3j, "complex128"),
        (True, "bool"),
        ("0.1", "string"),
    ):
        with pytest.raises(TypeError, match=f"a step must be a real scalar.*{kind}"):
            mode(lambda x, bad=bad: prox(x, bad, 0.1))(x)
    with pytest.raises(TypeError, match=r"tf\.Variable"):
        assign_prox([tf.Variable(1.0), tf.ones(3)], 0.1, 0.1)


@in_every_mode
def test_steps_whose_shape_is_not_known_when_the_graph_is_made(mode):
    if mode is eager:

        def function(step):
            return tested._ops.l1l2_prox(x=[tf.ones(3)], step=step, coefficients=[0, 0])

    else:
        function = tf.function(
            lambda step: prox(tf.ones(3), step, 0.1),
            [tf.TensorSpec(None, tf.float64)],
            jit_compile=mode is jit,
        )
    for bad in ([0.1, 0.2], []):
        with pytest.raises(tf.errors.InvalidArgumentError):
            function(tf.constant(bad, tf.float64))


def test_a_tensor_of_another_device(monkeypatch):
    class Elsewhere:
        dtype = tf.float32
        device = "/job:localhost/replica:0/task:0/device:GPU:0"

    monkeypatch.setattr(tested.tf, "convert_to_tensor", lambda x: Elsewhere())
    for function in (penalty, gradient, lambda x, l1: prox(x, 0.1, l1)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"GPU:0.*CPU:0"):
            function(1.0, 0.1)


def test_a_graph_for_xla_is_refused_at_once_where_xla_cannot_call(monkeypatch):
    monkeypatch.setattr(tested, "_xla_has_handlers", False)
    for function in (penalty, gradient, lambda x, l1: prox(x, 0.1, l1)):
        with pytest.raises(tf.errors.UnimplementedError, match="jit_compile=False"):
            jit(lambda x, f=function: f(x, 0.1))(tf.ones(3))
    assert float(graph(lambda x: penalty(x, 0.5))(tf.ones(3))) == 1.5


@pytest.mark.skipif(not HAS_XLA, reason="XLA of this TensorFlow cannot call l1l2")
def test_a_function_that_was_traced_without_xla_is_refused_by_it_by_name():
    inner = graph(lambda x: penalty(x, 0.5))
    assert float(inner(tf.ones(3))) == 1.5
    with pytest.raises(tf.errors.InvalidArgumentError, match="L1l2Penalty"):
        jit(lambda x: inner(x))(tf.ones(3))
    untraced = graph(lambda x: penalty(x, 0.5))
    assert float(jit(lambda x: untraced(x))(tf.ones(3))) == 1.5
