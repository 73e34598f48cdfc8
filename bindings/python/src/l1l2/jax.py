# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""L1/L2 regularization in compiled JAX programs, by libl1l2 on the CPU.

>>> import jax
>>> import jax.numpy as jnp
>>> import l1l2.jax
>>> params = {"kernel": jnp.array([[0.5, -1.25], [0.0, 2.0]]), "bias": jnp.ones(2)}
>>> print(l1l2.jax.penalty(params, l1=0.01, l2=0.02))
0.21375
>>> def loss(params):
...     return jnp.sum(params["bias"]) + l1l2.jax.penalty(params, l1=0.01, l2=0.02)
>>> value, gradient = jax.jit(jax.value_and_grad(loss))(params)
>>> print(value, gradient["bias"])
2.21375 [1.05 1.05]

**Arrays.** Each function takes an array or a pytree of arrays, whose leaves are
computed in one call of the library. Elements are float16, bfloat16, float32 or float64.
A penalty is float64 if a regularized leaf is, otherwise float32: in float16 it would
overflow at 65504. All results are those of `l1l2.Regularizer`, rounded to the dtype of
the result.

**Coefficients** are static: Python numbers `l1` and `l2`, or a `l1l2.Regularizer`, or a
pytree of regularizers that is a prefix of the tree, with None for what is not
regularized. Another coefficient compiles another program. For one that is traced, such
as a schedule's, multiply: ``l1 * penalty(x, l1=1.0) + l2 * penalty(x, l2=1.0)``.

**Transformations.** `jit`, `grad`, `value_and_grad`, `jvp`, `vmap`, `scan` and `remat`
work, in any combination. The derivative of a penalty is its gradient with sign(0) = 0,
and the second derivative is 2 * l2. It is an expression of XLA's, which is fused into
the update of the parameters and costs no memory. Under `vmap` the rows of a batch are
one call, and each has the bits that it has alone.

**Sharded arrays** are not gathered. Each device adds the exact sums of its shards,
which are reduced: the same bits on every mesh over which a leaf is sharded; where all
are replicated, or on one device, those of `l1l2_penalty`, which may differ by a few
units in the last place. Inside of `jax.shard_map` this needs the `axis_name` of
`penalty`. docs/frameworks.md of the repository has the limits.

**Threads.** Large arrays are computed on XLA's threads. Their number changes no bit.

**Errors.** TypeError and ValueError come while a program is traced, NotImplementedError
when it is lowered for another platform than the CPU. What depends on values, such as a
traced step that is negative, is an error of XLA when the program runs.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy

from . import _extensions
from ._exact_sums import _LENGTH, ExactSums
from ._regularizer import Regularizer

try:
    import jax
    import jax.ffi
    import jax.numpy as jnp
    from jax.experimental.custom_partitioning import (
        ArrayMapping,
        SdyShardingRule,
        custom_partitioning,
    )
    from jax.extend.core import Primitive
    from jax.interpreters import batching, mlir
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
except ImportError as error:
    raise ImportError(
        f"l1l2.jax needs JAX 0.5 or later ({error}): pip install 'l1l2[jax]'"
    ) from error
try:
    # JAX has no public name for the set of primitives that are lowered with the devices
    # at hand. Without it `_lower` would find none, and sharded arrays would be gathered.
    from jax._src.dispatch import (
        prim_requires_devices_during_lowering as _lowered_with_devices,
    )
except ImportError as error:
    raise ImportError(
        f"this version of l1l2 does not know JAX {jax.__version__} ({error}): install"
        " a later l1l2, or an earlier JAX"
    ) from error

__all__ = [
    "exact_sums",
    "gradient",
    "penalty",
    "penalty_and_gradient",
    "penalty_exact_sums",
    "prox",
    "to_exact_sums",
]

_HANDLERS = (
    "penalty",
    "penalty_and_gradient",
    "gradient",
    "prox",
    "exact_sums",
    "penalty_exact_sums",
)
_DTYPES = ("float16", "bfloat16", "float32", "float64")
#: Exact sums as JAX reduces them: 16 bits of each number in each row.
_PIECES, _BITS = 4, 16

_library = _extensions.load("_xla")
for _name in _HANDLERS:
    jax.ffi.register_ffi_target(
        f"l1l2_{_name}",
        jax.ffi.pycapsule(getattr(_library, f"l1l2_xla_{_name}")),
        platform="cpu",
    )


class _Coefficients(NamedTuple):
    """Those of each leaf. They are hashed, as JAX needs it."""

    l1: tuple[float, ...]
    l2: tuple[float, ...]


_NONE = _Coefficients((), ())


