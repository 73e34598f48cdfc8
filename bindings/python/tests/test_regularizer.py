# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""A regularizer as a value, and how long its handle lives."""

import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import l1l2
import numpy
import pytest
from arrays import compact, every_second, foreign

ONES = numpy.ones(4, numpy.float32)
#: Memory for results of many elements.
Y = numpy.zeros(1 << 20, numpy.float32)


def test_regularizers_of_the_same_coefficients_are_equal():
    one, same, other = (l1l2.Regularizer(0.01, l2) for l2 in (0.02, 0.02, 0.03))
    assert one == same and hash(one) == hash(same)
    assert one != other and one != (0.01, 0.02)
    assert l1l2.Regularizer(-0.0) == l1l2.Regularizer()
    assert len({one, same, other}) == 2
    assert repr(one) == "Regularizer(l1=0.01, l2=0.02)"
    assert eval(repr(one), vars(l1l2)) == one


def test_json_is_read_from_text_bytes_and_dictionaries():
    regularizer = l1l2.Regularizer(0.01, 0.02)
    for style in l1l2.JsonStyle:
        text = regularizer.to_json(style)
        for form in (text, text.encode(), json.loads(text)):
            assert l1l2.Regularizer.from_json(form) == regularizer
    assert l1l2.Regularizer.from_config(regularizer.get_config()) == regularizer
    for form in (None, 1, ["l1"], bytearray(b"{}"), {"l1": object()}):
        with pytest.raises(TypeError):
            l1l2.Regularizer.from_json(form)
    for status, form in (
        (40, "{"),
        (41, {"l3": 1.0}),
        (11, {"l1": -1.0}),
        (40, {"l1": float("nan")}),
        (40, '{"\ud800": 1.0}'),
        (11, '{"l1": "0.1"}'),
    ):
        with pytest.raises(l1l2.L1L2Error) as info:
            l1l2.Regularizer.from_json(form)
        assert info.value.status == status
    with pytest.raises(l1l2.L1L2Error, match="l3"):
        l1l2.Regularizer.from_json({"l3": 1.0})


def test_each_style_of_json_has_its_keys():
    regularizer = l1l2.Regularizer(0.01, 0.02)
    config = regularizer.get_config()
    assert json.loads(regularizer.to_json()) == config
    for style, names in (
        (l1l2.JsonStyle.KERAS2, ("class_name",)),
        (l1l2.JsonStyle.KERAS3, ("module", "class_name", "registered_name")),
    ):
        written = json.loads(regularizer.to_json(style))
        assert written.pop("config") == config
        assert set(written) == set(names)
    for style in ("keras3", None):
        with pytest.raises(TypeError):
            regularizer.to_json(style)


def test_pickles_name_the_public_place():
    for value in (
        l1l2.Regularizer(),
        l1l2.ExactSums(),
        l1l2.JsonStyle.CONFIG,
        l1l2.L1L2Error(10, "words"),
        l1l2.Term(l1l2.Regularizer(), 1.0),
    ):
        assert b"l1l2._" not in pickle.dumps(value)


def test_an_error_can_be_pickled():
    with pytest.raises(l1l2.L1L2Error) as info:
        l1l2.Regularizer(-1.0)
    error = pickle.loads(pickle.dumps(info.value))
    assert (error.status, str(error)) == (11, str(info.value))
    error = pickle.loads(pickle.dumps(l1l2.L1L2Error(message="words", status=10)))
    assert (error.status, error.message) == (10, "words")


def assert_closed(regularizer):
    """Every use says that it is closed, and writes nothing."""
    y = ONES.copy()
    term = l1l2.Term(regularizer, ONES, y, y)
    for call in (
        lambda: regularizer.penalty(ONES),
        lambda: regularizer.penalty(ONES[::2]),
        lambda: l1l2.ExactSums().penalty(regularizer),
        lambda: regularizer.add_gradient(ONES, y),
        lambda: regularizer.penalty_and_add_gradient(ONES, y),
        lambda: regularizer.prox(ONES, 0.1, y),
        lambda: regularizer.prox(y[::2], 0.1),
        lambda: l1l2.penalty_terms([term]),
        lambda: l1l2.add_gradient_terms([term]),
        lambda: l1l2.prox_terms([term], 0.1),
        regularizer.to_json,
    ):
        with pytest.raises(l1l2.L1L2Error, match="the regularizer is closed") as info:
            call()
        assert info.value.status == 10
    assert y.tolist() == [1.0] * 4


