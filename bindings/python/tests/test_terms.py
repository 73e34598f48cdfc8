# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Many tensors in one call: the bits of single calls, on any threads."""

import dis
import itertools
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import l1l2
import ml_dtypes
import numpy
import pytest
from arrays import Foreign, every_second, read_only

#: An exception that a callback of ctypes raises would otherwise be ignored.
pytestmark = pytest.mark.filterwarnings(
    "error::pytest.PytestUnraisableExceptionWarning"
)
FIRST, SECOND = l1l2.Regularizer(0.01, 0.02), l1l2.Regularizer(l1=0.5)


def tensors():
    rng = numpy.random.default_rng(1)
    for dtype in (numpy.float32, numpy.float64, numpy.float16, ml_dtypes.bfloat16):
        for shape in ((), (0,), (17,), (300, 100), (70_000,)):
            yield rng.standard_normal(shape).astype(dtype)
    yield numpy.asfortranarray(rng.standard_normal((200, 300)))


def model():
    """Terms, and what each call gives for its tensor alone."""
    terms = [
        l1l2.Term((FIRST, SECOND)[i % 2], x, numpy.ones_like(x), numpy.zeros_like(x))
        for i, x in enumerate(tensors())
    ]
    return terms, [term.regularizer(term.x) for term in terms]


@pytest.mark.parametrize("threads", [1, 2, 5, ThreadPoolExecutor(3)], ids=str)
def test_terms_have_the_bits_of_single_calls_on_any_threads(threads):
    terms, penalties = model()
    total = 0.0
    for penalty in penalties:
        total += penalty
    assert l1l2.penalty_terms(terms, threads=threads) == (penalties, total)
    assert l1l2.add_gradient_terms(iter(terms), 0.3, threads=threads) == (
        penalties,
        total,
    )
    l1l2.prox_terms(terms, 0.3, threads=threads)
    for regularizer, x, gradient, out, *_ in terms:
        expected = numpy.ones_like(x)
        regularizer.add_gradient(x, expected, 0.3)
        assert gradient.tobytes() == expected.tobytes()
        regularizer.prox(x, 0.3)
        assert out.tobytes() == x.tobytes()


@pytest.mark.parametrize("threads", [1, 2, 5], ids=str)
def test_steps_of_terms_have_the_bits_of_single_calls_on_any_threads(threads):
    rng = numpy.random.default_rng(2)
    terms, expected = [], []
    for i, x in enumerate(tensors()):
        regularizer, steps, gradient = (FIRST, SECOND)[i % 2], None, None
        if i % 3:
            steps = rng.random(x.shape).astype("f8" if x.dtype == "f8" else "f4")
            steps = numpy.asfortranarray(steps) if x.flags.fnc else steps
            steps.flags.writeable = False
        if i % 4:
            gradient = read_only(numpy.ones_like(x))
        out = numpy.zeros_like(x) if i % 2 else None
        expected.append(numpy.zeros_like(x))
        regularizer.prox_step(x, gradient, 0.3, steps, expected[-1])
        terms.append(l1l2.Term(regularizer, x, gradient, out, steps=steps))
    l1l2.prox_step_terms(terms, 0.3, threads=threads)
    for term, result in zip(terms, expected):
        out = term.x if term.out is None else term.out
        assert out.tobytes() == result.tobytes()


def test_steps_of_terms_of_bfloat16_that_are_given_as_bits():
    x, out = numpy.array([1.0, -3.0], ml_dtypes.bfloat16), numpy.zeros(2, numpy.uint16)
    gradient, steps = x[::-1].copy(), numpy.array([0.5, 2.0], numpy.float32)
    bits = x.view(numpy.uint16), gradient.view(numpy.uint16), out, "bfloat16", steps
    l1l2.prox_step_terms([l1l2.Term(SECOND, *bits)], 0.5)
    SECOND.prox_step(x, gradient, 0.5, steps)
    assert out.tobytes() == x.tobytes()


def test_steps_have_the_type_in_which_is_computed():
    for dtype, steps in (("f4", "f8"), ("f8", "f4"), ("f2", "f2")):
        term = l1l2.Term(FIRST, numpy.ones(3, dtype), steps=numpy.ones(3, steps))
        with pytest.raises(ValueError, match="term 0: steps must be float64 for"):
            l1l2.prox_step_terms([term], 1.0)
    for steps in (numpy.ones(2), numpy.full(3, -1.0)):
        x = numpy.ones(3)
        with pytest.raises(ValueError, match="term 0: "):
            l1l2.prox_step_terms([l1l2.Term(FIRST, x, steps=steps)], 1.0)
        assert x.tolist() == [1.0] * 3


def test_no_terms():
    assert l1l2.penalty_terms([]) == ([], 0.0)
    assert l1l2.penalty_terms([], threads=4) == ([], 0.0)
    l1l2.prox_terms([], 0.1)
    l1l2.prox_step_terms([], 0.1)