def penalty(
    tree: Any,
    regularizer: Any = None,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    axis_name: str | Sequence[str] | None = None,
) -> jax.Array:
    """Return l1 * sum(|x|) + l2 * sum(x^2) over all elements of all leaves.

    Parameters
    ----------
    tree : array or pytree of arrays
        Of float16, bfloat16, float32 or float64, of any shapes.
    regularizer : l1l2.Regularizer or pytree of them, optional
        A prefix of the tree, with None where a subtree is not regularized; instead of
        l1 and l2.
    l1, l2 : float
        The coefficients of all leaves, finite and >= 0. They are static.
    axis_name : str or sequence of str, optional
        Inside of `jax.shard_map`: the axes of the mesh over which each leaf is sharded.
        The penalty is then that of the whole, from exact sums, with the same bits on
        every mesh and the same derivatives. A leaf that is replicated along one of the
        axes would count several times.

    Returns
    -------
    array
        A scalar, of float64 if a regularized leaf is and of float32 otherwise. The
        penalties of the leaves are added in double, ((p0 + p1) + p2) + ..., and rounded
        to it. With axis_name, leaves with the same coefficients are one penalty, which
        is rounded once.

    Raises
    ------
    TypeError
        A leaf is of another dtype, complex or sparse; a coefficient is traced, or is no
        number; a regularizer is none.
    ValueError
        A coefficient is negative, infinite or NaN (L1L2Error); the regularizers are no
        prefix of the tree; both a regularizer and coefficients are given.
    NotImplementedError
        The program is compiled for another platform than the CPU.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from l1l2 import Regularizer
    >>> params = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}
    >>> print(penalty(params, {"kernel": Regularizer(l2=0.5), "bias": None}))
    3.0
    """
    leaves, coefficients, _ = _flatten(tree, regularizer, l1, l2)
    if not leaves:
        return jnp.zeros((), _scalar_dtype(()))
    if axis_name is None:
        return _jit_penalty(coefficients, leaves)
    axes = (axis_name,) if isinstance(axis_name, str) else tuple(axis_name)
    return _jit_sharded_penalty(coefficients, axes, leaves)


def gradient(
    tree: Any, regularizer: Any = None, *, l1: float = 0.0, l2: float = 0.0
) -> Any:
    """Return l1 * sign(x) + 2 * l2 * x for each element, with sign(0) = 0.

    Parameters
    ----------
    tree, regularizer, l1, l2
        As for `penalty`.

    Returns
    -------
    array or pytree
        As the tree; zeros where it is not regularized.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(gradient(jnp.array([0.5, 0.0, -2.0]), l1=0.25, l2=0.5))
    [ 0.75  0.   -2.25]
    """
    leaves, coefficients, rebuild = _flatten(tree, regularizer, l1, l2)
    return rebuild(_jit_gradient(coefficients, leaves), jnp.zeros_like)


def penalty_and_gradient(
    tree: Any, regularizer: Any = None, *, l1: float = 0.0, l2: float = 0.0
) -> tuple[jax.Array, Any]:
    """Return `penalty` and `gradient` from one pass over memory.

    Inside of a larger program `jax.value_and_grad` of a penalty is faster: it writes no
    gradient to memory that the program does not.

    Parameters
    ----------
    tree, regularizer, l1, l2
        As for `penalty`.
    """
    leaves, coefficients, rebuild = _flatten(tree, regularizer, l1, l2)
    if not leaves:
        return penalty(()), rebuild((), jnp.zeros_like)
    value, gradients = _jit_penalty_and_gradient(coefficients, leaves)
    return value, rebuild(gradients, jnp.zeros_like)


