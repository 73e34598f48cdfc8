# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of l1l2.tensorflow, against the formula, NumPy and the library itself."""

import doctest
import functools
import gc
import pathlib
import re
import subprocess
import sys
import threading

import numpy
import pytest

tf = pytest.importorskip("tensorflow")

import l1l2
import l1l2.tensorflow as tested
from l1l2.tensorflow import assign_prox, gradient, penalty, prox
from tensorflow_modes import HAS_XLA, eager, in_every_mode, jit

COEFFICIENTS = ((0.01, 0.0), (0.0, 0.02), (1 / 3, 2 / 7))
DTYPES = (tf.float16, tf.bfloat16, tf.float32, tf.float64)
#: 131 is prime: no block of the library ends where a row does.
WEIGHTS = numpy.random.default_rng(20).normal(size=(131, 31))
WEIGHTS[0, :3] = 0.0, -0.0, 5e-39


def formula(x, l1, l2):
    """Returns the penalty, of double, of NumPy."""
    exact = x.numpy().astype("f8")
    return l1 * abs(exact).sum() + l2 * (exact**2).sum()


def bits(tensor):
    """Returns the elements as integers."""
    array = tensor.numpy()
    return array.view(f"u{array.itemsize}")


def penalty_and_gradient(x, l1, l2, factor=1.0):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = penalty(x, l1, l2)
        scaled = value * tf.cast(factor, value.dtype)
    return value, tape.gradient(scaled, x)


@in_every_mode
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("l1", "l2"), COEFFICIENTS)
def test_penalty_has_the_bits_of_the_library_rounded_once(mode, dtype, l1, l2):
    x = tf.constant(WEIGHTS, dtype)
    value = mode(lambda x: penalty(x, l1, l2))(x)
    expected = l1l2.Regularizer(l1, l2)(x.numpy())
    assert value.shape == ()
    assert value.dtype == (tf.float64 if dtype == tf.float64 else tf.float32)
    assert value.numpy() == value.numpy().dtype.type(expected)
    assert float(value) == pytest.approx(formula(x, l1, l2), rel=1e-7)


@in_every_mode
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("l1", "l2"), COEFFICIENTS)
def test_gradient_by_a_tape_and_without_has_the_bits_of_the_library(
    mode, dtype, l1, l2
):
    x = tf.constant(WEIGHTS, dtype)
    expected = numpy.zeros_like(x.numpy())
    l1l2.Regularizer(l1, l2).add_gradient(x.numpy(), expected)
    _, taped = mode(lambda x: penalty_and_gradient(x, l1, l2))(x)
    alone = mode(lambda x: gradient(x, l1, l2))(x)
    for value in (taped, alone):
        assert (value.dtype, value.shape) == (x.dtype, x.shape)
        numpy.testing.assert_array_equal(bits(value), expected.view(bits(x).dtype))


@in_every_mode
@pytest.mark.parametrize(
    ("dtype", "tolerance"), list(zip(DTYPES, (1e-3, 8e-3, 1e-6, 1e-14), strict=True))
)
@pytest.mark.parametrize(
    ("factor", "l1", "l2"),
    [
        (1024.0, 0.01, 0.02),
        # A factor, and then gradients without it, that float16 does not hold.
        (131072.0, 0.001, 0.002),
        (65536.0, 1e-9, 0.0),
        (1024.0, 1e-8, 0.0),
    ],
)
def test_gradient_is_multiplied_by_what_comes_from_above(
    mode, dtype, tolerance, factor, l1, l2
):
    x = tf.constant(WEIGHTS, dtype)
    exact = x.numpy().astype("f8")
    _, value = mode(lambda x: penalty_and_gradient(x, l1, l2, factor))(x)
    expected = factor * (l1 * numpy.sign(exact) + 2.0 * l2 * exact)
    assert value.dtype == dtype
    # In float16 a number below 6e-5 has fewer digits.
    subnormal = 3e-8 if dtype == tf.float16 else 0.0
    numpy.testing.assert_allclose(
        value.numpy().astype("f8"), expected, tolerance, subnormal
    )


