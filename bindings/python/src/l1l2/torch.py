# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
# mypy: disable-error-code="import-not-found"
"""L1/L2 regularization of PyTorch's tensors, by libl1l2.

>>> import torch, l1l2.torch
>>> model = torch.nn.Linear(3, 2)
>>> loss = model(torch.ones(3)).sum() + l1l2.torch.penalty(model, l1=1e-4, l2=1e-3)
>>> loss.backward()

**Tensors.** Every function takes one tensor, a module (all its parameters), an iterable
of tensors, or an iterable of parameter groups as `torch.optim` takes them: dicts with
"params", and "l1" and "l2" where they differ from the arguments. All tensors are taken
in one call. They are dense tensors of the CPU of float32, float64, float16 or bfloat16,
of any shape and strides, and are never copied. A function whose name ends in _ writes
to its tensors.

**Coefficients** are numbers `l1` and `l2`, or a `l1l2.Regularizer` in the place of l1.

**Values.** The L2 part has no factor 1/2: the penalty of a tensor is
l1 * sum(|x|) + l2 * sum(x^2). It is summed in double and rounded once to its dtype:
float64 if a tensor is of float64, else float32, in which that of a model in float16
does not overflow. It has the same bits on every CPU and any number of threads, compiled
or not. The gradient has the dtype of its tensor.

**Threads.** Calls take `torch.get_num_threads()` threads.

**Errors.** `TypeError`, `NotImplementedError`, `ValueError` and `RuntimeError`, as from
PyTorch's own functions, and before anything is written, except where noted.

PyTorch 2.10 or later is needed.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Union

import numpy

from ._exact_sums import ExactSums
from ._regularizer import Regularizer

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise ImportError(
        f"l1l2.torch needs PyTorch 2.10 or later ({error}): pip install 'l1l2[torch]'"
    ) from error

from . import _torch_ops

__all__ = [
    "add_gradient_",
    "exact_sums",
    "penalties",
    "penalty",
    "prox_",
    "register_prox",
]

Tensors = Union[Tensor, torch.nn.Module, Iterable[Tensor], Iterable[Mapping[str, Any]]]
Coefficient = Union[float, Regularizer]

_DTYPES = frozenset({torch.float32, torch.float64, torch.float16, torch.bfloat16})
_PLAIN = (Tensor, torch.nn.Parameter)


class _Terms(NamedTuple):
    """Tensors with the coefficients of each."""

    xs: list[Tensor]
    l1: list[float]
    l2: list[float]


def _number(name: str, value: Any) -> float:
    is_scalar = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_scalar and isinstance(value, numpy.ndarray) and value.ndim == 0:
        # A compiler takes every number of NumPy for an array, and knows no dtype of it.
        is_scalar = torch.compiler.is_compiling() or value.dtype.kind in "fiu"
    if not is_scalar:
        raise TypeError(f"{name} must be a number, not an object of {type(value)!r}")
    return float(value)


def _coefficient(name: str, value: Any) -> float:
    if isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a number, not a tensor: there is no gradient with respect"
            f" to it; pass {name}.item()"
        )
    number = _number(name, value)
    if not 0.0 <= number < math.inf:
        raise ValueError(f"Invalid {name}: {value}, it must be finite and >= 0")
    return number


def _item(value: Any) -> Any:
    """Returns the number of a tensor, such as a learning rate."""
    return value.item() if isinstance(value, Tensor) else value


def _defaults(l1: Any, l2: Any) -> tuple[Any, Any]:
    """Returns the coefficients of groups that have none of their own."""
    if not isinstance(l1, Regularizer):
        return l1, l2
    if not isinstance(l2, float) or l2 != 0.0:
        raise TypeError("l2 must not be given beside a regularizer")
    return l1.l1, l1.l2


def _groups(
    tensors: Tensors, l1: Coefficient, l2: float
) -> Iterator[tuple[Iterable[Any], float, float]]:
    """Yields tensors that share their coefficients."""
    a, b = _defaults(l1, l2)
    if isinstance(tensors, Tensor):
        yield (tensors,), a, b
        return
    if isinstance(tensors, torch.nn.Module):
        yield tensors.parameters(), a, b
        return
    if isinstance(tensors, Mapping):
        raise TypeError(
            "a parameter group must stand in a list, even if it is alone; of a dict of"
            " tensors pass its values()"
        )
    for item in _unused(tensors):
        if isinstance(item, Mapping):
            params = item["params"]
            if isinstance(params, torch.nn.Module):
                params = params.parameters()
            yield (
                (params,) if isinstance(params, Tensor) else _unused(params),
                item.get("l1", a),
                item.get("l2", b),
            )
        elif isinstance(item, torch.nn.Module):
            yield item.parameters(), a, b
        else:
            yield (item,), a, b


def _unused(items: Iterable[Any]) -> Iterable[Any]:
    """Returns the items; raises if they are an iterator that has been used up."""
    if not isinstance(items, Iterator):
        return items
    taken = list(items)
    if not taken:
        raise ValueError(
            "an iterator without tensors, which may be used up: pass the module itself,"
            " or list(module.parameters())"
        )
    return taken


def _terms(tensors: Tensors, l1: Coefficient, l2: float) -> _Terms:
    xs: list[Tensor] = []
    l1s: list[float] = []
    l2s: list[float] = []
    for group, group_l1, group_l2 in _groups(tensors, l1, l2):
        a = _coefficient("l1", group_l1)
        b = _coefficient("l2", group_l2)
        for x in group:
            _expect_suitable(x)
            xs.append(x)
            l1s.append(a)
            l2s.append(b)
    return _Terms(xs, l1s, l2s)


def _expect_suitable(x: Any) -> None:
    """Raises unless the memory of x is what x stands for, and the CPU's."""
    if not isinstance(x, Tensor):
        advice = ": pass the parameters without names" if isinstance(x, tuple) else ""
        raise TypeError(f"a tensor is needed, not an object of {type(x)!r}{advice}")
    if _is_spread(x):
        raise TypeError(
            "a DTensor is spread over processes: pass x.to_local(), this process's part"
            " of it; l1l2.torch.exact_sums gives the penalty of the whole"
        )
    if x.dtype not in _DTYPES:
        remedy = (
            "pass x.dequantize()"
            if x.is_quantized
            else "convert it, or leave it out of the tensors"
        )
        raise TypeError(
            f"a tensor of {x.dtype}: it must be of float32, float64, float16 or"
            f" bfloat16; {remedy}"
        )
    if x.layout != torch.strided or x.is_nested:
        raise TypeError(
            f"a tensor of layout {x.layout} is not dense: pass x.values(), or"
            " x.to_dense()"
        )
    if x.device.type != "cpu":
        remedy = (
            "materialize it first, as by module.to_empty(device='cpu')"
            if x.device.type == "meta"
            else "pass x.cpu(), or take PyTorch's own functions there"
        )
        raise NotImplementedError(
            f"a tensor on the device {x.device}: libl1l2 reads the memory of the CPU;"
            f" {remedy}"
        )
    # A compiler sees tensors that have no memory; what it makes of x is not negated.
    if not torch.compiler.is_compiling() and x.is_neg():
        raise RuntimeError(
            "a tensor that is lazily negated, whose memory holds other numbers: pass"
            " x.resolve_neg()"
        )