def prox(
    tree: Any,
    step: Any,
    regularizer: Any = None,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Any:
    """Return sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2) for each element.

    This is the proximal operator of step * penalty, which makes exact zeros: apply it
    to the parameters after each step of an optimizer. In a compiled program it works in
    place if its operand is not used again, as that of a donated argument or of `scan`.

    Parameters
    ----------
    tree, regularizer, l1, l2
        As for `penalty`.
    step : float or scalar array
        The step size, finite and >= 0: the learning rate. A number is static. An array
        may be traced, and is rounded to float32 unless a regularized leaf is of
        float64.

    Returns
    -------
    array or pytree
        As the tree; what is not regularized is returned as it is. The derivative is
        1 / (1 + 2 * step * l2), and 0 where step * l1 > 0 makes the result zero.

    Raises
    ------
    TypeError, NotImplementedError
        As `penalty` says; or the step is no scalar.
    ValueError
        As `penalty` says; or the step is negative, infinite or NaN. If it is an array,
        that is an error of XLA when the program runs.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> shrink = jax.jit(lambda x, step: prox(x, step, l1=1.0), donate_argnums=0)
    >>> print(shrink(jnp.array([0.5, -1.25, 2.0]), 0.5))
    [ 0.   -0.75  1.5 ]
    """
    leaves, coefficients, rebuild = _flatten(tree, regularizer, l1, l2)
    number: float | None = None
    steps: tuple[Any, ...] = ()
    if isinstance(step, jax.Array):
        if step.shape != () or not jnp.issubdtype(step.dtype, jnp.floating):
            raise TypeError(
                f"a step must be a real scalar, not {step.dtype} of {step.shape}"
            )
        steps = (step.astype(_scalar_dtype(leaves)),)
    else:
        _refuse_no_number("step", step)
        number = float(step)
        if not (math.isfinite(number) and number >= 0.0):
            raise ValueError(f"a step must be finite and >= 0, not {number}")
    if not leaves:
        return rebuild((), lambda x: x)
    # Without a program around it nothing is donated, and in place would mean a copy.
    in_place = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
    results = _jit_prox(coefficients, number, in_place, steps, leaves)
    return rebuild(results, lambda x: x)


def exact_sums(tree: Any) -> jax.Array:
    """Return the sums of |x| and x^2 over all elements of all leaves, without rounding.

    Sums of shards are added by `jax.lax.psum`, by `+` or `jnp.sum`, without
    `jax_enable_x64`: at most 32768 at a time. They are integers, whose derivative is 0,
    and so is that of a penalty of them; `penalty` with axis_name has its own.

    Parameters
    ----------
    tree : array or pytree of arrays
        As for `penalty`. Without `jax_enable_x64` a NumPy array of float64 is rounded
        to float32 first, as `jnp.asarray` does.

    Returns
    -------
    array of int32, (4, 207)
        Row k has the 16 bits from bit 16 * k of each number of the accumulator that
        l1l2.h describes.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> x = jnp.array([1e30, 1.0, -1e30], jnp.float32)
    >>> sums = exact_sums(x[:1]) + exact_sums(x[1:])
    >>> to_exact_sums(sums) == to_exact_sums(exact_sums(x))
    True
    >>> print(penalty_exact_sums(exact_sums(x[1:2]), l1=0.5))
    0.5
    """
    leaves, _, _ = _flatten(tree, None, 0.0, 0.0)
    if not leaves:
        return jnp.zeros((_PIECES, _LENGTH), jnp.int32)
    return _jit_exact_sums(jax.lax.stop_gradient(leaves))


def penalty_exact_sums(
    sums: jax.Array,
    regularizer: Regularizer | None = None,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
) -> jax.Array:
    """Return the penalty of exact sums: the true value, rounded once to double.

    Parameters
    ----------
    sums : array of int32, (4, 207)
        Of `exact_sums`, or a sum of such arrays.
    regularizer, l1, l2
        One regularizer, or two numbers.

    Returns
    -------
    array
        A scalar: the double with `jax_enable_x64`, otherwise rounded to float32.

    Raises
    ------
    TypeError
        The sums are not int32 of that shape; or as `penalty` says.
    ValueError, NotImplementedError
        As `penalty` says. Numbers that are not exact sums are an error of XLA when the
        program runs.
    """
    _check_sums(sums)
    chosen = _chosen(regularizer, l1, l2)
    if not isinstance(chosen, Regularizer):
        raise TypeError(
            f"an l1l2.Regularizer, not {type(chosen)!r}: for coefficients pass l1=...,"
            " l2=..."
        )
    coefficients = _coefficients_of([chosen])
    return _jit_penalty_exact_sums(coefficients, jnp.result_type(float).name, sums)


def to_exact_sums(sums: Any) -> ExactSums:
    """Return exact sums as `l1l2.ExactSums`, to be merged, sent or kept.

    Parameters
    ----------
    sums : array of int32, (4, 207)
        Of `exact_sums`, or a sum of such arrays; not traced.

    Raises
    ------
    TypeError
        The sums are not int32 of that shape.
    L1L2Error
        The numbers are not exact sums (status 18, 19 or 21).
    """
    _check_sums(sums)
    total = numpy.zeros(_LENGTH, numpy.int64)
    for row, piece in enumerate(numpy.asarray(sums)):
        total += piece.astype(numpy.int64) << (_BITS * row)
    return ExactSums(total)


def _check_sums(sums: Any) -> None:
    shape, dtype = getattr(sums, "shape", None), getattr(sums, "dtype", None)
    if shape != (_PIECES, _LENGTH) or dtype != jnp.int32:
        found = type(sums).__name__ if dtype is None else f"{dtype} of shape {shape}"
        raise TypeError(
            f"exact sums are an array of int32 of shape {(_PIECES, _LENGTH)}, not"
            f" {found}: use what exact_sums returns"
        )


# ---- From Python's arguments to leaves -----------------------------------------------


def _is_regularizer(x: object) -> bool:
    return x is None or isinstance(x, Regularizer)


def _is_sparse(x: object) -> bool:
    sparse = sys.modules.get("jax.experimental.sparse")
    return sparse is not None and isinstance(x, sparse.JAXSparse)


def _refuse_no_number(name: str, value: Any) -> None:
    """Raises for what float() would take."""
    if isinstance(value, (str, bytes, bool)) or getattr(value, "dtype", None) == bool:
        raise TypeError(f"{name} must be a number, not an object of {type(value)!r}")


#: Making one takes longer than a small penalty.
_regularizer_of = functools.lru_cache(Regularizer)


def _chosen(regularizer: Any, l1: Any, l2: Any) -> Any:
    """Returns the regularizers that the arguments stand for."""
    for name, value in (("l1", l1), ("l2", l2)):
        if isinstance(value, jax.core.Tracer):
            raise TypeError(
                f"the coefficient {name} is traced, but coefficients are static: pass a"
                f" Python number, or multiply, as in {name} * penalty(x, {name}=1.0)"
            )
        _refuse_no_number(name, value)
    if regularizer is None:
        try:
            return _regularizer_of(l1, l2)
        except TypeError:  # an array, which has no hash, or no number
            return Regularizer(l1, l2)
    if not (l1 == 0.0 and l2 == 0.0):
        raise ValueError("give either a regularizer or coefficients, not both")
    return regularizer


def _coefficients_of(regularizers: Sequence[Regularizer]) -> _Coefficients:
    return _Coefficients(
        tuple(regularizer.l1 for regularizer in regularizers),
        tuple(regularizer.l2 for regularizer in regularizers),
    )


def _flatten(
    tree: Any, regularizer: Any, l1: Any, l2: Any
) -> tuple[
    tuple[Any, ...], _Coefficients, Callable[[Sequence[Any], Callable[[Any], Any]], Any]
]:
    """Returns the leaves that are regularized, their coefficients, and a function.

    That makes a tree of their results and of what it computes of each other leaf.
    """
    paths, treedef = jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_sparse)
    all_leaves = [
        leaf if _is_computable(leaf) else _converted(leaf, path) for path, leaf in paths
    ]
    of_leaves: list[Regularizer | None] = []

    def spread(regularizer: Any, subtree: Any) -> None:
        if not _is_regularizer(regularizer):
            raise TypeError(
                f"an l1l2.Regularizer or None, not {type(regularizer)!r}: for"
                " coefficients pass l1=..., l2=..."
            )
        leaves = jax.tree_util.tree_leaves(subtree, is_leaf=_is_sparse)
        of_leaves.extend([regularizer] * len(leaves))

    regularizers = _chosen(regularizer, l1, l2)
    try:
        jax.tree_util.tree_map(spread, regularizers, tree, is_leaf=_is_regularizer)
    except ValueError:
        raise ValueError(
            f"the regularizers are no prefix of the tree: {regularizers} for {treedef}"
        ) from None
    chosen = [regularizer for regularizer in of_leaves if regularizer is not None]

    def rebuild(results: Sequence[Any], otherwise: Callable[[Any], Any]) -> Any:
        left = iter(results)
        return treedef.unflatten(
            [
                otherwise(leaf) if regularizer is None else next(left)
                for leaf, regularizer in zip(all_leaves, of_leaves, strict=True)
            ]
        )

    leaves = tuple(
        leaf
        for leaf, regularizer in zip(all_leaves, of_leaves, strict=True)
        if regularizer is not None
    )
    return leaves, _coefficients_of(chosen), rebuild


