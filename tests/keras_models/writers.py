# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The libraries that write models, behind one interface.

A library of the second generation does not store which regularizer belongs to which variable, so
Keras2 listens while layers are built.
"""

from __future__ import annotations

import importlib
import typing

import numpy

#: The option of the command line, its package, and the first digits of the version.
PACKAGES = {
    "keras3": ("keras", "3.15."),
    "keras33": ("keras", "3.3."),
    "tf_keras": ("tf_keras", "2."),
    "tfjs": ("tf_keras", "2."),
    "keras212": ("keras", "2.12."),
    "keras224": ("keras", "2.2.4"),
    "keras122": ("keras", "1.2.2"),
}


KERAS3 = ("keras3", "keras33")
KERAS2 = ("tf_keras", "keras212")


class Writer:
    """What the libraries have in common."""

    is_keras3 = False
    #: Where a layer has the regularizer of its outputs.
    activity_attribute = "activity_regularizer"
    #: Whether a layer may hand copies of its regularizers to its parts.
    copies_regularizers = True

    def __init__(self, name: str, keras: typing.Any):
        self.name = name
        self.keras = keras
        self.layers = keras.layers
        self.regularizers = keras.regularizers
        self.version = keras.__version__
        #: Coefficients that the library rounds when it loads, and as they are in the file.
        self.in_file: dict[float, float] = {}

    def regularizer_of(self, variable: typing.Any) -> typing.Any:
        """What regularizes the variable, or None."""
        raise NotImplementedError

    def sublayers(self, layer: typing.Any) -> list[typing.Any]:
        """The layers directly below, in the order of the configuration."""
        raise NotImplementedError

    def variables(self, layer: typing.Any) -> list[typing.Any]:
        """The variables that the layer holds itself."""
        raise NotImplementedError

    def counts(self, model: typing.Any, variable: typing.Any) -> bool:
        """Whether the variable is one whose regularizer is in model.losses."""
        raise NotImplementedError

    def variable_name(self, variable: typing.Any) -> str:
        raise NotImplementedError

    def policy(self, name: str) -> typing.Any:
        raise NotImplementedError

    def reset(self) -> None:
        """Begins the numbers in names anew."""
        raise NotImplementedError

    def l1l2_classes(self) -> tuple[typing.Any, ...]:
        kinds = self.regularizers
        return (kinds.L1, kinds.L2, kinds.L1L2)

    def sequential(self, shape: tuple[int, ...], layers: typing.Any) -> typing.Any:
        """The layers on an input of this shape (without the batch)."""
        return self.keras.Sequential([self.keras.Input(shape), *layers])

    def value(self, variable: typing.Any) -> typing.Any:
        """As a NumPy array."""
        return numpy.array(variable)

    def scalar(self, loss: typing.Any) -> float:
        return float(loss)

    def losses(self, model: typing.Any) -> list[float]:
        """Keras's own, before any call of the model.

        Keras 2 has symbols among them, for regularizers of outputs.
        """
        return [float(loss) for loss in model.losses if hasattr(loss, "numpy")]

    def seed(self) -> None:
        self.keras.utils.set_random_seed(0)

    def l1(self, factor: float) -> typing.Any:
        return self.regularizers.L1(factor)

    def l2(self, factor: float) -> typing.Any:
        return self.regularizers.L2(factor)

    def l1l2(self, l1: float, l2: float) -> typing.Any:
        return self.regularizers.L1L2(l1, l2)

    def own_variables(self, layer: typing.Any) -> list[typing.Any]:
        """The variables of the layer that are not those of a layer directly below.

        A wrapper may hold its layer's variables, as SpectralNormalization does.
        """
        lower = [v for x in self.sublayers(layer) for v in self.variables(x)]
        return [v for v in self.variables(layer) if not any(v is w for w in lower)]

    def sum_of_squares(self, x: typing.Any) -> typing.Any:
        import tensorflow

        return tensorflow.reduce_sum(tensorflow.square(x))


class Keras3(Writer):
    """keras, version 3."""

    is_keras3 = True

    def regularizer_of(self, variable: typing.Any) -> typing.Any:
        return variable.regularizer

    def sublayers(self, layer: typing.Any) -> list[typing.Any]:
        return _direct(layer, layer._layers)

    def variables(self, layer: typing.Any) -> list[typing.Any]:
        own = layer._trainable_variables + layer._non_trainable_variables
        return [v for v in own if hasattr(v, "regularizer")]

    def counts(self, model: typing.Any, variable: typing.Any) -> bool:
        return any(variable is other for other in model.trainable_weights)

    def variable_name(self, variable: typing.Any) -> str:
        return str(variable.name)

    def policy(self, name: str) -> typing.Any:
        return self.keras.DTypePolicy(name)

    def reset(self) -> None:
        self.keras.backend.clear_session()


class Keras2(Writer):
    """tf_keras, or keras before version 3."""

    activity_attribute = "_activity_regularizer"

    def __init__(self, name: str, keras: typing.Any):
        super().__init__(name, keras)
        self._regularizers: dict[int, typing.Any] = {}
        source = "keras" if name == "keras212" else f"{keras.__name__}.src"
        base = importlib.import_module(f"{source}.engine.base_layer").Layer
        handle = base._handle_weight_regularization

        def listen(
            layer: typing.Any, name: str, variable: typing.Any, regularizer: typing.Any
        ) -> None:
            self._regularizers[id(variable)] = (variable, regularizer)
            handle(layer, name, variable, regularizer)

        base._handle_weight_regularization = listen

    def regularizer_of(self, variable: typing.Any) -> typing.Any:
        return self._regularizers.get(id(variable), (None, None))[1]

    def sublayers(self, layer: typing.Any) -> list[typing.Any]:
        below = layer._flatten_layers(recursive=False, include_self=False)
        return _direct(layer, list(below))

    def variables(self, layer: typing.Any) -> list[typing.Any]:
        return list(layer._trainable_weights + layer._non_trainable_weights)

    def counts(self, model: typing.Any, variable: typing.Any) -> bool:
        return True

    def variable_name(self, variable: typing.Any) -> str:
        return str(variable.name).rsplit("/", 1)[-1].split(":")[0]

    def policy(self, name: str) -> typing.Any:
        return self.keras.mixed_precision.Policy(name)

    def reset(self) -> None:
        self._regularizers.clear()
        self.keras.backend.clear_session()


def _direct(layer: typing.Any, below: list[typing.Any]) -> list[typing.Any]:
    """The layers of a model as its property has them; of another layer what it holds."""
    listed = getattr(layer, "layers", None)
    in_order = list(listed) if isinstance(listed, list) else []
    return in_order + [x for x in below if not any(x is y for y in in_order)]


def writer_of(name: str) -> Writer:
    package, version = PACKAGES[name]
    keras = importlib.import_module(package)
    if not keras.__version__.startswith(version):
        raise SystemExit(f"{name} needs {package} {version}*, not {keras.__version__}")
    if name in ("keras224", "keras122"):
        from old_writers import OldKeras

        return OldKeras(name, keras)
    made = Keras3 if version.startswith("3.") else Keras2
    return made(name, keras)


def register(writer: Writer) -> typing.Callable[..., typing.Any]:
    """The decorator that makes a class or function known to Keras as my>NAME."""
    utils = writer.keras.utils if writer.name == "keras212" else writer.keras.saving
    decorator: typing.Callable[..., typing.Any]
    decorator = utils.register_keras_serializable(package="my")
    return decorator
