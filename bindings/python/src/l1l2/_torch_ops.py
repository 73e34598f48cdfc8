# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-any-return"
"""The ops of l1l2.torch: their registration with PyTorch, and their derivatives."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import _extensions

Numbers = Sequence[float]

# penalties  that of each tensor, and their total
# gradients  scales[i] * gradient of each tensor; scales without axes are one for all
# add_gradients_  a gradient of no elements is not wanted
_SCHEMAS = {
    "penalties": "(Tensor[] xs, float[] l1, float[] l2)"
    " -> (Tensor penalties, Tensor total)",
    "gradients": "(Tensor[] xs, float[] l1, float[] l2, Tensor scales) -> Tensor[]",
    "add_gradients_": "(Tensor[] xs, Tensor(a!)[] gradients, float[] l1, float[] l2,"
    " float scale) -> Tensor",
    "prox_": "(Tensor(a!)[] xs, float[] l1, float[] l2, float step) -> ()",
}


def _address_in_torch(name: str) -> int:
    # The handle of a library finds the symbols of those that it depends on.
    library = ctypes.CDLL(torch._C.__file__)
    try:
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    except AttributeError:
        raise ImportError(
            f"l1l2.torch needs PyTorch 2.10 or later: {torch.__version__} has no {name}"
        ) from None
    assert address is not None
    return address


def _register() -> None:
    extension = _extensions.load("_torch")
    _extensions.fill(extension, "torch", _address_in_torch)
    for name, schema in _SCHEMAS.items():
        torch.library.define(
            f"l1l2::{name}", schema, tags=(torch.Tag.pt2_compliant_tag,)
        )
    if extension.l1l2_torch_register() != 0:
        raise ImportError(f"PyTorch {torch.__version__} refuses the kernels of l1l2")


_register()
ops = torch.ops.l1l2

# PyTorch's own means, without public names. Without them a call takes the general way,
# which costs up to 30 microseconds more.
_below_autograd: Callable[[], contextlib.AbstractContextManager[Any]] = getattr(
    torch._C, "_AutoDispatchBelowAutograd", contextlib.nullcontext
)
_is_transformed: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", lambda: True
)


def _makes_graph() -> bool:
    """Whether a derivative of what is computed now may be wanted, of either mode."""
    forward_level: int = getattr(torch.autograd.forward_ad, "_current_level", 0)
    return torch.is_grad_enabled() or forward_level >= 0


def dtype_of_penalties(xs: Sequence[Tensor]) -> torch.dtype:
    """Returns the dtype of the penalties of tensors and of their total."""
    return torch.float64 if any(x.dtype == torch.float64 for x in xs) else torch.float32


def penalties(xs: Sequence[Tensor], l1: Numbers, l2: Numbers) -> tuple[Tensor, Tensor]:
    """Returns the penalty of each tensor and their total, in a graph if one is made."""
    if torch.compiler.is_compiling():
        return ops.penalties(xs, l1, l2)
    if _is_transformed():
        return _TransformedPenalties.apply(l1, l2, *xs)
    return _Penalties.apply(l1, l2, *xs)


def gradients(
    xs: Sequence[Tensor], l1: Numbers, l2: Numbers, scales: Tensor
) -> Sequence[Tensor]:
    """Returns the gradient of each tensor, scaled, in a graph if one is made."""
    if torch.compiler.is_compiling():
        return ops.gradients(xs, l1, l2, scales)
    if _is_transformed():
        return _TransformedGradients.apply(scales, l1, l2, *xs)
    if _makes_graph():
        return _Gradients.apply(scales, l1, l2, *xs)
    with _below_autograd():
        return ops.gradients(xs, l1, l2, scales)


# The derivatives. The graph of a context holds the tensors, with their coefficients.


def _save_penalties(ctx: Any, xs: Sequence[Tensor], l1: Numbers, l2: Numbers) -> None:
    ctx.l1, ctx.l2 = l1, l2
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*xs)
    ctx.save_for_forward(*xs)


def _backward_of_penalties(
    ctx: Any, wanted: Sequence[bool], of_penalties: Any, of_total: Any
) -> list[Tensor | None]:
    """Returns the gradient of each tensor that is wanted, by those of both outputs."""
    xs, l1, l2 = ctx.saved_tensors, ctx.l1, ctx.l2
    chosen = [i for i, is_wanted in enumerate(wanted) if is_wanted]
    if of_penalties is None and of_total is None:
        return [None] * len(xs)
    if of_penalties is None:
        scales = of_total
    else:
        scales = of_penalties if of_total is None else of_penalties + of_total
    if len(chosen) == len(xs):
        return list(gradients(xs, l1, l2, scales))
    results: list[Tensor | None] = [None] * len(xs)
    some = gradients(
        [xs[i] for i in chosen],
        [l1[i] for i in chosen],
        [l2[i] for i in chosen],
        scales[chosen] if scales.ndim else scales,
    )
    for i, result in zip(chosen, some, strict=True):
        results[i] = result
    return results


def _save_gradients(
    ctx: Any, xs: Sequence[Tensor], l1: Numbers, l2: Numbers, scales: Tensor
) -> None:
    ctx.l1, ctx.l2 = l1, l2
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(scales, *xs)
    ctx.save_for_forward(scales, *xs)


def _backward_of_gradients(
    ctx: Any, wants_scales: bool, vectors: Sequence[Tensor | None]
) -> tuple[list[Tensor | None], Tensor | None]:
    """Returns what the vectors of the outputs give the tensors and the scales."""
    scales, *xs = ctx.saved_tensors
    of_xs = [
        None if vector is None else vector * (2.0 * l2 * scale)
        for vector, l2, scale in zip(
            vectors, ctx.l2, scales.expand(len(xs)), strict=True
        )
    ]
    if not wants_scales:
        return of_xs, None
    products = _products(xs, ctx.l1, ctx.l2, vectors, scales.dtype)
    return of_xs, products if scales.ndim else products.sum()


def _products(
    xs: Sequence[Tensor],
    l1: Numbers,
    l2: Numbers,
    vectors: Sequence[Tensor | None],
    dtype: torch.dtype,
) -> Tensor:
    """Returns the inner product of each gradient and its vector; None means zeros."""
    ones = xs[0].new_ones(len(xs), dtype=dtype)
    return torch.stack(
        [
            ones.new_zeros(()) if vector is None else (g.to(dtype) * vector).sum()
            for g, vector in zip(gradients(xs, l1, l2, ones), vectors, strict=True)
        ]
    )


# In eager mode: what torch.library.register_autograd generates takes 50 microseconds.


class _Penalties(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, l1: Numbers, l2: Numbers, *xs: Tensor) -> Any:
        _save_penalties(ctx, xs, l1, l2)
        with _below_autograd():
            return ops.penalties(xs, l1, l2)

    @staticmethod
    def backward(ctx: Any, of_penalties: Any, of_total: Any) -> Any:
        wanted = ctx.needs_input_grad[2:]
        return None, None, *_backward_of_penalties(ctx, wanted, of_penalties, of_total)

    @staticmethod
    def jvp(ctx: Any, _l1: None, _l2: None, *tangents: Tensor | None) -> Any:
        xs = ctx.saved_tensors
        products = _products(xs, ctx.l1, ctx.l2, tangents, dtype_of_penalties(xs))
        return products, products.sum()


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scales: Tensor, l1: Numbers, l2: Numbers, *xs: Tensor) -> Any:
        _save_gradients(ctx, xs, l1, l2, scales)
        with _below_autograd():
            return tuple(ops.gradients(xs, l1, l2, scales))

    @staticmethod
    def backward(ctx: Any, *vectors: Tensor | None) -> Any:
        wants_scales = ctx.needs_input_grad[0]
        of_xs, of_scales = _backward_of_gradients(ctx, wants_scales, vectors)
        return of_scales, None, None, *of_xs

    @staticmethod
    def jvp(ctx: Any, rates: Any, _l1: None, _l2: None, *tangents: Any) -> Any:
        scales, *xs = ctx.saved_tensors
        rates = torch.zeros_like(scales) if rates is None else rates
        results = list(gradients(xs, ctx.l1, ctx.l2, rates))
        each = scales.expand(len(xs))
        for i, tangent in enumerate(tangents):
            if tangent is not None:
                product = tangent * (2.0 * ctx.l2[i] * each[i])
                # Without axes it has the dtype of the scale.
                results[i] = results[i] + product.to(tangent.dtype)
        return tuple(results)


# The same for torch.func, which needs another form of forward that takes longer.


class _TransformedPenalties(_Penalties):
    @staticmethod
    def forward(*inputs: Any) -> Any:
        l1, l2, *xs = inputs
        with _below_autograd():
            return ops.penalties(xs, l1, l2)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        l1, l2, *xs = inputs
        _save_penalties(ctx, xs, l1, l2)

    @staticmethod
    def vmap(info: Any, in_dims: Any, l1: Any, l2: Any, *xs: Tensor) -> Any:
        dims = (in_dims[2:], None, None)
        return _batch_penalties(penalties, info, dims, xs, l1, l2)


class _TransformedGradients(_Gradients):
    @staticmethod
    def forward(*inputs: Any) -> Any:
        scales, l1, l2, *xs = inputs
        with _below_autograd():
            return tuple(ops.gradients(xs, l1, l2, scales))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        scales, l1, l2, *xs = inputs
        _save_gradients(ctx, xs, l1, l2, scales)

    @staticmethod
    def vmap(info: Any, in_dims: Any, scales: Any, l1: Any, l2: Any, *xs: Any) -> Any:
        dims = (in_dims[3:], None, None, in_dims[0])
        results, axes = _batch_gradients(gradients, info, dims, xs, l1, l2, scales)
        return tuple(results), tuple(axes)


def _rows(x: Tensor, axis: int | None, n: int) -> Sequence[Tensor]:
    """Returns the n tensors of a batch along an axis; None: the same for all."""
    return [x] * n if axis is None else x.unbind(axis)


def _batches_of_none(xs: Sequence[Tensor], axes: Any) -> list[Tensor]:
    """Returns each tensor as a batch of no rows along the first axis, in the graph."""
    return [
        (x.expand(0, *x.shape) if axis is None else x.movedim(axis, 0)).clone()
        for x, axis in zip(xs, axes, strict=True)
    ]


def _batch_penalties(
    compute: Any,
    info: Any,
    in_dims: Any,
    xs: Sequence[Tensor],
    l1: Numbers,
    l2: Numbers,
) -> Any:
    n = info.batch_size
    if n == 0:
        dtype = dtype_of_penalties(xs)
        empty = torch.stack(
            [
                batch.reshape(0, batch.shape[1:].numel()).sum(1, dtype=dtype)
                for batch in _batches_of_none(xs, in_dims[0])
            ],
            1,
        )
        return (empty, empty.sum(1)), (0, 0)
    rows = [_rows(x, axis, n) for x, axis in zip(xs, in_dims[0], strict=True)]
    results = [compute([x[i] for x in rows], l1, l2) for i in range(n)]
    parts, totals = zip(*results, strict=True)
    return (torch.stack(parts), torch.stack(totals)), (0, 0)


def _batch_gradients(
    compute: Any,
    info: Any,
    in_dims: Any,
    xs: Sequence[Tensor],
    l1: Numbers,
    l2: Numbers,
    scales: Tensor,
) -> Any:
    n = info.batch_size
    if n == 0:
        return _batches_of_none(xs, in_dims[0]), [0] * len(xs)
    rows = [_rows(x, axis, n) for x, axis in zip(xs, in_dims[0], strict=True)]
    results = [
        compute([x[i] for x in rows], l1, l2, row)
        for i, row in enumerate(_rows(scales, in_dims[3], n))
    ]
    batches = [torch.stack(batch) for batch in zip(*results, strict=True)]
    return batches, [0] * len(batches)


# For compilers and exporters, which see the ops alone.


@torch.library.register_fake("l1l2::penalties")
def _fake_penalties(xs: Any, l1: Any, l2: Any) -> Any:
    dtype = dtype_of_penalties(xs)
    return xs[0].new_empty(len(xs), dtype=dtype), xs[0].new_empty((), dtype=dtype)


@torch.library.register_fake("l1l2::gradients")
def _fake_gradients(xs: Any, l1: Any, l2: Any, scales: Any) -> Any:
    return [torch.empty_like(x) for x in xs]


@torch.library.register_fake("l1l2::add_gradients_")
def _fake_add_gradients(xs: Any, gradients: Any, l1: Any, l2: Any, scale: Any) -> Any:
    return xs[0].new_empty((), dtype=dtype_of_penalties(xs))


@torch.library.register_fake("l1l2::prox_")
def _fake_prox(xs: Any, l1: Any, l2: Any, step: Any) -> None:
    return None


def _op_backward_of_penalties(ctx: Any, of_penalties: Any, of_total: Any) -> Any:
    wanted = ctx.needs_input_grad[0]
    return _backward_of_penalties(ctx, wanted, of_penalties, of_total), None, None


def _op_backward_of_gradients(ctx: Any, vectors: Any) -> Any:
    wants_scales = ctx.needs_input_grad[3]
    of_xs, of_scales = _backward_of_gradients(ctx, wants_scales, vectors)
    return of_xs, None, None, of_scales


torch.library.register_autograd(
    "l1l2::penalties",
    _op_backward_of_penalties,
    setup_context=lambda ctx, inputs, output: _save_penalties(ctx, *inputs),
)
torch.library.register_autograd(
    "l1l2::gradients",
    _op_backward_of_gradients,
    setup_context=lambda ctx, inputs, output: _save_gradients(ctx, *inputs),
)
torch.library.register_vmap(
    "l1l2::penalties", functools.partial(_batch_penalties, ops.penalties)
)
torch.library.register_vmap(
    "l1l2::gradients", functools.partial(_batch_gradients, ops.gradients)
)
