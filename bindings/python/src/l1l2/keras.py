# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The regularizers of Keras 3, computed by libl1l2, on TensorFlow, JAX and PyTorch.

    layer = keras.layers.Dense(32, kernel_regularizer=l1l2.keras.L1L2(l1=1e-4, l2=1e-3))

`L1L2`, `L1` and `L2` take the place of those of `keras.regularizers`, from which they
are derived, in every argument of a layer that takes a regularizer. `use` puts them into
a model that has Keras's, and `restore` takes them out.

They work with the default `compile` and `fit`, with `jit_compile=True`, with
`run_eagerly=True`, in training loops of one's own, and on variables of float16,
bfloat16, float32 and float64 in the memory of the CPU. TensorFlow calls the library
from XLA's code from TensorFlow 2.19 on; with an older one compile the model with
`jit_compile=False`.

**Numbers.** A penalty has the dtype of its tensor, as in Keras. It is summed in double
and rounded once to float32 and from there to the dtype, so that its bits are the same
on every backend. Coefficients are doubles. (Keras rounds them to the dtype, and sums in
it: in float16 its penalties overflow.)

**Saving.** A model is saved with the registered names "l1l2>L1L2", "l1l2>L1" and
"l1l2>L2". Import this module before loading it: otherwise Keras 3.15 puts its own
classes of these names in their place, without a word, and `use` puts ours back. A
penalty of a symbolic tensor is saved as "l1l2>Penalty", which `restore` leaves.
`get_config` returns what Keras's class returns.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

try:
    import keras
except ImportError as error:
    raise ImportError(
        f"l1l2.keras needs Keras 3 ({error}): pip install 'l1l2[keras]'"
    ) from error
if not hasattr(keras, "Operation"):
    raise ImportError(
        f"l1l2.keras needs Keras 3, not {keras.__version__}: pip install 'l1l2[keras]'"
    )

__all__ = ["L1", "L1L2", "L2", "Penalty", "restore", "use"]


def _penalty_of_backend() -> Callable[..., Any]:
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax", "torch"):
        raise ImportError(
            f"l1l2.keras has no functions for Keras's backend {backend!r}: set"
            " KERAS_BACKEND to tensorflow, jax or torch"
        )
    penalty: Callable[..., Any] = importlib.import_module(f"l1l2.{backend}").penalty
    return penalty


_penalty = _penalty_of_backend()


def _compute(x: Any, l1: float, l2: float) -> Any:
    x = keras.ops.convert_to_tensor(x)
    return keras.ops.cast(_penalty(x, l1=l1, l2=l2), x.dtype)


