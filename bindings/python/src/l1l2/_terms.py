# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Many tensors in one call, on threads if they are wanted."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple, cast

from ._arrays import Array, Compact
from ._library import L1L2Error, Runner, TermStruct, check, library
from ._regularizer import Regularizer, handle_of

_RUNNER_FAILED = 50


class Term(NamedTuple):
    """A tensor of a model, and what is to be computed of it.

    All arrays must be contiguous, of one shape, dtype and order of axes.

    Parameters
    ----------
    regularizer : Regularizer
        Terms may share one.
    x : array
    gradient : array, optional
        What `add_gradient_terms` adds to; None if the gradient is not wanted. What
        `prox_step_terms` reads; None means 0.
    out : array, optional
        What `prox_terms` and `prox_step_terms` write to; None for x itself.
    dtype : "bfloat16", optional
        To be given if NumPy arrays of uint16 hold their bits.
    steps : array, optional
        What `prox_step_terms` multiplies its step with, as `Regularizer.prox_step` does.
    """

    regularizer: Regularizer
    x: Array
    gradient: Array | None = None
    out: Array | None = None
    dtype: Literal["bfloat16"] | None = None
    steps: Array | None = None


class Penalties(NamedTuple):
    """The penalty of each term, and their sum in that order."""

    penalties: list[float]
    total: float


def penalty_terms(
    terms: Iterable[Term], *, threads: int | ThreadPoolExecutor = 1
) -> Penalties:
    """Compute the penalties of many tensors in one call.

    Parameters
    ----------
    terms : iterable of Term
    threads : int or ThreadPoolExecutor
        How many threads compute, or the pool whose threads help the calling one. The
        results have the same bits on any number of threads. Large tensors are cut, so
        that one of them gains as much as many small ones. Where no more threads can be
        started, those that run do it all.

    Returns
    -------
    Penalties
        `penalties`, one for each term, and `total`.

    Raises
    ------
    TypeError, ValueError, BufferError, L1L2Error
        As `Regularizer` says. The message begins with the number of the first term at
        fault, from 0.

    Examples
    --------
    >>> import numpy
    >>> l1 = Regularizer(l1=0.5)
    >>> layers = [numpy.ones(8), numpy.ones((2, 3), numpy.float32)]
    >>> penalty_terms([Term(l1, x) for x in layers], threads=2)
    Penalties(penalties=[4.0, 3.0], total=7.0)
    """
    return _penalties(Call(terms, ()), threads, ())


def add_gradient_terms(
    terms: Iterable[Term],
    scale: float = 1.0,
    *,
    threads: int | ThreadPoolExecutor = 1,
) -> Penalties:
    """Add the gradient of each term to its `gradient`, and return the penalties.

    Parameters
    ----------
    terms : iterable of Term
    scale : float
        A finite factor of all gradients, not of the penalties.
    threads : int or ThreadPoolExecutor
        As for `penalty_terms`.

    Returns
    -------
    Penalties
        From the same pass over memory.
    """
    return _penalties(Call(terms, ("gradient",)), threads, (ctypes.c_double(scale),))


def prox_terms(
    terms: Iterable[Term], step: float, *, threads: int | ThreadPoolExecutor = 1
) -> None:
    """Compute the proximal operator of each term, into its `out` or in place.

    Parameters
    ----------
    terms : iterable of Term
    step : float
        The step size, finite and >= 0.
    threads : int or ThreadPoolExecutor
        As for `penalty_terms`.
    """
    call = Call(terms, ("out",))
    call.run(library.l1l2_prox_terms, threads, (ctypes.c_double(step),), ())


def prox_step_terms(
    terms: Iterable[Term], step: float, *, threads: int | ThreadPoolExecutor = 1
) -> None:
    """Take a step of proximal gradient descent on each term, into its `out` or in place.

    Parameters
    ----------
    terms : iterable of Term
        Their gradients and steps are read.
    step : float
        The step size, finite and >= 0.
    threads : int or ThreadPoolExecutor
        As for `penalty_terms`.

    Examples
    --------
    >>> import numpy
    >>> x, gradient = numpy.array([1.0, -3.0]), numpy.array([2.0, 2.0])
    >>> prox_step_terms([Term(Regularizer(l1=1.0), x, gradient)], 0.5)
    >>> x
    array([ 0. , -3.5])
    """
    call = Call(terms, ("gradient", "steps", "out"))
    call.run(library.l1l2_prox_step_terms, threads, (ctypes.c_double(step),), ())


def _penalties(
    call: Call, threads: int | ThreadPoolExecutor, factor: tuple[Any, ...]
) -> Penalties:
    function = library.l1l2_add_gradient_terms if factor else library.l1l2_penalty_terms
    penalties = (ctypes.c_double * call.count)()
    total = ctypes.c_double()
    call.run(function, threads, factor, (penalties, ctypes.byref(total)))
    return Penalties(list(penalties), total.value)