def _is_computable(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and leaf.dtype.name in _DTYPES


def _converted(leaf: Any, path: Any) -> Any:
    """Makes an array of a leaf, or raises TypeError."""
    name = jax.tree_util.keystr(path) or "the array"
    if _is_sparse(leaf):
        raise TypeError(
            f"{name} is sparse ({type(leaf).__name__}): pass its values, x.data, after"
            " summing duplicates; zeros add nothing to a penalty"
        )
    array = jnp.asarray(leaf)
    if _is_computable(array):
        return array
    dtype = array.dtype
    if jnp.issubdtype(dtype, jnp.complexfloating):
        remedy = "pass its real and its imaginary part"
    elif jnp.issubdtype(dtype, jnp.floating):
        remedy = "convert it, x.astype(jnp.bfloat16)"
    else:
        remedy = "convert it, x.astype(jnp.float32), or leave it out of the tree"
    raise TypeError(f"{name} is of {dtype}, not of {', '.join(_DTYPES)}: {remedy}")


def _scalar_dtype(leaves: Sequence[Any]) -> str:
    return "float64" if any(x.dtype == jnp.float64 for x in leaves) else "float32"


# ---- Calls of XLA --------------------------------------------------------------------


class _Call(NamedTuple):
    """A call of a handler of _xla.c, whose operands are steps and leaves."""

    handler: str
    coefficients: _Coefficients
    dtype: str = ""  #: of the penalties
    steps: int = 0  #: how many operands are traced steps: 0 or 1
    step: float | None = None
    in_place: bool = False
    batch: tuple[int, ...] = ()  #: leading axes of all operands and results, by vmap

    @property
    def reduced(self) -> tuple[tuple[int, ...], str] | None:
        """The shape and dtype of the first result, if it is one for all leaves."""
        if self.handler == "exact_sums":
            return (*self.batch, _PIECES, _LENGTH), "int32"
        return (self.batch, self.dtype) if self.dtype else None

    @property
    def has_result_of_each(self) -> bool:
        return self.handler in ("penalty_and_gradient", "gradient", "prox")

    @property
    def attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "l1": numpy.array(self.coefficients.l1),
            "l2": numpy.array(self.coefficients.l2),
        }
        if self.step is not None:
            attributes["step"] = numpy.float64(self.step)
        return attributes