def penalty(tensors: Tensors, l1: Coefficient = 0.0, l2: float = 0.0) -> Tensor:
    """Compute the penalty of all tensors: the sum of theirs, in their order.

    It can be differentiated, any number of times, in reverse and in forward mode, by
    `torch.func`, and in functions that `torch.compile` compiles. The second derivative
    is 2 * l2. Forward mode over forward mode gives zeros, as for every
    `torch.autograd.Function`.

    Parameters
    ----------
    tensors : tensor, module, iterable of tensors or of parameter groups
    l1, l2 : float
        The coefficients, finite and >= 0, where a group has none of its own. In the
        place of l1 may stand a `l1l2.Regularizer`, without l2.

    Returns
    -------
    Tensor
        Without axes, of float32, or of float64 if a tensor is of float64.

    Raises
    ------
    TypeError
        There is an object that is not a tensor, a DTensor, a tensor that is sparse or
        nested, or another dtype; or a coefficient that is not a number; or l2 beside a
        regularizer.
    NotImplementedError
        A tensor is not on the CPU.
    RuntimeError
        A tensor is lazily negated.
    ValueError
        A coefficient is negative, infinite or NaN.

    Examples
    --------
    >>> x = torch.tensor([0.5, -1.25, 0.0, 2.0], requires_grad=True)
    >>> value = penalty(x, l1=0.01, l2=0.02)
    >>> value
    tensor(0.1538, grad_fn=<_PenaltiesBackward>)
    >>> value.backward()
    >>> x.grad
    tensor([ 0.0300, -0.0600,  0.0000,  0.0900])
    >>> kernel, bias = torch.ones(3, 2), torch.ones(2)
    >>> penalty([{"params": [kernel], "l2": 0.5}, {"params": [bias]}], l1=0.25)
    tensor(5.)
    """
    return _penalties(tensors, l1, l2)[1]


