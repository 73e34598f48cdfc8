# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Penalties, gradients and proximal operators of TensorFlow's tensors, as its ops.

>>> import tensorflow as tf
>>> import l1l2.tensorflow
>>> weights = tf.Variable([0.5, -1.25, 0.0, 2.0])
>>> with tf.GradientTape() as tape:
...     loss = l1l2.tensorflow.penalty(weights, l1=0.01, l2=0.02)
>>> print(loss.numpy(), tape.gradient(loss, weights).numpy())
0.15375 [ 0.03       -0.05999999  0.          0.09      ]
>>> l1l2.tensorflow.assign_prox(weights, 0.5, l1=0.01, l2=0.02)

The functions work eagerly, within `tf.function`, and within `tf.function` with
`jit_compile=True` from TensorFlow 2.19 on, where they are calls from XLA's code. Python
has no part in a call. A graph that was saved with them is loaded by a process that has
imported this module.

**Tensors.** Each function takes a tensor, a variable or what `tf.convert_to_tensor`
takes, of any shape; or a list, tuple or dictionary of them, in one call. Elements are
float16, bfloat16, float32 or float64, in the memory of the CPU.

**Coefficients** are Python numbers, finite and >= 0, which a graph keeps as constants;
or one for each tensor, in the structure of the tensors. A `l1l2.Regularizer` in the
place of `l1` stands for both. For a coefficient that changes from step to step multiply
`penalty(x, l1=1.0)` and `penalty(x, l2=1.0)` by it.

**Numbers.** A penalty is summed in double; its bits are those of every other language
and framework. The derivatives are those of the formula, of every order, with 0 for that
of |x| at 0. All functions may be called by several threads at once.