@keras.saving.register_keras_serializable(package="l1l2")
class Penalty(keras.Operation):
    """What a regularizer of a symbolic tensor becomes in a functional model."""

    def __init__(self, l1: float, l2: float, name: str | None = None) -> None:
        super().__init__(name=name)
        self.l1, self.l2 = l1, l2

    def call(self, x: Any) -> Any:
        """Return the penalty of a tensor, in its dtype."""
        return _compute(x, self.l1, self.l2)

    def compute_output_spec(self, x: Any) -> Any:
        """Return a symbolic scalar of the dtype of x."""
        return keras.KerasTensor((), dtype=x.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the coefficients and the name."""
        return {"l1": self.l1, "l2": self.l2, "name": self.name}


class _Regularizer:
    """The penalty of our classes, before that of Keras's in the order of bases."""

    l1: float
    l2: float

    def __call__(self, x: Any) -> Any:
        """Return l1 * sum(|x|) + l2 * sum(x^2), a scalar of the dtype of x.

        Parameters
        ----------
        x : keras.Variable, tensor of the backend or keras.KerasTensor
            Of any shape.

        Raises
        ------
        TypeError
            x is not dense, or not of float16, bfloat16, float32 or float64.
        Exception
            What the backend has for a tensor that is not in the CPU's memory.
        """
        if isinstance(x, keras.KerasTensor):
            return Penalty(self.l1, self.l2)(x)
        return _compute(x, self.l1, self.l2)


@keras.saving.register_keras_serializable(package="l1l2")
class L1L2(_Regularizer, keras.regularizers.L1L2):
    """Adds l1 * sum(|x|) + l2 * sum(x^2) to the loss, in place of Keras's L1L2.

    Any number of layers, models and threads may share it. Its coefficients become
    constants of compiled steps: after changing one, call `compile` again.

    Parameters
    ----------
    l1, l2 : float, optional
        Finite and >= 0. None is 0.0.

    Raises
    ------
    ValueError
        A coefficient is negative, infinite, NaN or no number, as in Keras.
    """


@keras.saving.register_keras_serializable(package="l1l2")
class L1(_Regularizer, keras.regularizers.L1):
    """Adds l1 * sum(|x|) to the loss, in place of Keras's L1.

    Parameters
    ----------
    l1 : float, optional
        Finite and >= 0. None is 0.01.

    Raises
    ------
    ValueError
        As for `L1L2`.
    """

    l2 = 0.0

    def __init__(self, l1: float | None = 0.01) -> None:
        super().__init__(l1)
        # Keras rounds it to float32.
        self.l1 = 0.01 if l1 is None else float(l1)


@keras.saving.register_keras_serializable(package="l1l2")
class L2(_Regularizer, keras.regularizers.L2):
    """Adds l2 * sum(x^2) to the loss, in place of Keras's L2.

    Parameters
    ----------
    l2 : float, optional
        Finite and >= 0. None is 0.01.

    Raises
    ------
    ValueError
        As for `L1L2`.
    """

    l1 = 0.0


_OURS = {
    keras.regularizers.L1L2: L1L2,
    keras.regularizers.L1: L1,
    keras.regularizers.L2: L2,
}
_KERAS = {ours: theirs for theirs, ours in _OURS.items()}


def use(model: keras.Layer) -> int:
    """Replace Keras's L1L2, L1 and L2 in a model, in place, by those of this module.

    It does so in all layers, layers and models within them, and their variables. The
    model may be built, compiled, trained or loaded. `fit`, `evaluate` and `predict` are
    compiled anew then; a `tf.function` or `jax.jit` of one's own is to be made anew.

    Parameters
    ----------
    model : keras.Model or keras.Layer
        It is changed. No other thread may use it meanwhile.

    Returns
    -------
    int
        How many regularizers were replaced: one that is shared counts once.
    """
    return _replace(model, _OURS)


def restore(model: keras.Layer) -> int:
    """Put Keras's regularizers back, as `use` puts in those of this module.

    Parameters
    ----------
    model : keras.Model or keras.Layer
        It is changed. No other thread may use it meanwhile.

    Returns
    -------
    int
        How many regularizers were replaced: one that is shared counts once.
    """
    return _replace(model, _KERAS)


def _replace(model: keras.Layer, classes: Mapping[Any, Any]) -> int:
    replaced: dict[int, tuple[Any, Any]] = {}  # by id; the old ones are kept alive

    def replacement_of(old: Any) -> Any:
        if id(old) not in replaced:
            new = classes[type(old)](**old.get_config())
            replaced[id(old)] = old, new
        return replaced[id(old)][1]

    for owner, name in _places(model):
        old = getattr(owner, name)
        if type(old) in classes:
            setattr(owner, name, replacement_of(old))
    for layer in model._flatten_layers():
        if replaced and isinstance(layer, keras.Model):
            # Compiled for the regularizers of before.
            layer.train_function = None
            layer.test_function = None
            layer.predict_function = None
    return len(replaced)


def _places(model: keras.Layer) -> Iterator[tuple[Any, str]]:
    """Yields the attributes that may be regularizers, with the object that has them."""
    for layer in model._flatten_layers():
        for name in list(vars(layer)):
            if name.endswith("regularizer"):
                yield layer, name
        for variable in layer.variables:
            yield variable, "regularizer"