def penalties(tensors: Tensors, l1: Coefficient = 0.0, l2: float = 0.0) -> Tensor:
    """Compute the penalty of each tensor, as `penalty` does that of all.

    Returns
    -------
    Tensor
        Of one axis, with as many elements as there are tensors.
    """
    return _penalties(tensors, l1, l2)[0]


def _penalties(tensors: Tensors, l1: Coefficient, l2: float) -> tuple[Tensor, Tensor]:
    terms = _terms(tensors, l1, l2)
    if not terms.xs:
        return _no_penalty().new_zeros(0), _no_penalty()
    return _torch_ops.penalties(*terms)


def _no_penalty() -> Tensor:
    # PyTorch may have other defaults.
    return torch.zeros((), dtype=torch.float32, device="cpu")


def _expect_once(tensors: Sequence[Tensor]) -> None:
    """Raises if a tensor would be written twice, on two threads perhaps."""
    if len(set(tensors)) < len(tensors):
        raise ValueError(
            "a tensor is given twice, as a weight that two modules share: pass each"
            " once, or one module that holds both, whose parameters() has each once"
        )


def add_gradient_(
    tensors: Tensors, l1: Coefficient = 0.0, l2: float = 0.0, *, scale: float = 1.0
) -> Tensor:
    """Add scale * (l1 * sign(x) + 2 * l2 * x) to the `.grad` of each tensor.

    Does what `penalty(tensors, l1, l2).backward()` does, in one pass over memory and
    without a graph: the fastest way for a training loop, between `backward` and `step`.
    In PyTorch 2.15 or later it may be part of a compiled function.

    Parameters
    ----------
    tensors : tensor, module, iterable of tensors or of parameter groups
        Leaves of the graph, each at most once. One that does not require grad counts in
        the penalty and keeps its `.grad`; where that is None, it begins with zeros.
    l1, l2 : float
        As for `penalty`.
    scale : float
        A finite factor of the gradients, not of the penalty: `scaler.get_scale()` if
        the gradients are those of a scaled loss.

    Returns
    -------
    Tensor
        The penalty, from the same pass, without a graph.

    Raises
    ------
    RuntimeError
        A tensor that requires grad is no leaf; a `.grad` has another dtype; the scale
        is not finite.
    ValueError
        As from `penalty`; or a tensor is given twice.
    TypeError, NotImplementedError
        As from `penalty`, also for a `.grad`.
    """
    factor = _number("scale", _item(scale))
    xs, l1s, l2s = _terms(tensors, l1, l2)
    if not xs:
        return _no_penalty()
    _expect_once([x for x in xs if x.requires_grad])
    not_wanted = xs[0].new_empty(0)
    gradients = []
    for x in xs:
        if not x.requires_grad:
            gradients.append(not_wanted)
            continue
        if not x.is_leaf:
            raise RuntimeError(
                "only a leaf has a .grad that is kept: pass the parameters themselves,"
                " or take penalty(...).backward()"
            )
        if x.grad is not None:
            if x.grad.layout != torch.strided:
                raise TypeError(
                    f"a .grad of layout {x.grad.layout} is not dense: call"
                    " penalty(...).backward(), or make the layer with sparse=False"
                )
            _expect_suitable(x.grad)
        gradients.append(torch.zeros_like(x) if x.grad is None else x.grad)
    with torch.no_grad():
        total: Tensor = _torch_ops.ops.add_gradients_(xs, gradients, l1s, l2s, factor)
    for x, gradient in zip(xs, gradients, strict=True):
        if x.requires_grad and x.grad is None:
            x.grad = gradient
    _count_writes(gradients)
    return total