# The first is what JAX transforms. It is lowered to the second, one on each device.
_call, _local_call = Primitive("l1l2"), Primitive("l1l2_local")


def _results(*operands: Any, call: _Call) -> list[Any]:
    """Returns the abstract results. That of a leaf lies on the mesh like the leaf."""
    leaves = operands[call.steps :]
    results = []
    if call.reduced is not None:
        shape, dtype = call.reduced
        kept = {}
        if getattr(leaves[0], "sharding", None) is not None:
            spec = PartitionSpec(*[None] * len(shape))
            kept["sharding"] = NamedSharding(leaves[0].sharding.mesh, spec)
        results.append(
            leaves[0].update(
                shape=shape, dtype=numpy.dtype(dtype), weak_type=False, **kept
            )
        )
    if call.has_result_of_each:
        results.extend(leaf.update(weak_type=False) for leaf in leaves)
    return results


def _batched(
    operands: Sequence[Any], axes: Sequence[int | None], *, call: _Call
) -> Any:
    """Makes the batch the leading axis, whose elements are the rows of _xla.c."""
    (size,) = {
        x.shape[axis]
        for x, axis in zip(operands, axes, strict=True)
        if axis is not None
    }
    results = _call.bind(
        *[
            (
                jnp.broadcast_to(x, (size, *x.shape))
                if axis is None
                else jnp.moveaxis(x, axis, 0)
            )
            for x, axis in zip(operands, axes, strict=True)
        ],
        call=call._replace(batch=(size, *call.batch)),
    )
    return results, [0] * len(results)


def _lower(context: Any, *operands: Any, call: _Call) -> Any:
    if getattr(context.module_context.axis_context, "device_assignment", ()) is None:
        return _lower_local(context, *operands, call=call)  # one device
    function = custom_partitioning(
        lambda *operands: _local_call.bind(*operands, call=call)
    )
    function.def_partition(
        functools.partial(_partition, call),
        functools.partial(_infer_shardings, call),
        sharding_rule=functools.partial(_sharding_rule, call),
    )
    return mlir.lower_fun(function, multiple_results=True)(context, *operands)


def _lower_local(context: Any, *operands: Any, call: _Call) -> Any:
    aliases = {call.steps + i: i for i in range(len(operands) - call.steps)}
    lower = jax.ffi.ffi_lowering(
        f"l1l2_{call.handler}",
        operand_output_aliases=aliases if call.in_place else {},
    )
    attributes = {} if call.handler == "exact_sums" else call.attributes
    return lower(context, *operands, **attributes)


def _run(*operands: Any, call: _Call) -> Any:
    """Runs a call that is in no program, as under `jax.disable_jit`."""
    with jax.disable_jit(False):
        return _compiled_call(*operands, call=call)


def _refuse_platform(context: Any, *operands: Any, call: _Call) -> Any:
    platforms = ", ".join(context.module_context.platforms)
    raise NotImplementedError(
        f"l1l2.jax computes on the CPU alone, not on {platforms}: move the arrays there"
        " (jax.device_put(x, jax.devices('cpu')[0])), or use jax.numpy"
    )


for _primitive, _rule in ((_call, _lower), (_local_call, _lower_local)):
    _primitive.multiple_results = True
    _primitive.def_abstract_eval(_results)
    mlir.register_lowering(_primitive, _rule, platform="cpu")
    mlir.register_lowering(_primitive, _refuse_platform)
batching.primitive_batchers[_call] = _batched
_lowered_with_devices.add(_call)
_compiled_call = jax.jit(
    lambda *operands, call: _call.bind(*operands, call=call), static_argnames="call"
)
_call.def_impl(_run)

