# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The L1L2 regularizer of Keras 3, with penalty and gradient computed by libl1l2.

    layer = keras.layers.Dense(32, kernel_regularizer=L1L2(l1=0.0001, l2=0.001))
    model.compile(..., run_eagerly=True)

It takes the place of keras.regularizers.L1L2 with the TensorFlow backend on the CPU. It
needs the package l1l2: pip install ../../bindings/python

The library cannot be called from TensorFlow's graphs: within one, which is what Keras
makes of a model without run_eagerly=True, RuntimeError is raised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import l1l2
import numpy
import tensorflow

_ValueAndGradient = tuple[tensorflow.Tensor, Callable[..., tensorflow.Tensor]]


@keras.saving.register_keras_serializable(package="l1l2")
class L1L2(keras.Regularizer):
    """Adds l1 * sum(|x|) + l2 * sum(x^2) to the loss.

    A model that was saved with it is loaded where this module has been imported.
    Threads may share it.

    The penalty reads the memory of the variable where it is. The gradient is made as a
    NumPy array, which is copied into a tensor, which TensorFlow multiplies into another:
    at its peak that is three times the memory of the variable.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        """Makes a regularizer of two coefficients, finite and >= 0; None is 0.

        Raises:
            ValueError: A coefficient is negative, infinite or NaN.
            RuntimeError: The backend of Keras is not TensorFlow.
        """
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError("l1l2_keras needs the TensorFlow backend of Keras")
        self._regularizer = l1l2.Regularizer(l1 or 0.0, l2 or 0.0)

    def __call__(self, x: Any) -> tensorflow.Tensor:
        """Returns the penalty of a tensor or variable: a scalar of its dtype.

        It is summed in double. Derivatives of every order are what the formula gives,
        with 0 for that of |x| at 0.

        Raises:
            RuntimeError: TensorFlow is making a graph.
            l1l2.L1L2Error: The dtype is no float of 16, 32 or 64 bits (status 12), or
                the memory is not the CPU's (17).
        """
        if not tensorflow.executing_eagerly():
            raise RuntimeError(
                "l1l2_keras.L1L2 cannot be part of a TensorFlow graph: compile the"
                " model with run_eagerly=True"
            )
        regularizer = self._regularizer

        # For TensorFlow what comes from outside is a constant. Without the first of
        # these two nothing would be trained; the second has the second derivative.
        @tensorflow.custom_gradient
        def penalty(x: tensorflow.Tensor) -> _ValueAndGradient:
            value = tensorflow.constant(regularizer(x), tensorflow.float64)
            return tensorflow.cast(value, x.dtype), lambda y: y * gradient(x)

        @tensorflow.custom_gradient
        def gradient(x: tensorflow.Tensor) -> _ValueAndGradient:
            value = numpy.zeros(x.shape, x.dtype.as_numpy_dtype)
            regularizer.add_gradient(x, value)
            return tensorflow.constant(value), lambda y: y * (2.0 * regularizer.l2)

        return penalty(tensorflow.convert_to_tensor(x))

    def get_config(self) -> dict[str, float]:
        """Returns {"l1": l1, "l2": l2}."""
        return self._regularizer.get_config()