def test_the_strides_of_no_elements_do_not_matter():
    empty = numpy.ones((2, 4))[:0, ::2]
    assert l1l2.penalty_terms([l1l2.Term(FIRST, empty)]) == ([0.0], 0.0)


def test_out_is_x_by_default_and_a_gradient_may_be_unwanted():
    x, y = numpy.ones(5), numpy.ones(5)
    terms = [l1l2.Term(SECOND, x), l1l2.Term(SECOND, numpy.ones(5), gradient=y)]
    assert l1l2.add_gradient_terms(terms).total == 5.0
    assert x.tolist() == [1.0] * 5 and y.tolist() == [1.5] * 5
    l1l2.prox_terms(terms[:1], 1.0)
    assert x.tolist() == [0.5] * 5


def test_terms_keep_alive_what_nothing_else_does():
    """The array of a scalar, and what a foreign array exports."""

    class Exporting:
        def __init__(self, value):
            self._value = value

        def __dlpack__(self):
            return numpy.full(4, float(self._value)).__dlpack__()

    for given in (numpy.float64, Exporting):
        terms = [l1l2.Term(SECOND, given(value)) for value in range(10)]
        penalties, total = l1l2.penalty_terms(terms)
        assert penalties == [penalties[1] * value for value in range(10)]
        assert total == 45 * penalties[1] > 0
    read = [l1l2.Term(SECOND, read_only(numpy.ones(2)))]
    assert l1l2.penalty_terms(read).total == 1.0


def test_an_error_names_the_first_term_at_fault():
    good, x = l1l2.Term(FIRST, numpy.ones(3)), numpy.ones(3)
    for bad, error, reason in (
        ((FIRST, x), TypeError, "term 1: .*a Term, not .*tuple"),
        (l1l2.Term(0.1, x), TypeError, "term 1: .*a Regularizer, not .*float"),
        (l1l2.Term(FIRST, [1.0]), TypeError, "term 1: .*has no memory"),
        (l1l2.Term(FIRST, x, x[:2].copy()), ValueError, "term 1: .*different shapes"),
        (l1l2.Term(FIRST, x, numpy.ones(3, "f4")), ValueError, "term 1: .*dtypes"),
        (l1l2.Term(FIRST, x, x), l1l2.L1L2Error, "term 1: .*overlap"),
        (l1l2.Term(FIRST, numpy.ones(4)[::2]), ValueError, "term 1: .*contiguous"),
        (
            l1l2.Term(FIRST, numpy.ones((2, 2)), numpy.ones((2, 2)).T),
            ValueError,
            "term 1: .*order of memory",
        ),
        (l1l2.Term(FIRST, every_second(x).array), ValueError, "term 1: .*contiguous"),
        (l1l2.Term(FIRST, Foreign(numpy.ones(3, "i4"))), TypeError, "term 1: "),
    ):
        for threads in (1, 2):
            with pytest.raises(error, match=reason):
                l1l2.add_gradient_terms([good, bad, bad], threads=threads)
    assert x.tolist() == [1.0] * 3
    with pytest.raises(l1l2.L1L2Error, match="^the scale") as info:
        l1l2.add_gradient_terms([], float("inf"))
    assert info.value.status == 13


def test_threads_must_be_some():
    for threads in (0, -1):
        with pytest.raises(ValueError, match="threads"):
            l1l2.penalty_terms([], threads=threads)


def test_a_pool_that_is_busy_or_shut_down():
    terms = [l1l2.Term(SECOND, numpy.ones(1 << 16)) for _ in range(8)]
    expected = l1l2.penalty_terms(terms)
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait)
        try:
            # The calling thread does it all.
            assert l1l2.penalty_terms(terms, threads=pool) == expected
        finally:
            gate.set()
        # So it does within the pool itself.
        call = pool.submit(lambda: l1l2.penalty_terms(terms, threads=pool))
        assert call.result(timeout=60) == expected
    # And of one that starts no threads any more.
    assert l1l2.penalty_terms(terms, threads=pool) == expected


def large_terms(count):
    x, gradient = numpy.ones(1 << 16), numpy.zeros(1 << 16)
    return [l1l2.Term(SECOND, x.copy(), gradient.copy()) for _ in range(count)]


@pytest.fixture
def started(monkeypatch):
    """The threads that have been started."""
    threads, start = [], threading.Thread.start
    monkeypatch.setattr(
        threading.Thread, "start", lambda self: (threads.append(self), start(self))
    )
    return threads


def test_a_thread_is_started_only_if_one_is_wanted(started):
    terms = large_terms(2)
    arrays = [term.x for term in terms]
    for call, *given in (
        (l1l2.penalty_terms, terms),
        (l1l2.add_gradient_terms, terms),
        (l1l2.prox_terms, terms, 0.5),
        (l1l2.prox_step_terms, terms, 0.5),
        (l1l2.ExactSums().add_all, arrays),
        (l1l2.clip_by_norm, arrays, 1.0, 2.0),
    ):
        call(*given)
        assert not started
        call(*given, threads=2)
        assert started
        started.clear()