if not hasattr(jax, "shard_map"):  # JAX 0.5 asks how a result is replicated
    from jax.experimental import shard_map as _shard_map

    _shard_map.register_standard_check(_call)
    _shard_map.register_standard_rewrite(_call)


def _bind(call: _Call, operands: Sequence[Any]) -> list[Any]:
    """Calls; what a result depends on varies along the same axes of `jax.shard_map`."""
    if call.reduced is not None or call.steps:  # else it depends on its leaf alone
        axes = [_varying(x) for x in operands]
        every = frozenset[str]().union(*axes)
        operands = [
            _vary(x, tuple(every - own)) if own != every else x
            for x, own in zip(operands, axes, strict=True)
        ]
    results: list[Any] = _call.bind(*operands, call=call)
    return results


def _varying(x: Any) -> frozenset[str]:
    axes: frozenset[str]
    if hasattr(x.aval, "manual_axis_type"):  # since JAX 0.10
        axes = x.aval.manual_axis_type.varying
    else:
        axes = getattr(x.aval, "vma", frozenset())
    return axes


def _vary(x: Any, axes: tuple[str, ...]) -> Any:
    if hasattr(jax.lax, "pcast"):  # since JAX 0.8
        return jax.lax.pcast(x, axes, to="varying")
    return jax.lax.pvary(x, axes)


# ---- Sharded arrays ------------------------------------------------------------------


class _Specs(NamedTuple):
    """How the operands and results of a call lie on a mesh."""

    operands: list[PartitionSpec]
    results: list[PartitionSpec]
    reduced_axes: list[tuple[str, ...]]  #: those of each leaf, but of its batch


def _specs(call: _Call, operands: Sequence[Any]) -> _Specs:
    """Leaves a leaf where it is, but for batches that do not lie alike."""
    leaves = operands[call.steps :]
    known = [() if x.sharding is None else tuple(x.sharding.spec) for x in leaves]
    full = [
        (*spec, *[None] * (x.ndim - len(spec)))
        for spec, x in zip(known, leaves, strict=True)
    ]
    n = len(call.batch)
    if call.handler == "penalty_exact_sums":  # needs all numbers of its sums
        full = [(*spec[:n], None, None) for spec in full]
    batches = {spec[:n] for spec in full}
    batch = batches.pop() if len(batches) == 1 else (None,) * n
    specs = [PartitionSpec(*batch, *spec[n:]) for spec in full]
    results = []
    if call.reduced is not None:
        others = len(call.reduced[0]) - n
        results.append(PartitionSpec(*batch, *[None] * others))
    if call.has_result_of_each:
        results.extend(specs)
    axes = []
    for spec in full:
        names = [(entry,) if isinstance(entry, str) else entry for entry in spec[n:]]
        axes.append(tuple(name for entry in names if entry for name in entry))
    return _Specs([PartitionSpec(*batch)] * call.steps + specs, results, axes)


def _is_unknown(operands: Sequence[Any]) -> bool:
    """Whether JAX, before 0.6 outside of a mesh, does not say where operands lie."""
    shardings = [x.sharding for x in operands if x.sharding is not None]
    return any(not isinstance(sharding, NamedSharding) for sharding in shardings)


def _replicated(operands: Sequence[Any]) -> NamedSharding:
    sharding, *_ = [x.sharding for x in operands if x.sharding is not None]
    devices = numpy.array(sorted(sharding.device_set, key=lambda device: device.id))
    return NamedSharding(Mesh(devices, ("devices",)), PartitionSpec())


def _infer_shardings(
    call: _Call, mesh: Any, operands: Sequence[Any], results: Sequence[Any]
) -> list[Any]:
    if _is_unknown(operands):
        return [_replicated(operands)] * len(results)
    return [NamedSharding(mesh, spec) for spec in _specs(call, operands).results]


def _partition(
    call: _Call, mesh: Any, operands: Sequence[Any], results: Sequence[Any]
) -> tuple[Any, Any, Any, Any]:
    if _is_unknown(operands):
        everywhere = _replicated(operands)
        compute = functools.partial(_local_call.bind, call=call)
        return (
            mesh,
            compute,
            [everywhere] * len(results),
            (everywhere,) * len(operands),
        )
    specs = _specs(call, operands)
    return (
        mesh,
        functools.partial(_compute_shards, call, specs.reduced_axes),
        [NamedSharding(mesh, spec) for spec in specs.results],
        tuple(NamedSharding(mesh, spec) for spec in specs.operands),
    )