def test_a_closed_regularizer_says_that_it_is_closed():
    regularizer = l1l2.Regularizer(0.01, 0.02)
    regularizer.close()
    regularizer.close()
    assert_closed(regularizer)
    with l1l2.Regularizer.from_json(b'{"l1": 0.01, "l2": 0.02}') as regularizer:
        regularizer.close()
    assert_closed(regularizer)
    with l1l2.Regularizer(0.01, 0.02) as regularizer:
        assert regularizer(ONES) > 0
    assert_closed(regularizer)
    assert (regularizer.l1, regularizer.l2) == (0.01, 0.02)
    assert regularizer == l1l2.Regularizer(0.01, 0.02)


def test_a_copy_and_its_original_do_not_need_each_other():
    def pickled(protocol):
        return lambda x: pickle.loads(pickle.dumps(x, protocol))

    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    for duplicate in (copy.copy, copy.deepcopy, *map(pickled, protocols)):
        for closed in (0, 1):
            original = l1l2.Regularizer(0.01, 0.02)
            expected = original(ONES)
            pair = [original, duplicate(original)]
            assert pair[0] == pair[1]
            del original
            pair[closed].close()
            assert_closed(pair[closed])
            del pair[closed]
            # These take the memory of the handle that was freed.
            pair.extend(l1l2.Regularizer(0.5) for _ in range(100))
            assert pair[0](ONES) == expected


def test_a_call_keeps_alive_what_nothing_else_does():
    n = 1 << 16
    with ThreadPoolExecutor(4) as threads:
        calls = [
            threads.submit(
                l1l2.Regularizer(1.0).penalty,
                layout(numpy.ones(n, numpy.float32)).array,
            )
            for _ in range(50)
            for layout in (compact, every_second, foreign)
        ]
        gc.collect()
        assert all(call.result() == n for call in calls)


@pytest.mark.parametrize(
    "call",
    [
        l1l2.Regularizer.penalty,
        lambda regularizer, x, sums=l1l2.ExactSums(): sums.add(x),
        lambda regularizer, x: regularizer.add_gradient(x, Y),
        lambda regularizer, x: regularizer.penalty_and_add_gradient(x, Y),
        lambda regularizer, x: regularizer.prox(x, 0.5, Y),
        lambda regularizer, x: regularizer.prox_step(x, x, 0.5, None, Y),
    ],
)
def test_other_threads_run_during_a_call_on_many_elements(call):
    """Python itself would not switch threads for ten minutes here."""
    x, gate, ran = numpy.ones_like(Y), threading.Event(), []
    regularizer = l1l2.Regularizer(1.0)
    thread = threading.Thread(target=lambda: (gate.wait(), ran.append(True)))
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(600.0)
    try:
        gate.set()
        for _ in range(10_000):
            call(regularizer, x)
            if ran:
                break
    finally:
        sys.setswitchinterval(interval)
    assert ran
    thread.join()


AT_EXIT = """
import atexit
atexit.register(lambda: print(regularizer(x)))  # what is registered first runs last
import l1l2, numpy
regularizer, x = l1l2.Regularizer(0.5, 0.25), numpy.ones(4)
"""


def test_a_regularizer_works_until_the_process_has_ended():
    """A daemon thread may use it. (The variable lets glibc overwrite what is freed.)"""
    output = subprocess.check_output(
        [sys.executable, "-c", AT_EXIT],
        env={**os.environ, "MALLOC_PERTURB_": "165"},
        text=True,
    )
    assert output == "3.0\n"