def prox_(
    tensors: Tensors, step: float, l1: Coefficient = 0.0, l2: float = 0.0
) -> None:
    """Compute sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2), in place.

    This is the proximal operator of step * penalty, which makes exact zeros.

    Parameters
    ----------
    tensors : tensor, module, iterable of tensors or of parameter groups
        Each at most once. Of a DTensor this process's part is written.
    step : float
        The step size, finite and >= 0: the learning rate of the step before.
    l1, l2 : float
        As for `penalty`.

    Raises
    ------
    RuntimeError
        A tensor requires grad, and gradients are recorded: call it under
        `torch.no_grad()`. Or elements of a tensor share memory.
    ValueError
        The step or a coefficient is negative, infinite or NaN; a tensor is given twice.
    TypeError, NotImplementedError
        As from `penalty`; a DTensor is partial.

    Examples
    --------
    >>> x = torch.tensor([0.5, -1.25, 0.0, 2.0], requires_grad=True)
    >>> with torch.no_grad():
    ...     prox_(x, step=1.0, l1=1.0)
    >>> x
    tensor([ 0.0000, -0.2500,  0.0000,  1.0000], requires_grad=True)
    """
    step = _coefficient("step", _item(step))
    # The tensors may come from an iterator, which can be gone through once.
    groups = [(list(group), a, b) for group, a, b in _groups(tensors, l1, l2)]
    given = [x for group, _, _ in groups for x in group]
    xs, l1s, l2s = _terms(
        [
            {"params": [_written(x) for x in group], "l1": a, "l2": b}
            for group, a, b in groups
        ],
        0.0,
        0.0,
    )
    if xs:
        _expect_once(given)
        with torch.no_grad():
            _torch_ops.ops.prox_(xs, l1s, l2s, step)
        # A DTensor counts apart from its part. That others count twice is no matter.
        _count_writes([*xs, *given])


def _written(x: Any) -> Any:
    """Returns what is in this process's memory of a tensor that is to be written."""
    if isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled():
        raise RuntimeError(
            "a tensor that requires grad is written in place: call prox_ under"
            " torch.no_grad()"
        )
    return _local_part(x) if _is_spread(x) else x


def _count_writes(tensors: Sequence[Tensor]) -> None:
    """Lets a backward that needs what the tensors were before find out."""
    if not torch.compiler.is_compiling():
        torch.autograd.graph.increment_version(tensors)


def register_prox(
    optimizer: torch.optim.Optimizer, l1: Coefficient = 0.0, l2: float = 0.0
) -> torch.utils.hooks.RemovableHandle:
    """Let each step of an optimizer be followed by `prox_`, which makes exact zeros.

    The step size is the learning rate that the parameter group has then, so that
    schedulers work. A group may have "l1" and "l2" of its own, which are saved and
    loaded with the state of the optimizer. As in the step, parameters without a
    gradient are left alone, and all are if a `torch.amp.GradScaler` skips the step.
    After plain SGD this is the proximal gradient method.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Of any kind whose groups have "lr". A copy of it, or one that is unpickled, must
        be registered anew.
    l1, l2 : float
        As for `penalty`, for groups that have none of their own.

    Returns
    -------
    torch.utils.hooks.RemovableHandle
        Its `remove()` ends it.

    Raises
    ------
    ValueError
        A coefficient is negative, infinite or NaN, or all are 0; a group has no "lr".
    TypeError
        As from `penalty`, for a coefficient.

    Examples
    --------
    >>> weights = torch.nn.Parameter(torch.tensor([0.05, 2.0]))
    >>> optimizer = torch.optim.SGD([weights], lr=0.1)
    >>> handle = register_prox(optimizer, l1=1.0)
    >>> weights.sum().mul(0.0).backward()
    >>> optimizer.step()
    >>> weights
    Parameter containing:
    tensor([0.0000, 1.9000], requires_grad=True)
    """
    l1, l2 = _defaults(l1, l2)
    largest = 0.0
    for group in optimizer.param_groups:
        if "lr" not in group:
            raise ValueError('a parameter group without "lr" has no step size')
        largest = max(
            largest,
            _coefficient("l1", group.get("l1", l1)),
            _coefficient("l2", group.get("l2", l2)),
        )
    if largest == 0.0:
        raise ValueError(
            "all coefficients are 0: give l1 or l2, or keys of these names in the"
            " parameter groups"
        )

    def follow(optimizer: Any, _arguments: Any, _keywords: Any) -> None:
        # Set by a GradScaler for an optimizer that finds infinities itself.
        if getattr(optimizer, "found_inf", None):
            return
        with torch.no_grad():
            for group in optimizer.param_groups:
                stepped = [x for x in group["params"] if x.grad is not None]
                prox_(stepped, group["lr"], group.get("l1", l1), group.get("l2", l2))

    return optimizer.register_step_post_hook(follow)