def _sharding_rule(
    call: _Call, mesh: Any, operands: Sequence[Any], results: Sequence[Any]
) -> SdyShardingRule:
    """Says the same to Shardy: each axis of a leaf may be sharded by itself."""
    batch = [f"b{axis}" for axis in range(len(call.batch))]
    leaves = [
        ArrayMapping(
            *batch, *[f"x{i}y{axis}" for axis in range(len(batch), len(x.shape))]
        )
        for i, x in enumerate(operands[call.steps :])
    ]
    mappings = []
    if call.reduced is not None:
        others = range(len(call.reduced[0]) - len(batch))
        mappings.append(ArrayMapping(*batch, *[f"r{axis}" for axis in others]))
    if call.has_result_of_each:
        mappings.extend(leaves)
    return SdyShardingRule(
        (*[ArrayMapping(*batch)] * call.steps, *leaves), tuple(mappings)
    )


def _compute_shards(
    call: _Call, reduced_axes: Sequence[tuple[str, ...]], *operands: Any
) -> list[Any]:
    """Computes the shards of one device. Penalties of shards do not add up: sums do."""
    leaves = operands[call.steps :]
    call = call._replace(batch=leaves[0].shape[: len(call.batch)])
    if call.reduced is None or not any(reduced_axes):
        return list(_local_call.bind(*operands, call=call))
    if call.handler == "exact_sums":
        return [_reduce_sums(leaves, reduced_axes, call.batch)]
    penalties = _reduce_penalty(call, leaves, reduced_axes)
    if call.handler == "penalty":
        return [penalties]
    gradients = _call.bind(*leaves, call=call._replace(handler="gradient", dtype=""))
    return [penalties, *gradients]


