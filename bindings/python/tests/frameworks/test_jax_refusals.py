# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""What l1l2.jax refuses, and in which words."""

import l1l2
import numpy
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp
import l1l2.jax
from jax.experimental import sparse

REGULARIZER = l1l2.Regularizer(l1=0.01, l2=0.02)


def penalty(x):
    return l1l2.jax.penalty(x, REGULARIZER)


def test_other_dtypes_are_refused_by_name():
    for x, remedy in (
        (jnp.arange(3), r"x\.astype\(jnp\.float32\)"),
        (jnp.ones(3, jnp.complex64), "imaginary"),
        (jnp.ones(3, jnp.float8_e5m2), "bfloat16"),
        (jax.random.key(0), "leave it out"),
    ):
        for function in (
            lambda x: l1l2.jax.penalty({"a": [x]}, l1=1.0),
            lambda x: l1l2.jax.gradient({"a": [x]}, l1=1.0),
            lambda x: l1l2.jax.prox({"a": [x]}, 1.0, l1=1.0),
            lambda x: l1l2.jax.exact_sums({"a": [x]}),
        ):
            for compute in (function, jax.jit(function)):
                with pytest.raises(TypeError, match=rf"\['a'\]\[0\] is of .*{remedy}"):
                    compute(x)


def test_sparse_arrays_are_refused():
    x = sparse.BCOO.fromdense(jnp.eye(3))
    for compute in (penalty, jax.jit(penalty)):
        with pytest.raises(TypeError, match="sparse"):
            compute(x)
        with pytest.raises(TypeError, match="sparse"):
            compute({"a": x})
    assert penalty(x.data) == numpy.float32(REGULARIZER(numpy.ones(3, "f4")))


def test_coefficients_are_static():
    for name in ("l1", "l2"):
        with pytest.raises(TypeError, match=f"{name} is traced.*multiply"):
            jax.jit(lambda c: l1l2.jax.penalty(jnp.ones(3), **{name: c}))(0.5)
    assert l1l2.jax.penalty(jnp.ones(3), l1=numpy.float32(0.5)) == 1.5
    assert l1l2.jax.penalty(jnp.ones(3), l1=jnp.float32(0.5)) == 1.5


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_bad_numbers_are_a_value_error(wrong):
    with pytest.raises(ValueError, match="coefficient"):
        jax.jit(lambda x: l1l2.jax.penalty(x, l2=wrong))(jnp.ones(3))
    with pytest.raises(ValueError, match="step must be finite and >= 0"):
        l1l2.jax.prox(jnp.ones(3), wrong, REGULARIZER)
    traced = jax.jit(lambda x, step: l1l2.jax.prox(x, step, REGULARIZER))
    with pytest.raises(Exception, match="l1l2: the step is negative"):
        traced(jnp.ones(3), wrong).block_until_ready()


def test_what_is_no_coefficient_or_regularizer_is_refused():
    x = jnp.ones(3)
    for wrong in ("0.5", None, 1j, True, numpy.True_, numpy.array(True)):
        with pytest.raises(TypeError):
            l1l2.jax.penalty(x, l1=wrong)
        with pytest.raises(TypeError):
            l1l2.jax.prox(x, wrong, REGULARIZER)
    for regularizer in (0.5, "l1", [0.5]):
        with pytest.raises(
            TypeError, match=r"l1l2\.Regularizer or None.*pass l1=\.\.\., l2=\.\.\."
        ):
            l1l2.jax.penalty([x], regularizer)
    with pytest.raises(ValueError, match="no prefix"):
        l1l2.jax.penalty({"a": x}, {"b": REGULARIZER})
    with pytest.raises(ValueError, match="not both"):
        l1l2.jax.penalty(x, REGULARIZER, l1=0.5)
    with pytest.raises(TypeError, match="real scalar"):
        jax.jit(lambda x: l1l2.jax.prox(x, x, REGULARIZER))(x)
    with pytest.raises(TypeError, match="real scalar"):
        l1l2.jax.prox(x, x, REGULARIZER)
    for regularizer in (0.5, {"a": REGULARIZER}):
        with pytest.raises(
            TypeError, match=r"l1l2\.Regularizer, not.*pass l1=\.\.\., l2=\.\.\."
        ):
            l1l2.jax.penalty_exact_sums(l1l2.jax.exact_sums(x), regularizer)