@in_every_mode
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_the_second_derivative_is_scaled_in_float32(mode, dtype):
    x = tf.constant([2.0, -1.0, 0.0], dtype)

    def second(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            first = gradient(x, 0.0, 1e-9)
            loss = tf.reduce_sum(tf.cast(first, tf.float32)) * 1e4
        return tape.gradient(loss, x)

    numpy.testing.assert_allclose(
        mode(second)(x).numpy().astype("f4"), [2e-5] * 3, rtol=1e-2
    )


@in_every_mode
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_scaled_loss_that_overflows_gives_no_finite_gradient(mode, dtype):
    x = tf.constant([1.0, -2.0, 3.0], dtype)
    for factor in (numpy.inf, numpy.nan):
        _, value = mode(lambda x, f=factor: penalty_and_gradient(x, 0.1, 0.1, f))(x)
        assert not numpy.isfinite(value.numpy().astype("f4")).any()


@in_every_mode
def test_second_and_third_derivatives_are_those_of_the_formula(mode):
    x = tf.constant(WEIGHTS)

    def derivatives(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as middle:
                middle.watch(x)
                _, first = penalty_and_gradient(x, 0.01, 0.02)
                square = tf.reduce_sum(first**2)
            second = middle.gradient(square, x)
        return second, outer.gradient(second, x)

    second, third = mode(derivatives)(x)
    first = 0.01 * numpy.sign(WEIGHTS) + 0.04 * WEIGHTS
    numpy.testing.assert_allclose(second, 0.08 * first, rtol=1e-14)
    numpy.testing.assert_allclose(third, numpy.full_like(WEIGHTS, 0.08 * 0.04), 1e-13)


@in_every_mode
def test_the_derivative_by_the_factor_of_the_gradient(mode):
    """A loss may depend on the factor of a penalty by way of its gradient."""
    x, factor = tf.constant([1.0, -2.0]), tf.constant(3.0)

    def derivative(x, factor):
        with tf.GradientTape() as tape:
            tape.watch(factor)
            _, value = penalty_and_gradient(x, 0.5, 0.25, factor)
            loss = tf.reduce_sum(value * x)
        return tape.gradient(loss, factor)

    assert float(mode(derivative)(x, factor)) == 1.0 + 2.0 - -0.5 * 2.0 - 1.0 + 1.0


def test_forward_mode_gives_the_product_with_the_gradient():
    x = tf.constant(WEIGHTS)
    direction = tf.constant(WEIGHTS[::-1].copy())
    with tf.autodiff.ForwardAccumulator(x, direction) as forward:
        value = penalty(x, 0.01, 0.02)
    expected = numpy.vdot(gradient(x, 0.01, 0.02), direction)
    assert float(forward.jvp(value)) == pytest.approx(expected, rel=1e-12)


@in_every_mode
@pytest.mark.parametrize("dtype", DTYPES)
def test_prox_has_the_bits_of_the_library(mode, dtype):
    x = tf.constant(WEIGHTS, dtype)
    before = x.numpy().copy()
    value = mode(lambda x, step: prox(x, step, 10.0, 0.5))(x, tf.constant(0.05))
    expected = x.numpy().copy()
    l1l2.Regularizer(10.0, 0.5).prox(expected, float(numpy.float32(0.05)))
    a_double = mode(lambda x: prox(x, 0.05, 10.0, 0.5))(x)
    expected_by_double = x.numpy().copy()
    l1l2.Regularizer(10.0, 0.5).prox(expected_by_double, 0.05)
    numpy.testing.assert_array_equal(
        bits(a_double), expected_by_double.view(bits(x).dtype)
    )
    assert (value.dtype, value.shape) == (x.dtype, x.shape)
    numpy.testing.assert_array_equal(bits(value), expected.view(bits(x).dtype))
    assert 0 < numpy.count_nonzero(value) < WEIGHTS.size
    numpy.testing.assert_array_equal(x, before)  # tensors are immutable


@in_every_mode
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_derivative_of_prox(mode, dtype):
    x = tf.constant([0.5, -3.0, 2.0, 0.0], dtype)
    upstream = tf.constant([1.0, 2.0, 4.0, 8.0], dtype)

    def derivative(x, step):
        with tf.GradientTape() as tape:
            tape.watch([x, step])
            y, z = prox([x, tf.constant([4.0])], step, [2.0, 0.0], 0.25)
            loss = tf.reduce_sum(y * upstream)
            loss = tf.cast(loss, tf.float32) + tf.reduce_sum(z)
        return tape.gradient(loss, [x, step])

    by_x, by_step = mode(derivative)(x, tf.constant(0.5))
    assert by_x.dtype == dtype
    # 1 / (1 + 2 * 0.5 * 0.25) = 0.8
    numpy.testing.assert_allclose(
        by_x.numpy().astype("f8"), [0.0, 1.6, 3.2, 0.0], rtol=4e-3
    )
    # The results are 0, -1.6, 0.8 and 3.2.
    slopes = 2.0 * (2.0 + 0.8) + 4.0 * (-2.0 - 0.4) - 1.6
    assert float(by_step) == pytest.approx(0.8 * slopes, rel=2e-2)
    value = mode(lambda x: derivative(x, tf.constant(0.5))[0])(x)
    numpy.testing.assert_array_equal(value, by_x)

    def linear(x, step, l1, l2):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = prox(x, step, l1, l2)
        return tape.gradient(y, x)

    for step, l1, l2 in ((1.0, 0.0, 0.5), (1.0, 0.0, 0.0), (0.0, 1.0, 0.5)):
        slope = mode(lambda x, c=(step, l1, l2): linear(x, *c))(x)  # also at 0
        numpy.testing.assert_array_equal(slope, [1.0 / (1.0 + 2.0 * step * l2)] * 4)


@in_every_mode
def test_steps_that_are_tensors(mode):
    x = tf.constant(WEIGHTS)
    expected = prox(x, 2.0, 0.1, 0.2)
    # Not as an argument of a tf.function, which would make a tensor of it.
    by = lambda step: lambda x: prox(x, step, 0.1, 0.2)  # noqa: E731
    for step in (
        tf.constant(2.0, tf.float16),
        tf.constant(2.0, tf.bfloat16),
        tf.constant(2.0, tf.float64),
        tf.constant(2),
        tf.Variable(2.0),
        numpy.float32(2.0),
        numpy.array(2),
    ):
        value = mode(by(step))(x)
        numpy.testing.assert_array_equal(value, expected)
    function = functools.partial(prox, x, l1=0.1, l2=0.2)
    if mode is not eager:
        function = tf.function(
            function, [tf.TensorSpec(None, tf.float32)], jit_compile=mode is jit
        )
    numpy.testing.assert_array_equal(function(tf.constant(2.0)), expected)


@in_every_mode
def test_prox_is_assigned_to_variables(mode):
    variables = {
        "a": tf.Variable([0.5, -2.0]),
        "b": [tf.Variable([[1.0]], dtype=tf.float64)],
    }
    mode(lambda: assign_prox(variables, 0.5, l1=2.0))()
    assert variables["a"].numpy().tolist() == [0.0, -1.0]
    assert variables["b"][0].numpy().tolist() == [[0.0]]


@in_every_mode
def test_a_regularizer_in_the_place_of_l1(mode):
    x = tf.constant(WEIGHTS)
    regularizer = l1l2.Regularizer(0.1, 0.2)
    assert float(mode(lambda x: penalty(x, regularizer))(x)) == regularizer(WEIGHTS)
    numpy.testing.assert_array_equal(
        mode(lambda x: gradient(x, regularizer))(x), gradient(x, 0.1, 0.2)
    )
    numpy.testing.assert_array_equal(
        mode(lambda x: prox(x, 0.5, regularizer))(x), prox(x, 0.5, 0.1, 0.2)
    )
    variable = tf.Variable([2.0])
    mode(lambda: assign_prox(variable, 0.5, l1l2.Regularizer(2.0)))()
    assert variable.numpy().tolist() == [1.0]
    of_each = [regularizer, l1l2.Regularizer(l2=0.5)]
    assert float(mode(lambda x: penalty([x, x], of_each))(x)) == float(
        penalty([x, x], [0.1, 0.0], [0.2, 0.5])
    )
    for l2 in (0.3, [0.0, 0.3]):
        with pytest.raises(ValueError, match="either a regularizer or coefficients"):
            mode(lambda x, l2=l2: penalty([x, x], regularizer, l2))(x)
    with pytest.raises(TypeError, match="l2 must be"):
        mode(lambda x: penalty(x, 0.0, regularizer))(x)


@in_every_mode
def test_structures_of_tensors_in_one_call(mode):
    x = {
        "a": tf.constant(WEIGHTS, tf.float32),
        "b": [tf.constant(WEIGHTS, dtype) for dtype in (tf.float16, tf.bfloat16)],
    }
    l1 = {"a": 0.1, "b": [0.0, 0.2]}
    value, slopes = mode(lambda x: penalty_and_gradient(x, l1, 0.02))(x)
    flat = list(zip(tf.nest.flatten(x), tf.nest.flatten(l1), strict=True))
    expected = sum(l1l2.Regularizer(a, 0.02)(each.numpy()) for each, a in flat)
    assert float(value) == numpy.float32(expected)
    tf.nest.assert_same_structure(x, slopes)
    for slope, (each, a) in zip(tf.nest.flatten(slopes), flat, strict=True):
        numpy.testing.assert_array_equal(slope, gradient(each, a, 0.02))
    shrunk = mode(lambda x: prox(x, 0.5, l1, 0.02))(x)
    tf.nest.assert_same_structure(x, shrunk)
    for out, (each, a) in zip(tf.nest.flatten(shrunk), flat, strict=True):
        numpy.testing.assert_array_equal(out, prox(each, 0.5, a, 0.02))
    with_double = [*tf.nest.flatten(x), tf.constant(WEIGHTS)]
    assert mode(lambda x: penalty(x, 0.1))(with_double).dtype == tf.float64


@in_every_mode
def test_penalties_that_are_subnormal(mode):
    """The threads of TensorFlow take subnormal numbers for zero."""
    x = tf.constant([1.0, 3.0])
    value = mode(lambda x: penalty([x, x], [1e-40, 2e-40]))(x)
    assert value.numpy() == numpy.float32(12e-40)
    value = mode(lambda x: penalty([x, x], 1e-310))(tf.cast(x, tf.float64))
    assert value.numpy() == 8e-310


def test_no_tensors():
    assert float(penalty([], 0.1, 0.1)) == 0.0
    assert gradient({}, 0.1) == {}
    assert prox((), 0.1) == ()


@in_every_mode
def test_tensors_without_elements_and_without_axes(mode):
    value, slope = mode(lambda x: penalty_and_gradient(x, 0.5, 0.5))(tf.zeros([3, 0]))
    assert (float(value), slope.shape) == (0.0, (3, 0))
    value, slope = mode(lambda x: penalty_and_gradient(x, 0.5, 0.5))(tf.constant(-2.0))
    assert (float(value), float(slope)) == (3.0, -2.5)


@in_every_mode
def test_sizes_that_are_not_known_when_the_graph_is_made(mode):
    specification = [
        tf.TensorSpec([None, 31], tf.float32),
        tf.TensorSpec(None, tf.float64),
    ]

    def both(x, y):
        results = *penalty_and_gradient(x, 0.01, 0.02), prox([y, x], 0.5, 0.1)
        if mode is not eager:
            assert results[0].shape == ()
            assert results[1].shape.as_list() == [None, 31]
        return results

    function = both
    if mode is not eager:
        function = tf.function(both, specification, jit_compile=mode is jit)
    for rows in (131, 7, 0):
        x, y = tf.constant(WEIGHTS[:rows], tf.float32), tf.constant(WEIGHTS[:rows, :2])
        value, slope, shrunk = function(x, y)
        assert float(value) == float(penalty(x, 0.01, 0.02))
        numpy.testing.assert_array_equal(slope, gradient(x, 0.01, 0.02))
        for out, each in zip(shrunk, (y, x), strict=True):
            numpy.testing.assert_array_equal(out, prox(each, 0.5, 0.1))


@in_every_mode
def test_zero_coefficients_do_not_see_a_nan(mode):
    x = tf.constant([numpy.nan, 1.0])
    value, slope = mode(lambda x: penalty_and_gradient(x, 0.0, 0.0))(x)
    assert float(value) == 0.0
    assert slope.numpy().tolist() == [0.0, 0.0]
    assert numpy.isnan(mode(lambda x: penalty(x, 0.0, 0.1))(x))


@in_every_mode
def test_sums_that_float16_and_float32_do_not_hold(mode):
    heavy = tf.fill([300], tf.constant(20.0, tf.float16))
    assert float(mode(lambda x: penalty(x, l2=0.01))(heavy)) == 1200.0
    many = tf.fill([10_000_000], 0.1)
    assert float(mode(lambda x: penalty(x, l1=1.0))(many)) == numpy.float32(
        1000000.0149011612
    )


@in_every_mode
def test_variables_and_what_can_be_converted(mode):
    variable = tf.Variable(WEIGHTS)
    value = mode(lambda: penalty(variable, 0.01, 0.02))()
    assert float(value) == l1l2.Regularizer(0.01, 0.02)(WEIGHTS)
    assert float(mode(lambda: penalty(WEIGHTS, 0.01, 0.02))()) == float(value)
    assert float(penalty(numpy.float32(2.0), 0.5)) == 1.0


def test_the_graph_calls_the_library_without_python():
    function = tf.function(lambda x: penalty(x, 0.01, 0.02))
    made = function.get_concrete_function(tf.TensorSpec([None], tf.float32)).graph
    types = {operation.type for operation in made.get_operations()}
    assert types == {"Placeholder", "L1l2Penalty", "Identity"}


def test_loops_conditions_datasets_and_maps_in_graphs():
    rows = tf.constant(WEIGHTS, tf.float32)
    each = [float(penalty(row, 0.01, 0.02)) for row in rows]
    mapped = tf.vectorized_map(lambda row: penalty(row, 0.01, 0.02), rows)
    numpy.testing.assert_array_equal(mapped, each)
    dataset = tf.data.Dataset.from_tensor_slices(rows)
    numpy.testing.assert_array_equal(
        list(dataset.map(lambda row: penalty(row, 0.01, 0.02))), each
    )

    @tf.function
    def loop(rows):
        total = tf.constant(0.0)
        for row in rows:
            if penalty(row, 1.0) > 20.0:
                total += penalty(row, 0.01, 0.02)
        return total

    expected = sum(
        value for value, row in zip(each, rows, strict=True) if penalty(row, 1.0) > 20.0
    )
    assert 0.0 < float(loop(rows)) < sum(each)
    assert float(loop(rows)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.skipif(not HAS_XLA, reason="XLA of this TensorFlow cannot call l1l2")
def test_gradients_of_maps_and_forward_mode_for_xla():
    x = tf.constant(WEIGHTS[:3, :4])

    def over(map_rows):
        def function(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                values = map_rows(lambda row: penalty(row, 0.01, 0.02), x)
            return tape.gradient(values, x)

        return function

    def within(x):
        slopes = lambda row: penalty_and_gradient(row, 0.01, 0.02)[1]  # noqa: E731
        return tf.vectorized_map(slopes, x)

    def forward(x):
        with tf.autodiff.ForwardAccumulator(x, x) as accumulator:
            value = penalty(x, 0.01, 0.02)
        return accumulator.jvp(value)

    for function in (over(tf.map_fn), within):
        numpy.testing.assert_array_equal(jit(function)(x), gradient(x, 0.01, 0.02))
    with pytest.raises(Exception, match="No gradient defined"):
        jit(over(tf.vectorized_map))(x)
    with pytest.raises(TypeError):
        jit(forward)(x)
    assert float(tf.function(forward)(x)) == float(forward(x)) > 0.0


def test_a_saved_graph_is_loaded_by_another_process(tmp_path):
    module = tf.Module()
    module.weights = tf.Variable(WEIGHTS)
    module.function = tf.function(lambda: penalty(module.weights, 0.01, 0.02), [])
    tf.saved_model.save(module, str(tmp_path))
    program = (
        "import sys, tensorflow as tf, l1l2.tensorflow;"
        "loaded = tf.saved_model.load(sys.argv[1]);"
        "print(float(loaded.function()).hex())"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert out.stdout.strip() == l1l2.Regularizer(0.01, 0.02)(WEIGHTS).hex()


def test_an_op_without_its_library_says_what_to_import(tmp_path):
    program = (
        "import sys, tensorflow as tf, l1l2._extensions as e;"
        "ops = tf.load_op_library(str(e.path_of('_tensorflow')));"
        "ops.l1l2_penalty(x=[tf.ones(3)], result_type=tf.float32, coefficients=[0, 0])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "import l1l2.tensorflow first" in out.stderr


def test_threads_may_call_at_once():
    x = tf.constant(WEIGHTS)
    function = tf.function(lambda x: penalty_and_gradient(x, 0.01, 0.02))
    expected = float(function(x)[0])
    wrong = []

    def work():
        for _ in range(50):
            if (float(function(x)[0]), float(penalty(x, 0.01, 0.02))) != (
                expected,
                expected,
            ):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_memory_is_kept():
    resource = pytest.importorskip("resource")
    x = tf.zeros([1_000_000])

    def step():
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = penalty(x, 0.01, 0.02)
        prox(tape.gradient(value, x), 0.5, 0.1)

    for _ in range(20):
        step()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        step()
    gc.collect()
    # In KiB. Each step makes two tensors of 4 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


def test_without_tensorflow():
    program = (
        "import sys; sys.modules['tensorflow'] = None;"
        "import l1l2; l1l2.Regularizer(0.1);"
        "import l1l2.tensorflow"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert out.returncode == 1
    assert re.search(
        r"\nImportError: l1l2\.tensorflow needs TensorFlow 2\.16 or later \(.*\):"
        r" pip install 'l1l2\[tensorflow\]'\n$",
        out.stderr,
    )


def test_xla_of_this_version():
    assert tested._xla_has_handlers is HAS_XLA


def test_the_examples_of_the_module():
    assert doctest.testmod(tested).failed == 0


@pytest.mark.skipif(not HAS_XLA, reason="XLA of this TensorFlow cannot call l1l2")
def test_the_lines_of_the_documentation(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = pathlib.Path(__file__).resolve().parents[4] / "docs/frameworks.md"
    section = page.read_text().split("\n## TensorFlow\n")[1].split("\n## ")[0]
    (lines,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    exec(lines, {})
    assert float(capsys.readouterr().out) > 0.0