class Call:
    """Terms as the library takes them, with the arrays that they borrow.

    Of their fields beside x it takes those that are named; the last one is written.
    """

    def __init__(
        self, terms: Iterable[Term], fields: tuple[str, ...], noun: str = "term"
    ) -> None:
        self._noun = noun
        self._terms = list(terms)
        self.count = len(self._terms)
        self._borrowed: list[Compact] = []
        self._structs = (TermStruct * self.count)()
        for i, (term, struct) in enumerate(
            zip(self._terms, self._structs, strict=True)
        ):
            try:
                self._fill(struct, term, fields)
            except L1L2Error as error:
                raise L1L2Error(error.status, f"{noun} {i}: {error.message}") from None
            except TypeError as error:
                raise TypeError(f"{noun} {i}: {error}") from error
            except ValueError as error:
                raise ValueError(f"{noun} {i}: {error}") from error
            except BufferError as error:
                raise BufferError(f"{noun} {i}: {error}") from error

    def _fill(self, struct: TermStruct, term: Term, fields: tuple[str, ...]) -> None:
        if not isinstance(term, Term):
            raise TypeError(f"a Term, not {type(term)!r}")
        if term.regularizer is not None:
            struct.regularizer = handle_of(term.regularizer)
        x = self._borrow(term.x, term.dtype, False)
        struct.x, struct.n, struct.dtype = x.address, x.n, x.dtype
        if "gradient" in fields and term.gradient is not None:
            written = fields[-1] == "gradient"
            gradient = self._borrow(term.gradient, term.dtype, written)
            gradient.expect_alike(x)
            struct.gradient = gradient.address
        if "steps" in fields and term.steps is not None:
            steps = self._borrow(term.steps, None, False)
            steps.expect_steps_of(x)
            struct.steps = steps.address
        if "out" in fields:
            out = self._borrow(
                term.x if term.out is None else term.out, term.dtype, True
            )
            out.expect_alike(x)
            struct.out = out.address

    def _borrow(self, array: Any, dtype: str | None, written: bool) -> Compact:
        borrowed = Compact(array, dtype, written)
        self._borrowed.append(borrowed)
        return borrowed

    def run(
        self,
        function: Any,
        threads: int | ThreadPoolExecutor,
        factor: tuple[Any, ...],
        outputs: tuple[Any, ...],
    ) -> None:
        """Calls a function of terms, and names the first term at fault."""
        faulty = ctypes.c_size_t()
        size = ctypes.sizeof(TermStruct)
        with _crew_of(threads) as crew:
            status = function(
                self._structs,
                size,
                self.count,
                *factor,
                Runner(crew.run) if crew else Runner(),
                None,
                *outputs,
                ctypes.byref(faulty),
            )
        if crew and crew.failure:
            raise crew.failure
        if status == _RUNNER_FAILED:
            # It came at the first instruction of `run`, where Python drops it.
            raise KeyboardInterrupt
        if faulty.value < self.count:
            text = library.l1l2_status_string(status).decode("ascii")
            raise L1L2Error(status, f"{self._noun} {faulty.value}: {text}")
        check(status)


def call_of_arrays(
    arrays: Iterable[Array],
    dtype: Literal["bfloat16"] | None,
    fields: tuple[str, ...] = (),
) -> Call:
    """Returns a call of a function that needs no regularizers."""
    none = cast(Regularizer, None)
    return Call((Term(none, x, dtype=dtype) for x in arrays), fields, "array")


@contextlib.contextmanager
def _crew_of(threads: int | ThreadPoolExecutor) -> Iterator[_Crew | None]:
    """Yields who runs the tasks; None stands for the calling thread."""
    if isinstance(threads, ThreadPoolExecutor):
        yield _Crew(threads, os.cpu_count() or 1)
    elif threads < 1:
        raise ValueError(f"threads must be 1 or more, not {threads}")
    elif threads == 1:
        yield None
    else:
        with ThreadPoolExecutor(threads - 1) as pool:
            yield _Crew(pool, threads - 1)


class _Crew:
    """Runs the library's tasks on the calling thread and on those of a pool.

    An interrupt may come anywhere in the calling thread, but must not pass through C, nor
    leave a helper behind with a task of a call that has ended. So it is kept until the
    tasks are done, and what is shared is made before the call.
    """

    def __init__(self, pool: ThreadPoolExecutor, helpers: int) -> None:
        self._pool = pool
        self._helpers = helpers
        self._tasks: list[tuple[Any, Any, int]] = []
        self._helping: set[int] = set()  # identifiers of threads
        self._ended: SimpleQueue[None] = SimpleQueue()
        self.failure: BaseException | None = None

    def run(self, state: Any, task: Any, work: Any, count: int) -> int:
        """The l1l2_runner: returns when every task is done."""
        # The `except` of each level may be interrupted, too, which the next one keeps.
        keep = self._keep
        return keep(keep, keep, keep, self._run_once, task, work, count)

    def _keep(self, step: Any, *given: Any) -> int:
        while True:
            try:
                return int(step(*given))
            except BaseException as failure:
                self.failure = failure

    def _run_once(self, task: Any, work: Any, count: int) -> int:
        # Again after an interrupt, which may have lost one: a second call of a task does
        # nothing.
        self._tasks[:] = zip(repeat(task), repeat(work), reversed(range(count)))
        self._call_helpers(count - 1)
        self._work()
        self._wait()
        return 0

    def _call_helpers(self, wanted: int) -> None:
        if self.failure is not None:
            return
        # No thread can be started, or the pool is shut down: those there are do it all.
        with contextlib.suppress(RuntimeError):
            for _ in range(min(self._helpers, wanted)):
                self._pool.submit(self._help)

    def _help(self) -> None:
        helper = threading.get_ident()
        try:
            self._helping.add(helper)
            self._work()
        except BaseException as failure:
            self.failure = failure
        finally:
            self._helping.discard(helper)
            self._ended.put(None)

    def _wait(self) -> None:
        # For helpers that have a task; one that begins later finds none. A pool may have
        # called one on this thread.
        while self._helping - {threading.get_ident()}:
            self._ended.get()

    def _work(self) -> None:
        with contextlib.suppress(IndexError):  # none is left
            while True:
                task, work, index = self._tasks.pop()
                task(work, index)