def test_a_pool_helps_where_the_number_of_processors_is_not_known(monkeypatch, started):
    monkeypatch.setattr("os.cpu_count", lambda: None)
    with ThreadPoolExecutor(1) as pool:
        assert l1l2.penalty_terms(large_terms(8), threads=pool).total == 1 << 18
    assert started


class Now(ThreadPoolExecutor):
    """Does all at once, on the thread that submits it."""

    def __init__(self, error=None):
        super().__init__(1)
        self._error = error

    def submit(self, work):
        future = Future()
        future.set_result(work())
        if self._error:
            raise self._error
        return future


def test_a_pool_may_do_all_tasks_and_fail_afterwards():
    terms = large_terms(8)
    assert l1l2.penalty_terms(terms, threads=Now()) == ([1 << 15] * 8, 1 << 18)
    with pytest.raises(MemoryError):
        l1l2.penalty_terms(terms, threads=Now(MemoryError()))


class Exhausted(ThreadPoolExecutor):
    """The system has a thread for it, and no more."""

    def submit(self, work):
        if self._threads:
            time.sleep(0.001)
            raise RuntimeError("can't start new thread")
        return super().submit(work)


def test_all_is_written_if_no_more_threads_can_be_started(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    terms = large_terms(40)
    with Exhausted() as pool:
        l1l2.add_gradient_terms(terms, threads=pool)
    assert all((term.gradient == 0.5).all() for term in terms)


CREW = l1l2._terms._Crew


@pytest.fixture
def before_task(monkeypatch):
    """What is called first in each task: on another thread than the main one, and on it."""
    actions, make = [], l1l2._library.Runner

    def make_runner(run=None):
        def runner(state, task, work, count):
            def delayed(work, index):
                on_another = threading.current_thread() is not threading.main_thread()
                actions[0 if on_another else 1]()
                task(work, index)

            return run(state, delayed, work, count)

        return make(runner) if run else make()

    monkeypatch.setattr("l1l2._terms.Runner", make_runner)
    return lambda *both: actions.extend(both)


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGALRM]])
def test_an_interrupt_is_raised_after_the_last_task(before_task, signals):
    """Ctrl-C comes when the calling thread waits for the one of the pool, or two at once."""
    terms, main, begun = large_terms(8), threading.get_ident(), threading.Event()

    def interrupt():
        begun.set()
        for _ in range(10_000):
            time.sleep(0.001)
            if sys._current_frames()[main].f_code is CREW._wait.__code__:
                break
        for number in signals:
            signal.pthread_kill(main, number)
        time.sleep(0.05)

    before_task(interrupt, lambda: begun.wait(10))
    before = [signal.signal(number, signal.default_int_handler) for number in signals]
    try:
        with ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt):
            l1l2.add_gradient_terms(terms, threads=pool)
    finally:
        for number, handler in zip(signals, before):
            signal.signal(number, handler)
    for term in terms:
        assert term.gradient.tolist() == [0.5] * term.x.size


def test_an_error_on_a_thread_of_the_pool_is_raised(before_task):
    begun = threading.Event()

    def fail():
        begun.set()
        raise MemoryError

    before_task(fail, lambda: begun.wait(10))
    with ThreadPoolExecutor(1) as pool, pytest.raises(MemoryError):
        l1l2.add_gradient_terms(large_terms(8), threads=pool)


def interrupted_at(place, call):
    """Returns whether a call was interrupted at an instruction of what runs its tasks.

    The first ones and the last ones, which no `try` can hold, are not counted.
    """
    functions = CREW._keep, CREW._run_once, CREW._call_helpers, CREW._work, CREW._wait
    codes = [function.__code__ for function in functions]
    bare = {"RESUME", "NOP", "SETUP_FINALLY", "POP_BLOCK"}
    bare |= {"LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}

    def trace(frame, event, argument):
        nonlocal place
        code = frame.f_code
        if code not in codes:
            return None
        frame.f_trace_opcodes = True
        name = dis.opname[code.co_code[frame.f_lasti]]
        if event == "opcode" and not (code is codes[0] and name in bare):
            place -= 1
            if place < 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 traces none otherwise
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interrupt_at_any_instruction_leaves_no_task_out(before_task):
    before_task(lambda: time.sleep(0.005), lambda: None)
    with ThreadPoolExecutor(2) as pool:
        for place in itertools.count():
            terms = large_terms(3)
            call = partial(l1l2.add_gradient_terms, terms, threads=pool)
            interrupted = interrupted_at(place, call)
            assert all((term.gradient == 0.5).all() for term in terms), place
            if not interrupted:
                break
    assert place > 50


def test_an_interrupt_at_the_first_instruction_is_raised(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(CREW, "run", interrupted)
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    terms = large_terms(2)
    with pytest.raises(KeyboardInterrupt):
        l1l2.add_gradient_terms(terms, threads=2)
    assert not any(term.gradient.any() for term in terms)
