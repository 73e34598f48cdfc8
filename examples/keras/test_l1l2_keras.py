# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of l1l2_keras, whose numbers must be those of keras.regularizers.L1L2.

    python -m unittest test_l1l2_keras
"""

import copy
import gc
import os
import pathlib
import pickle
import tempfile
import unittest

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import l1l2
import l1l2_keras
import numpy
import tensorflow

COEFFICIENTS = ((0.01, 0.0), (0.0, 0.02), (0.01, 0.02))
WEIGHTS = numpy.random.default_rng(20).normal(size=(65, 31))
WEIGHTS[0, 0] = 0.0


def penalty_and_gradient(regularizer, x):
    """Returns both by a tape, the gradient that of 3 times the penalty."""
    with tensorflow.GradientTape() as tape:
        tape.watch(x)
        penalty = regularizer(x)
        scaled = 3.0 * penalty
    return penalty, tape.gradient(scaled, x)


def small_model(regularizer_class):
    keras.utils.set_random_seed(20)
    return keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(
                4,
                kernel_regularizer=regularizer_class(0.01, 0.02),
                bias_regularizer=regularizer_class(l1=0.03),
                activity_regularizer=regularizer_class(l2=0.04),
            ),
        ]
    )


def fit(model, **options):
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", **options)
    x = WEIGHTS[:, :8].astype("float32")
    model.fit(x, x[:, 4:], epochs=3, verbose=0)


class L1L2Test(unittest.TestCase):
    def test_penalty_and_gradient_are_those_of_keras(self):
        # Keras rounds the coefficients to float32, for float64, too.
        for dtype, rounding in (("float64", 1e-7), ("float32", 1e-6)):
            x = tensorflow.constant(WEIGHTS, dtype)
            for l1, l2 in COEFFICIENTS:
                with self.subTest(dtype=dtype, l1=l1, l2=l2):
                    theirs = keras.regularizers.L1L2(l1, l2)
                    for value, expected in zip(
                        penalty_and_gradient(l1l2_keras.L1L2(l1, l2), x),
                        penalty_and_gradient(theirs, x),
                        strict=True,
                    ):
                        self.assertEqual(value.dtype, x.dtype)
                        numpy.testing.assert_allclose(value, expected, rounding)

    def test_penalty_and_gradient_are_those_of_the_formula(self):
        for dtype, rounding in (
            ("float64", 1e-14),
            ("float32", 1e-6),
            ("float16", 1e-3),
            ("bfloat16", 1e-2),
        ):
            with self.subTest(dtype=dtype):
                x = tensorflow.constant(WEIGHTS, dtype)
                penalty, gradient = penalty_and_gradient(l1l2_keras.L1L2(0.01, 0.02), x)
                self.assertEqual((penalty.dtype, gradient.dtype), (x.dtype, x.dtype))
                exact = x.numpy().astype("float64")
                numpy.testing.assert_allclose(
                    penalty.numpy().astype("float64"),
                    0.01 * abs(exact).sum() + 0.02 * (exact**2).sum(),
                    rounding,
                )
                numpy.testing.assert_allclose(
                    gradient.numpy().astype("float64"),
                    3.0 * (0.01 * numpy.sign(exact) + 0.04 * exact),
                    rounding,
                )

    def test_penalty_of_float64_is_that_of_the_library_to_the_bit(self):
        for l1, l2 in COEFFICIENTS:
            expected = l1l2.Regularizer(l1, l2)(WEIGHTS).hex()
            for x in (
                tensorflow.constant(WEIGHTS),
                tensorflow.Variable(WEIGHTS),
                keras.Variable(WEIGHTS, dtype="float64"),
            ):
                with self.subTest(type=type(x), l1=l1, l2=l2):
                    penalty = l1l2_keras.L1L2(l1, l2)(x)
                    self.assertEqual(float(penalty).hex(), expected)

    def test_a_tensor_is_never_written(self):
        """TensorFlow holds tensors to be immutable."""
        x, regularizer = tensorflow.constant(WEIGHTS), l1l2.Regularizer(0.01, 0.02)
        for written in (x, memoryview(x)):
            with self.assertRaises(ValueError):
                regularizer.prox(written, 0.5)
            with self.assertRaises(ValueError):
                regularizer.add_gradient(WEIGHTS, written)
        numpy.testing.assert_array_equal(x, WEIGHTS)

    def test_second_derivative_is_that_of_the_formula(self):
        x = tensorflow.constant(WEIGHTS)
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            _, gradient = penalty_and_gradient(l1l2_keras.L1L2(0.01, 0.02), x)
        numpy.testing.assert_allclose(
            tape.gradient(gradient, x), numpy.full_like(WEIGHTS, 3.0 * 0.04), 1e-14
        )

    def test_training_gives_the_weights_that_keras_gives(self):
        ours = small_model(l1l2_keras.L1L2)
        theirs = small_model(keras.regularizers.L1L2)
        before = ours.get_weights()
        for model in (ours, theirs):
            fit(model, run_eagerly=True)
        for value, expected, start in zip(
            ours.get_weights(), theirs.get_weights(), before, strict=True
        ):
            numpy.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6)
            self.assertGreater(abs(value - start).max(), 0.01)

    def test_a_saved_model_is_loaded(self):
        model = small_model(l1l2_keras.L1L2)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.keras"
            model.save(path)
            loaded = keras.models.load_model(path)
        (layer,) = loaded.layers
        kernel, bias = layer.kernel_regularizer, layer.bias_regularizer
        self.assertIsInstance(kernel, l1l2_keras.L1L2)
        self.assertEqual(kernel.get_config(), {"l1": 0.01, "l2": 0.02})
        self.assertEqual(bias.get_config(), {"l1": 0.03, "l2": 0.0})
        self.assertEqual(
            [float(loss) for loss in loaded.losses],
            [float(loss) for loss in model.losses],
        )

    def test_a_config_of_keras_serves(self):
        config = keras.regularizers.L1L2(0.01, 0.02).get_config()
        self.assertEqual(l1l2_keras.L1L2.from_config(config).get_config(), config)
        self.assertEqual(l1l2_keras.L1L2(l1=None).get_config(), {"l1": 0.0, "l2": 0.0})

    def test_what_is_made_of_a_regularizer_outlives_it(self):
        x = tensorflow.constant(WEIGHTS)
        expected = l1l2_keras.L1L2(0.01, 0.02)(x)
        for make in (
            copy.copy,
            copy.deepcopy,
            lambda original: pickle.loads(pickle.dumps(original)),
            lambda original: original.from_config(original.get_config()),
        ):
            copied = make(l1l2_keras.L1L2(0.01, 0.02))
            gc.collect()
            self.assertEqual(copied(x), expected)
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            penalty = l1l2_keras.L1L2(0.0, 0.5)(x)
        # Only the tape still has that regularizer.
        gc.collect()
        numpy.testing.assert_allclose(tape.gradient(penalty, x), WEIGHTS, 1e-14)

    def test_a_graph_is_refused(self):
        regularizer = l1l2_keras.L1L2(0.01, 0.02)
        x = tensorflow.Variable([1.0, -2.0])
        with self.assertRaisesRegex(RuntimeError, "run_eagerly=True"):
            tensorflow.function(lambda: regularizer(x))()
        with self.assertRaisesRegex(RuntimeError, "run_eagerly=True"):
            fit(small_model(l1l2_keras.L1L2))

    def test_bad_coefficients_are_refused(self):
        for bad in (-1.0, float("nan"), float("inf")):
            with self.assertRaisesRegex(ValueError, "coefficient"):
                l1l2_keras.L1L2(l2=bad)


if __name__ == "__main__":
    unittest.main()