**Errors.** `TypeError` for a tensor, coefficient or step of the wrong kind,
`ValueError` for a coefficient, or a step that is a Python number, that is negative or
not finite, `tf.errors.InvalidArgumentError` for a tensor that is not on the CPU and,
when it runs, for a tensor of a step that is negative or not finite, and
`tf.errors.UnimplementedError` where XLA cannot call the library.
"""

from __future__ import annotations

import functools
import math
import numbers
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ._extensions import load, path_of
from ._regularizer import Regularizer

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(
        f"l1l2.tensorflow needs TensorFlow 2.16 or later ({error}):"
        " pip install 'l1l2[tensorflow]'"
    ) from error

__all__ = ["assign_prox", "gradient", "penalty", "prox"]

#: A tensor, or a structure of tensors as tf.nest has them.
Tensors = Any
#: A number or regularizer, or a structure of them.
Coefficients = Any

_FLOATS = {
    tf.float16: "f16",
    tf.bfloat16: "bf16",
    tf.float32: "f32",
    tf.float64: "f64",
}  # by their names in XLA


def _load_ops() -> tuple[Any, Any]:
    """Returns the ops, and the module that they are in."""
    path = str(path_of("_tensorflow"))
    ops = tf.load_op_library(path)
    if not hasattr(ops, "l1l2_prox"):
        raise ImportError(
            f"TensorFlow {tf.__version__} does not have the C functions for ops that"
            f" {path} calls; install TensorFlow 2.16 or later"
        )
    return ops, load("_tensorflow")


def _register_handlers() -> bool:
    """Gives XLA the functions that it calls; returns whether it takes them."""
    handlers = load("_xla")
    return all(
        _module.l1l2_tensorflow_register_handler(
            f"l1l2_xla_{name}".encode(), getattr(handlers, f"l1l2_xla_{name}")
        )
        for name in ("penalty", "gradient", "prox")
    )


_ops, _module = _load_ops()
_xla_has_handlers = _register_handlers()


class _Terms:
    """Tensors with their coefficients."""

    def __init__(
        self, xs: list[Any], l1: tuple[float, ...], l2: tuple[float, ...]
    ) -> None:
        self.xs = xs
        self.l1, self.l2 = l1, l2

    @property
    def bits(self) -> list[int]:
        """The attribute of the ops."""
        return _bits_of(self.l1, self.l2)

    @property
    def attributes(self) -> str:
        """Those of the handlers of XLA."""
        return f"l1 = {_attribute(self.l1)}, l2 = {_attribute(self.l2)}"

    def with_tensors(self, xs: Sequence[Any]) -> _Terms:
        """Returns other tensors with the same coefficients."""
        return _Terms(list(xs), self.l1, self.l2)


def _attribute(values: tuple[float, ...]) -> str:
    # With 17 digits they read back to the same doubles.
    digits = [f"{value:.17e}" for value in values]
    if len(set(values)) == 1:
        return f"{digits[0]} : f64"
    return f"array<f64: {', '.join(digits)}>"


@functools.lru_cache(maxsize=1024)
def _bits_of(l1: tuple[float, ...], l2: tuple[float, ...]) -> list[int]:
    doubles = [value for pair in zip(l1, l2, strict=True) for value in pair]
    count = len(doubles)
    return list(struct.unpack(f"{count}q", struct.pack(f"{count}d", *doubles)))


def _is_number(value: Any) -> bool:
    if isinstance(value, numpy.ndarray):
        return value.ndim == 0 and value.dtype.kind in "fiu"
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _coefficient(value: Any, name: str) -> float:
    if not _is_number(value):
        raise TypeError(
            f"{name} must be a Python number, not {type(value)!r}: it is a constant of"
            f" the op; for one that changes multiply penalty(x, {name}=1.0) by it"
        )
    number = float(value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{name} must be finite and >= 0, not {number}")
    return number


def _pair(l1: Any, l2: Any) -> tuple[float, float]:
    if not isinstance(l1, Regularizer):
        return _coefficient(l1, "l1"), _coefficient(l2, "l2")
    if not (_is_number(l2) and l2 == 0.0):
        raise ValueError("give either a regularizer or coefficients, not both")
    return l1.l1, l1.l2


def _values_of(coefficient: Any, x: Tensors, count: int) -> list[Any]:
    """Returns a value for each tensor."""
    if not tf.nest.is_nested(coefficient):
        return [coefficient] * count
    tf.nest.assert_same_structure(x, coefficient, check_types=False)
    return list(tf.nest.flatten(coefficient))


def _coefficients_of(
    l1: Coefficients, l2: Coefficients, x: Tensors, count: int
) -> list[tuple[float, float]]:
    if not (tf.nest.is_nested(l1) or tf.nest.is_nested(l2)):
        return [_pair(l1, l2)] * count
    values = zip(_values_of(l1, x, count), _values_of(l2, x, count), strict=True)
    return [_pair(*each) for each in values]


def _step_of(step: Any) -> Any:
    """Returns a tensor of double."""
    if _is_number(step):
        number = float(step)
        if not 0.0 <= number < math.inf:
            raise ValueError(f"a step must be finite and >= 0, not {number}")
        return tf.constant(number, tf.float64)
    tensor = tf.convert_to_tensor(step)
    is_real = tensor.dtype.is_floating or tensor.dtype.is_integer
    if not is_real or tensor.shape.rank not in (0, None):
        raise TypeError(
            f"a step must be a real scalar, not {tensor.dtype.name} of the shape"
            f" {tensor.shape}"
        )
    return tf.cast(tensor, tf.float64)


def _tensor_of(x: Any) -> Any:
    if isinstance(x, (tf.SparseTensor, tf.IndexedSlices, tf.RaggedTensor)):
        raise TypeError(
            f"x is a {type(x).__name__}, not a dense tensor: pass x.values, as what it"
            " leaves out adds nothing to a penalty"
        )
    tensor = tf.convert_to_tensor(x)
    if tensor.dtype not in _FLOATS:
        raise TypeError(
            f"x is of {tensor.dtype.name}: it must be of float16, bfloat16, float32 or"
            " float64; tf.cast converts it"
        )
    if tf.executing_eagerly():
        _expect_cpu(tensor.device)
    return tensor


def _expect_cpu(device: str) -> None:
    if device and "CPU:" not in device:
        raise tf.errors.InvalidArgumentError(
            None,
            None,
            f"x is on {device}, whose memory l1l2 cannot read: make it under"
            " tf.device('CPU:0'), or use TensorFlow's own tf.reduce_sum",
        )


def _terms_of(x: Tensors, l1: Coefficients, l2: Coefficients) -> _Terms:
    xs = [_tensor_of(each) for each in tf.nest.flatten(x)]
    pairs = _coefficients_of(l1, l2, x, len(xs))
    return _Terms(xs, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


# ---- XLA ----
#
# Our kernels are for graphs and eager calls. In a graph that is made for XLA an op is a
# module of StableHLO that calls our handler instead.


def _is_for_xla() -> bool:
    if tf.executing_eagerly():
        return False
    from tensorflow.python.ops import control_flow_util

    if not control_flow_util.GraphOrParentsInXlaContext(
        tf.compat.v1.get_default_graph()
    ):
        return False
    if not _xla_has_handlers:
        raise tf.errors.UnimplementedError(
            None,
            None,
            f"XLA of TensorFlow {tf.__version__} cannot call l1l2: set"
            " jit_compile=False, or install TensorFlow 2.19 or later",
        )
    return True


def _type_of(dtype: Any, shape: Sequence[int | None]) -> str:
    """Returns the type of a tensor in StableHLO."""
    sizes = "".join("?x" if size is None else f"{size}x" for size in shape)
    return f"tensor<{sizes}{_FLOATS[dtype]}>"


def _call_handler(
    name: str, terms: _Terms, *first: Any, result_type: Any = None
) -> list[Any]:
    """Emits a call of a handler.

    The result is a scalar if a type is given, and otherwise one of each tensor.
    """
    from tensorflow.compiler.tf2xla.python import xla

    # As vectors, of which one size at most is unknown while the graph is made.
    xs = [tf.reshape(x, [-1]) for x in terms.xs]
    operands = [*first, *xs]
    types = [_type_of(operand.dtype, operand.shape) for operand in operands]
    arguments = [f"%x{i}" for i in range(len(operands))]
    outputs = (
        [(x.dtype, x.shape) for x in xs]
        if result_type is None
        else [(result_type, tf.TensorShape([]))]
    )
    out_types = ", ".join(_type_of(*output) for output in outputs)
    lines, shapes, kind = [], [], ""
    if not all(x.shape.is_fully_defined() for x in xs):
        # When XLA compiles it, it puts in the sizes, and takes these operands away.
        kind = " attributes {jax.uses_shape_polymorphism = true}"
    if kind and result_type is None:
        for i in range(len(first), len(operands)):
            lines += [
                f"%n{i} = stablehlo.get_dimension_size %x{i}, dim = 0"
                f" : ({types[i]}) -> tensor<i32>",
                f"%s{i} = stablehlo.reshape %n{i} : (tensor<i32>) -> tensor<1xi32>",
            ]
            shapes.append(f"%s{i}")
    attributes = f"api_version = 4 : i32, backend_config = {{{terms.attributes}}}"
    if shapes:
        indices = [len(operands) + i for i in range(len(shapes))]
        attributes += (
            f", indices_of_shape_operands = dense<{indices}>"
            f" : tensor<{len(shapes)}xi64>"
        )
    several = len(outputs) > 1
    results = [f"%y#{i}" if several else "%y" for i in range(len(outputs))]
    module = "\n".join(
        [
            f"module @l1l2{kind} {{",
            f"func.func public @main({_list(arguments, types)}) -> ({out_types}) {{",
            *lines,
            f"%y{f':{len(outputs)}' if several else ''} = stablehlo.custom_call"
            f" @l1l2_xla_{name}({', '.join(arguments + shapes)}) {{{attributes}}}"
            f" : ({', '.join(types + ['tensor<1xi32>'] * len(shapes))})"
            f" -> ({out_types})",
            f"return {', '.join(results)} : {out_types}",
            "}",
            "}",
        ]
    )
    values = xla.call_module(
        operands,
        version=9,
        module=module.encode(),
        Tout=[dtype for dtype, _ in outputs],
        Sout=[shape for _, shape in outputs],
        platforms=("CPU",),
    )
    if result_type is not None:
        return list(values)
    return [tf.reshape(y, tf.shape(x)) for y, x in zip(values, terms.xs, strict=True)]


def _list(names: Sequence[str], types: Sequence[str]) -> str:
    return ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))


def _result_type(xs: Sequence[Any]) -> Any:
    return tf.float64 if any(x.dtype == tf.float64 for x in xs) else tf.float32


# ---- Penalty and gradient ----


def _penalty(terms: _Terms) -> Any:
    result_type = _result_type(terms.xs)
    if not _is_for_xla():
        return _ops.l1l2_penalty(
            x=terms.xs, result_type=result_type, coefficients=terms.bits
        )

    @tf.custom_gradient
    def differentiable(*xs: Any) -> tuple[Any, Callable[..., Any]]:
        these = terms.with_tensors(xs)
        (value,) = _call_handler("penalty", these, result_type=result_type)
        return value, lambda cotangent: _scaled_gradient(these, cotangent)

    return differentiable(*terms.xs)


def _wide(x: Any) -> Any:
    """Returns a tensor of float16 or bfloat16 as float32, where scales fit in."""
    return tf.cast(x, tf.float32) if x.dtype.size < 4 else x


def _times(y: Any, scale: Any, dtype: Any) -> Any:
    """Returns y times a scalar of double, rounded once from float32 or double."""
    y = _wide(y)
    return tf.cast(y * tf.cast(scale, y.dtype), dtype)


def _scaled_gradient(terms: _Terms, scale: Any) -> list[Any]:
    """Returns the gradients times a scalar."""
    is_one = isinstance(scale, float) and scale == 1.0
    scale = tf.cast(scale, tf.float64)
    if not _is_for_xla():
        return list(
            _ops.l1l2_gradient(x=terms.xs, scale=scale, coefficients=terms.bits)
        )

    @tf.custom_gradient
    def differentiable(*inputs: Any) -> tuple[list[Any], Callable[..., Any]]:
        *xs, scale = inputs
        these = terms.with_tensors(xs)
        if is_one:
            values = _call_handler("gradient", these)
        else:
            wide = these.with_tensors([_wide(x) for x in xs])
            values = [
                _times(y, scale, x.dtype)
                for y, x in zip(_call_handler("gradient", wide), xs, strict=True)
            ]
        return values, lambda *ys: _gradient_of_gradient(these, scale, ys)

    return list(tf.nest.flatten(differentiable(*terms.xs, scale)))


def _gradient_of_gradient(terms: _Terms, scale: Any, ys: Sequence[Any]) -> list[Any]:
    """Returns the cotangents of the tensors and of the scale."""
    second = [
        _times(y, scale * (2.0 * l2), y.dtype)
        for y, l2 in zip(ys, terms.l2, strict=True)
    ]
    first = _scaled_gradient(terms, 1.0)
    of_scale = [
        tf.reduce_sum(tf.cast(y, tf.float64) * tf.cast(g, tf.float64))
        for y, g in zip(ys, first, strict=True)
    ]
    return [*second, tf.add_n(of_scale)]


# ---- Proximal operator ----


def _prox(terms: _Terms, step: Any) -> list[Any]:
    if not _is_for_xla():
        return list(_ops.l1l2_prox(x=terms.xs, step=step, coefficients=terms.bits))
    if step.shape.rank is None:
        step = tf.reshape(step, [])

    @tf.custom_gradient
    def differentiable(*inputs: Any) -> tuple[list[Any], Callable[..., Any]]:
        *xs, step = inputs
        these = terms.with_tensors(xs)
        values = _call_handler("prox", these, step)
        return values, lambda *ys: _gradient_of_prox(these, step, values, ys)

    return list(tf.nest.flatten(differentiable(*terms.xs, step)))


def _gradient_of_prox(
    terms: _Terms, step: Any, values: Sequence[Any], ys: Sequence[Any]
) -> list[Any]:
    """Returns the cotangents of the tensors and of the step."""
    of_xs, of_step = [], []
    for y, value, l1, l2 in zip(ys, values, terms.l1, terms.l2, strict=True):
        # By the result, not by x, so that it is 0 where the result is rounded to 0.
        slope = _times(y, 1.0 / (1.0 + 2.0 * step * l2), y.dtype)
        if l1 > 0.0:
            slope = tf.where((value == 0) & (step > 0.0), tf.zeros_like(y), slope)
        value = tf.cast(value, tf.float64)
        by_step = -l1 * tf.sign(value) - 2.0 * l2 * value
        of_xs.append(slope)
        of_step.append(tf.reduce_sum(by_step * tf.cast(slope, tf.float64)))
    return [*of_xs, tf.reshape(tf.add_n(of_step), tf.shape(step))]


# ---- Derivatives of the ops ----


def _terms_of_op(op: Any, xs: Sequence[Any]) -> _Terms:
    bits = op.get_attr("coefficients")
    values = struct.unpack(f"{len(bits)}d", struct.pack(f"{len(bits)}q", *bits))
    return _Terms(list(xs), values[::2], values[1::2])


@tf.RegisterGradient("L1l2Penalty")
def _(op: Any, cotangent: Any) -> list[Any]:
    return _scaled_gradient(_terms_of_op(op, op.inputs), cotangent)


@tf.RegisterGradient("L1l2Gradient")
def _(op: Any, *ys: Any) -> list[Any]:
    *xs, scale = op.inputs
    return _gradient_of_gradient(_terms_of_op(op, xs), scale, ys)


@tf.RegisterGradient("L1l2Prox")
def _(op: Any, *ys: Any) -> list[Any]:
    *xs, step = op.inputs
    return _gradient_of_prox(_terms_of_op(op, xs), step, op.outputs, ys)


@tf.autograph.experimental.do_not_convert
def penalty(x: Tensors, l1: Coefficients = 0.0, l2: Coefficients = 0.0) -> Any:
    """Return l1 * sum(|x|) + l2 * sum(x^2) over all elements of all tensors.

    It can be differentiated, to any order.

    Parameters
    ----------
    x : tensor or structure of tensors
        Of any shapes and dtypes.
    l1, l2 : float or structure of floats
        The coefficients of all tensors, or one for each, in the structure of x. A
        `l1l2.Regularizer` in the place of a number for l1 stands for both; l2 is not
        given then.

    Returns
    -------
    tf.Tensor
        A scalar of float64 if a tensor is of float64, of float32 otherwise. The
        penalties of several tensors are added in double, in the order of tf.nest.
    """
    terms = _terms_of(x, l1, l2)
    if not terms.xs:
        return tf.constant(0.0)
    return _penalty(terms)


@tf.autograph.experimental.do_not_convert
def gradient(x: Tensors, l1: Coefficients = 0.0, l2: Coefficients = 0.0) -> Any:
    """Return l1 * sign(x) + 2 * l2 * x, of the structure, shapes and dtypes of x.

    It is what a tape gives for `penalty`, without one. It can be differentiated.

    Parameters
    ----------
    x, l1, l2
        As those of `penalty`.
    """
    terms = _terms_of(x, l1, l2)
    values = _scaled_gradient(terms, 1.0) if terms.xs else []
    return tf.nest.pack_sequence_as(x, values)


@tf.autograph.experimental.do_not_convert
def prox(x: Tensors, step: Any, l1: Coefficients = 0.0, l2: Coefficients = 0.0) -> Any:
    """Return sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2), with exact zeros.

    Its derivative is 1 / (1 + 2 * step * l2), and 0 where step * l1 > 0 makes the
    result 0; that by a tensor of a step exists, too.

    Parameters
    ----------
    x : tensor or structure of tensors
        As that of `penalty`.
    step : float or scalar tensor
        The step size, finite and >= 0: the learning rate. A number is taken as a
        double. A tensor is of a real dtype.
    l1, l2
        As those of `penalty`.

    Returns
    -------
    tensor or structure of tensors
        Of the structure, shapes and dtypes of x.
    """
    terms = _terms_of(x, l1, l2)
    step = _step_of(step)
    values = _prox(terms, step) if terms.xs else []
    return tf.nest.pack_sequence_as(x, values)


@tf.autograph.experimental.do_not_convert
def assign_prox(
    variables: Tensors, step: Any, l1: Coefficients = 0.0, l2: Coefficients = 0.0
) -> None:
    """Assign `prox` of variables to them, after a step of an optimizer.

    Parameters
    ----------
    variables : tf.Variable or structure of them
        Changed in place. If one is refused, none is changed.
    step, l1, l2
        As those of `prox`.

    Raises
    ------
    TypeError
        One of them is no variable; and as the module says.
    """
    flat = tf.nest.flatten(variables)
    for variable in flat:
        if not hasattr(variable, "assign"):
            raise TypeError(
                f"{type(variable)!r} cannot be assigned to: pass a tf.Variable, or use"
                " prox, which returns a tensor"
            )
    for variable, value in zip(
        flat, tf.nest.flatten(prox(variables, step, l1, l2)), strict=True
    ):
        variable.assign(value)