def exact_sums(
    tensors: Tensors,
    process_group: torch.distributed.ProcessGroup | None = None,
    *,
    plain: Literal["sharded", "replicated"] | None = None,
) -> ExactSums:
    """Compute the exact sums of tensors that are spread over processes.

    Each process adds its own part, and the group adds the parts as integers. Every
    process then has the sums of the whole, whose penalty or norm has the same bits for
    any number of processes and any sharding. Without `torch.distributed` the sums are
    those of this process. The reduction moves 1656 bytes. If one process raises, the
    others wait for it, as in every collective operation.

    Parameters
    ----------
    tensors : tensor, module, iterable of tensors or of parameter groups
        DTensors, as FSDP2 makes them, are taken by their placements: what several
        processes hold is added once. Coefficients of groups have no effect.
    process_group : torch.distributed.ProcessGroup, optional
        The processes that hold the tensors, by default all; all of them must call. Its
        backend must take tensors of the CPU, as Gloo does.
    plain : "sharded" or "replicated", optional
        What a tensor that is no DTensor is: a part that this process alone holds, as of
        FSDP1 without its padding, or one that all hold alike. To be given if there are
        such tensors and several processes.

    Returns
    -------
    l1l2.ExactSums
        Its method `penalty` gives the penalty, and math.sqrt(sums.square) the norm.

    Raises
    ------
    ValueError
        There are several processes, and `plain` is needed.
    TypeError, NotImplementedError, RuntimeError
        As from `penalty`; a DTensor is partial.
    """
    distributed = torch.distributed
    is_spread = (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size(process_group) > 1
    )
    is_first = not is_spread or distributed.get_rank(process_group) == 0
    sums = ExactSums()
    for group, _, _ in _groups(tensors, 0.0, 0.0):
        for x in group:
            if _is_spread(x):
                is_own, x = _is_first_holder(x), _local_part(x)
            elif is_spread and plain not in ("sharded", "replicated"):
                raise ValueError(
                    "a tensor that is no DTensor: pass plain='sharded' if each process"
                    " has a part of its own, or plain='replicated' if all have the same"
                )
            else:
                is_own = is_first or plain == "sharded"
            _expect_suitable(x)
            if is_own:
                sums.add(x.detach())
    if is_spread:
        # In place: the tensor is the accumulator's memory.
        distributed.all_reduce(torch.from_numpy(sums.array), group=process_group)
        sums.check()
    return sums


def _is_spread(x: Any) -> bool:
    """Whether x is a DTensor, whose module takes half a second to import."""
    return type(x) not in _PLAIN and hasattr(x, "device_mesh")


def _local_part(x: Any) -> Any:
    if any(placement.is_partial() for placement in x.placements):
        raise TypeError(
            "a DTensor that is partial, a sum still to be made: pass"
            " x.redistribute(...) with other placements"
        )
    return x.to_local()


def _is_first_holder(x: Any) -> bool:
    """Whether no process before this one holds the same part of a DTensor."""
    coordinate = x.device_mesh.get_coordinate()
    return coordinate is not None and not any(
        placement.is_replicate() and index > 0
        for placement, index in zip(x.placements, coordinate, strict=True)
    )