def _reduce_sums(
    leaves: Sequence[Any], axes: Sequence[tuple[str, ...]], batch: tuple[int, ...]
) -> Any:
    """Returns the exact sums of leaves, each of which is sharded over axes."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for leaf, own in zip(leaves, axes, strict=True):
        groups.setdefault(own, []).append(leaf)
    total: Any = 0
    for own, group in groups.items():
        (sums,) = _bind(_Call("exact_sums", _NONE, batch=batch), group)
        total += jax.lax.psum(sums, own) if own else sums
    return total


def _reduce_penalty(
    call: _Call, leaves: Sequence[Any], axes: Sequence[tuple[str, ...]]
) -> Any:
    """Returns the penalty of leaves, each of which is sharded over axes."""
    groups: dict[tuple[float, float], list[int]] = {}
    for i, pair in enumerate(zip(*call.coefficients, strict=True)):
        groups.setdefault(pair, []).append(i)
    sums = [
        _reduce_sums([leaves[i] for i in group], [axes[i] for i in group], call.batch)
        for group in groups.values()
    ]
    of_groups = _Coefficients(*zip(*groups, strict=True))
    return _bind(
        call._replace(handler="penalty_exact_sums", coefficients=of_groups), sums
    )[0]


# ---- Derivatives ---------------------------------------------------------------------


def _slope(l1: float, l2: float, x: Any) -> Any:
    """Returns the gradient as an expression, which XLA fuses into what uses it.

    It has the values of the library's: XLA cannot contract a product that is used twice
    and a sum to one operation, which would round once.
    """
    x = _wide(x)
    if l1 == 0.0 and l2 == 0.0:
        return jnp.zeros_like(x)
    if l2 == 0.0:
        return l1 * jnp.sign(x)
    product = (2.0 * l2) * x
    if l1 == 0.0:
        return product
    otherwise = jnp.where(x < 0.0, product - l1, product)
    return jnp.where(x > 0.0, product + l1, otherwise)


def _along(
    coefficients: _Coefficients, leaves: Any, tangents: Any, dtype: Any
) -> jax.Array:
    """Returns the derivative of a penalty along the tangents."""
    total = jnp.zeros((), dtype)
    for l1, l2, x, tangent in zip(*coefficients, leaves, tangents, strict=True):
        if not _is_zero(tangent):
            slope = _slope(l1, l2, x)
            total += jnp.sum(slope * tangent.astype(slope.dtype), dtype=dtype)
    return total


def _curvature(coefficients: _Coefficients, tangents: Any) -> tuple[Any, ...]:
    """Returns the derivatives of gradients along the tangents."""
    return tuple(
        ((2.0 * l2) * _wide(_dense(tangent))).astype(tangent.dtype)
        for l2, tangent in zip(coefficients.l2, tangents, strict=True)
    )


def _wide(x: Any) -> Any:
    """Returns an array of float16 or bfloat16 as float32, where coefficients fit in."""
    return x.astype(_scalar_dtype((x,)))


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, jax.custom_derivatives.SymbolicZero)


def _dense(tangent: Any) -> Any:
    if _is_zero(tangent):
        return jnp.zeros(tangent.shape, tangent.dtype)
    return tangent


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _penalty(coefficients: _Coefficients, leaves: tuple[Any, ...]) -> Any:
    return _bind(_Call("penalty", coefficients, _scalar_dtype(leaves)), leaves)[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _penalty_and_gradient(coefficients: _Coefficients, leaves: tuple[Any, ...]) -> Any:
    call = _Call("penalty_and_gradient", coefficients, _scalar_dtype(leaves))
    value, *gradients = _bind(call, leaves)
    return value, tuple(gradients)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _gradient(coefficients: _Coefficients, leaves: tuple[Any, ...]) -> Any:
    return tuple(_bind(_Call("gradient", coefficients), leaves)) if leaves else ()


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _prox(
    coefficients: _Coefficients,
    step: float | None,
    in_place: bool,
    steps: tuple[Any, ...],
    leaves: tuple[Any, ...],
) -> Any:
    call = _Call("prox", coefficients, steps=len(steps), step=step, in_place=in_place)
    return tuple(_bind(call, (*steps, *leaves)))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _sharded_penalty(
    coefficients: _Coefficients, axes: tuple[str, ...], leaves: tuple[Any, ...]
) -> Any:
    call = _Call("penalty", coefficients, _scalar_dtype(leaves))
    return _reduce_penalty(call, leaves, [axes] * len(leaves))


def _penalty_jvp(coefficients: Any, primals: Any, tangents: Any) -> Any:
    (leaves,), (directions,) = primals, tangents
    value = _penalty(coefficients, leaves)
    return value, _along(coefficients, leaves, directions, value.dtype)


def _penalty_and_gradient_jvp(coefficients: Any, primals: Any, tangents: Any) -> Any:
    (leaves,), (directions,) = primals, tangents
    value, gradients = _penalty_and_gradient(coefficients, leaves)
    derivative = _along(coefficients, leaves, directions, value.dtype)
    return (value, gradients), (derivative, _curvature(coefficients, directions))


def _gradient_jvp(coefficients: Any, primals: Any, tangents: Any) -> Any:
    (leaves,), (directions,) = primals, tangents
    return _gradient(coefficients, leaves), _curvature(coefficients, directions)


def _prox_jvp(
    coefficients: Any, step: Any, in_place: Any, primals: Any, tangents: Any
) -> Any:
    (steps, leaves), (step_tangents, leaf_tangents) = primals, tangents
    results = _prox(coefficients, step, in_place, steps, leaves)
    scale = steps[0] if steps else step
    derivatives = []
    for result, tangent, l1, l2 in zip(
        results, leaf_tangents, *coefficients, strict=True
    ):
        derivative = _wide(_dense(tangent))
        for step_tangent in step_tangents:
            y = _wide(result)
            slope = -l1 * jnp.sign(y) - 2.0 * l2 * y
            derivative = derivative + slope * _dense(step_tangent)
        derivative = derivative / (1.0 + 2.0 * scale * l2)
        is_cut = (result == 0) & (l1 > 0.0) & (scale > 0.0)
        derivative = jnp.where(is_cut, 0.0, derivative)
        derivatives.append(derivative.astype(result.dtype))
    return results, tuple(derivatives)


def _sharded_penalty_jvp(
    coefficients: Any, axes: Any, primals: Any, tangents: Any
) -> Any:
    (leaves,), (directions,) = primals, tangents
    value = _sharded_penalty(coefficients, axes, leaves)
    derivative = _along(coefficients, leaves, directions, value.dtype)
    return value, jax.lax.psum(derivative, axes)


_penalty.defjvp(_penalty_jvp, symbolic_zeros=True)
_penalty_and_gradient.defjvp(_penalty_and_gradient_jvp, symbolic_zeros=True)
_gradient.defjvp(_gradient_jvp, symbolic_zeros=True)
_prox.defjvp(_prox_jvp, symbolic_zeros=True)
_sharded_penalty.defjvp(_sharded_penalty_jvp, symbolic_zeros=True)


def _exact_sums(leaves: tuple[Any, ...]) -> Any:
    return _bind(_Call("exact_sums", _NONE), leaves)[0]


def _penalty_exact_sums(coefficients: _Coefficients, dtype: str, sums: Any) -> Any:
    return _bind(_Call("penalty_exact_sums", coefficients, dtype), [sums])[0]


# A call outside of a program is compiled, too, and checks the platform thereby.
_jit_penalty = jax.jit(_penalty, static_argnums=0)
_jit_penalty_and_gradient = jax.jit(_penalty_and_gradient, static_argnums=0)
_jit_gradient = jax.jit(_gradient, static_argnums=0)
_jit_prox = jax.jit(_prox, static_argnums=(0, 1, 2))
_jit_sharded_penalty = jax.jit(_sharded_penalty, static_argnums=(0, 1))
_jit_exact_sums = jax.jit(_exact_sums)
_jit_penalty_exact_sums = jax.jit(_penalty_exact_sums, static_argnums=(0, 1))