def test_another_platform_is_refused_when_it_is_lowered():
    for platform in ("cuda", "rocm", "tpu"):
        traced = jax.jit(jax.value_and_grad(penalty)).trace(jnp.ones(3))
        with pytest.raises(NotImplementedError, match=f"not on {platform}.*device_put"):
            traced.lower(lowering_platforms=(platform,))


def test_handlers_refuse_shapes_and_dtypes_that_do_not_fit():
    """As another user of the handlers may give them. XLA itself takes away a call whose
    results are all empty."""

    def of(shape, dtype="float32"):
        return jax.ShapeDtypeStruct(shape, dtype)

    def run(handler, results, operands, **coefficients):
        call = jax.ffi.ffi_call(f"l1l2_{handler}", results)
        both = {"l1": numpy.float64(1.0), "l2": numpy.float64(0.0)}
        jax.block_until_ready(call(*operands, **{**both, **coefficients}))

    x, sums = jnp.ones(3), of((2, 4, 207), "int32")
    rows, result = "as many elements in each row", "the result of a tensor must have"
    for handler, results, operands, message in (
        ("penalty", [of((2,))], [x], rows),
        ("penalty", [of(())], [jnp.ones(3, jnp.int8)], "type"),
        ("penalty_and_gradient", [of((2,)), of((3,))], [x], rows),
        ("penalty_and_gradient", [of((0,)), of((3,))], [x], rows),
        ("penalty_and_gradient", [of(()), of((2,))], [x], result),
        ("penalty_and_gradient", [of(()), of((3,), "bfloat16")], [x], result),
        ("gradient", [of((1,))], [jnp.ones(10_000_000)], result),
        ("gradient", [of((3,)), of((2,))], [x, x], result),
        ("gradient", [of((3,), "float16")], [x], result),
        ("gradient", [of((3,), "int8")], [jnp.ones(3, jnp.int8)], "F16, BF16, F32"),
        ("prox", [of((2,))], [jnp.ones(3), jnp.ones(2)], rows),
        ("prox", [of((2,))], [jnp.ones(0), jnp.ones(2)], rows),
        ("prox", [of((1,))], [jnp.ones(()), jnp.ones(10_000_000)], result),
        ("prox", [of((3,), "bfloat16")], [jnp.ones(()), x], result),
        ("exact_sums", [sums], [x], rows),
        ("exact_sums", [sums], [jnp.ones(4), x], rows),
        ("penalty_exact_sums", [of((2,))], [l1l2.jax.exact_sums(x)], "4, 207"),
        ("penalty", [of(()), of(())], [x], "a penalty has one result"),
        ("penalty_and_gradient", [of(())], [x], "each tensor has a gradient"),
        ("gradient", [of((3,)), of((3,))], [x], "each tensor has a gradient"),
        ("prox", [of((3,)), of((3,))], [jnp.ones(()), x], "a step is needed"),
        ("exact_sums", [sums, sums], [x], "exact sums are one result"),
        ("penalty_exact_sums", [of(())] * 2, [x], "a penalty has one result"),
    ):
        with pytest.raises(Exception, match=f"l1l2: .*{message}"):
            run(handler, results, operands)
    for name in ("l1", "l2"):
        for wrong in (numpy.ones(3), numpy.ones(0), numpy.float32(1.0)):
            with pytest.raises(Exception, match="one number or one for each tensor"):
                run("penalty", [of(())], [x, x], **{name: wrong})
