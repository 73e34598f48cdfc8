# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""l1l2.jax: what it computes, and under which transformations."""

import doctest
import functools
import os
import pathlib
import subprocess
import sys
import threading

import l1l2
import numpy
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp
import l1l2.jax

REGULARIZER = l1l2.Regularizer(l1=0.01, l2=0.02)
DTYPES = ["float16", "bfloat16", "float32", "float64"]
SPECIAL = [0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1e-40, 1e30, -3.0]


@pytest.fixture(params=DTYPES)
def dtype(request):
    """A dtype, with the mode of JAX that has it."""
    jax.config.update("jax_enable_x64", request.param == "float64")
    yield request.param
    jax.config.update("jax_enable_x64", False)


def normals(dtype, *shape, seed=1):
    return jnp.asarray(numpy.random.default_rng(seed).standard_normal(shape), dtype)


def special(dtype):
    return jnp.asarray(numpy.array(SPECIAL), jnp.result_type(float)).astype(dtype)


def bits(x):
    return numpy.asarray(x).tobytes()


def scalar(value, x):
    """What a penalty in double is in the dtype of a result for x."""
    return numpy.asarray(value, "f8" if x.dtype == jnp.float64 else "f4")


def library_gradient(regularizer, x):
    gradient = numpy.zeros_like(numpy.asarray(x))
    regularizer.add_gradient(numpy.asarray(x), gradient)
    return gradient


def library_prox(regularizer, x, step):
    out = numpy.empty_like(numpy.asarray(x))
    regularizer.prox(numpy.asarray(x), step, out)
    return out


def penalty(x):
    return l1l2.jax.penalty(x, REGULARIZER)


# ---- Values --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7, 3), (4097,), (3, 100_000)])
def test_a_penalty_is_the_librarys_rounded_to_its_dtype(dtype, shape):
    x = normals(dtype, *shape)
    expected = scalar(REGULARIZER(numpy.asarray(x)), x)
    for compute in (penalty, jax.jit(penalty)):
        value = compute(x)
        assert value.shape == ()
        assert value.dtype == expected.dtype
        assert bits(value) == bits(expected)


def test_a_penalty_of_float16_does_not_overflow():
    assert l1l2.jax.penalty(jnp.full(300, 20.0, jnp.float16), l2=1.0) == 120_000


def test_a_subnormal_penalty_is_not_flushed_to_zero():
    x = numpy.array([1e-20, 3e-21], "f4")
    expected = numpy.float32(l1l2.Regularizer(l2=1.0)(x))
    assert 0 < expected < numpy.finfo("f4").tiny
    assert bits(jax.jit(lambda x: l1l2.jax.penalty(x, l2=1.0))(x)) == bits(expected)


def test_coefficients_that_are_subnormal():
    """The threads of XLA flush subnormal numbers to zero, so that they are equal."""
    x = numpy.array([1e300])
    regularizers = [l1l2.Regularizer(l1=1e-310), l1l2.Regularizer(l1=2e-310)]
    jax.config.update("jax_enable_x64", True)
    try:
        value = jax.jit(lambda tree: l1l2.jax.penalty(tree, regularizers))([x, x])
    finally:
        jax.config.update("jax_enable_x64", False)
    assert float(value) == regularizers[0](x) + regularizers[1](x)


@pytest.mark.parametrize("l1, l2", [(0.01, 0.02), (0.3, 0.0), (0.0, 0.7), (0.0, 0.0)])
def test_gradient_and_prox_have_the_bits_of_the_library(dtype, l1, l2):
    regularizer = l1l2.Regularizer(l1, l2)
    x = jnp.concatenate([normals(dtype, 70_000), special(dtype)])
    expected = library_gradient(regularizer, x)
    assert bits(l1l2.jax.gradient(x, regularizer)) == bits(expected)
    assert bits(l1l2.jax.gradient(x, l1=l1, l2=l2)) == bits(expected)
    value, gradient = jax.jit(lambda x: l1l2.jax.penalty_and_gradient(x, regularizer))(
        x
    )
    assert bits(gradient) == bits(expected)
    assert bits(value) == bits(scalar(regularizer(numpy.asarray(x)), x))
    expected = library_prox(regularizer, x, 0.5)
    assert bits(l1l2.jax.prox(x, 0.5, regularizer)) == bits(expected)
    for step in (0.5, jnp.float32(0.5)):
        traced = jax.jit(lambda x, step: l1l2.jax.prox(x, step, regularizer))
        assert bits(traced(x, step)) == bits(expected)


def test_large_arrays_have_the_same_bits_on_the_threads_of_xla():
    x = normals("float32", 3_000_001)
    for _ in range(20):  # threads meet in another order each time
        value, gradient = l1l2.jax.penalty_and_gradient(x, REGULARIZER)
        assert bits(value) == bits(scalar(REGULARIZER(numpy.asarray(x)), x))
        assert bits(penalty(x)) == bits(value)
    assert bits(gradient) == bits(library_gradient(REGULARIZER, x))
    assert bits(l1l2.jax.prox(x, 0.5, REGULARIZER)) == bits(
        library_prox(REGULARIZER, x, 0.5)
    )
    sums = l1l2.ExactSums()
    sums.add(numpy.asarray(x))
    assert l1l2.jax.to_exact_sums(l1l2.jax.exact_sums(x)) == sums


def test_several_threads_may_call_at_once():
    x = normals("float32", 300_000)
    compute = jax.jit(jax.value_and_grad(penalty))
    expected = [bits(part) for part in compute(x)]
    failures = []

    def work():
        for _ in range(50):
            if [bits(part) for part in compute(x)] != expected:
                failures.append("other bits")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# ---- Trees ---------------------------------------------------------------------------


def tree():
    return {
        "dense": {"kernel": normals("float32", 30, 20), "bias": normals("float32", 20)},
        "embedding": [normals("bfloat16", 50, 4), normals("float16", 3)],
        "empty": None,
    }


def test_a_tree_is_one_list_of_terms():
    params = tree()
    leaves = [numpy.asarray(leaf) for leaf in jax.tree_util.tree_leaves(params)]
    terms = [l1l2.Term(REGULARIZER, leaf) for leaf in leaves]
    total = numpy.float32(l1l2.penalty_terms(terms).total)
    assert bits(penalty(params)) == bits(total)
    value, gradients = l1l2.jax.penalty_and_gradient(params, REGULARIZER)
    assert bits(value) == bits(total)
    assert jax.tree_util.tree_structure(gradients) == jax.tree_util.tree_structure(
        params
    )
    for gradient, leaf in zip(jax.tree_util.tree_leaves(gradients), leaves):
        assert bits(gradient) == bits(library_gradient(REGULARIZER, leaf))
    text = jax.jit(penalty).lower(params).as_text()
    assert text.count("@l1l2_penalty") == 1


def test_regularizers_may_be_a_prefix_of_the_tree():
    params = tree()
    l2 = l1l2.Regularizer(l2=0.5)
    prefix = {
        "dense": {"kernel": l2, "bias": None},
        "embedding": REGULARIZER,
        "empty": None,
    }
    kernel = numpy.asarray(params["dense"]["kernel"])
    embedding = [numpy.asarray(x) for x in params["embedding"]]
    terms = [
        l1l2.Term(l2, kernel),
        *[l1l2.Term(REGULARIZER, x) for x in embedding],
    ]
    expected = numpy.float32(l1l2.penalty_terms(terms).total)
    assert bits(l1l2.jax.penalty(params, prefix)) == bits(expected)
    gradient = jax.grad(l1l2.jax.penalty)(params, prefix)
    assert not gradient["dense"]["bias"].any()
    numpy.testing.assert_array_equal(
        gradient["dense"]["kernel"], library_gradient(l2, kernel)
    )
    assert not l1l2.jax.gradient(params, prefix)["dense"]["bias"].any()
    _, gradient = l1l2.jax.penalty_and_gradient(params, prefix)
    assert not gradient["dense"]["bias"].any()
    value, (gradient,) = l1l2.jax.penalty_and_gradient([kernel], [None])
    assert value == 0.0 and not gradient.any() and gradient.shape == kernel.shape
    shrunk = l1l2.jax.prox(params, 0.5, prefix)
    assert shrunk["dense"]["bias"] is params["dense"]["bias"]
    assert bits(shrunk["dense"]["kernel"]) == bits(library_prox(l2, kernel, 0.5))


@pytest.mark.parametrize("params", [(), {}, None, [None]])
def test_a_tree_without_leaves_has_the_penalty_zero(params):
    value = l1l2.jax.penalty(params, l1=1.0)
    assert value == 0.0 and value.dtype == jnp.float32
    assert l1l2.jax.gradient(params, l1=1.0) == params
    assert l1l2.jax.penalty_and_gradient(params, l1=1.0) == (0.0, params)
    assert l1l2.jax.prox(params, 1.0, l1=1.0) == params
    assert not l1l2.jax.exact_sums(params).any()


# ---- Transformations -----------------------------------------------------------------


@pytest.mark.parametrize("l1, l2", [(0.01, 0.02), (0.3, 0.0), (0.0, 0.7), (0.0, 0.0)])
def test_the_derivative_of_a_penalty_has_the_values_of_the_librarys_gradient(
    dtype, l1, l2
):
    regularizer = l1l2.Regularizer(l1, l2)
    x = jnp.concatenate([normals(dtype, 70_000), special(dtype)])
    value, gradient = jax.jit(
        jax.value_and_grad(lambda x: l1l2.jax.penalty(x, regularizer))
    )(x)
    assert gradient.dtype == x.dtype
    expected = library_gradient(regularizer, x)
    # XLA flushes subnormal numbers to zero.
    normal = numpy.abs(numpy.asarray(x, "f8")) >= numpy.finfo("f4").tiny
    numpy.testing.assert_array_equal(numpy.asarray(gradient)[normal], expected[normal])
    assert bits(value) == bits(scalar(regularizer(numpy.asarray(x)), x))


def test_a_loss_scale_multiplies_the_derivative(dtype):
    x = normals(dtype, 100)
    gradient = jax.grad(lambda x: 1024.0 * penalty(x))(x)
    expected = 1024.0 * jnp.asarray(library_gradient(REGULARIZER, x))
    numpy.testing.assert_allclose(
        numpy.asarray(gradient, "f8"), numpy.asarray(expected, "f8"), rtol=1e-2
    )


def test_forward_and_reverse_mode_agree_with_jax_numpy():
    def formula(x):
        return 0.01 * jnp.sum(jnp.abs(x)) + 0.02 * jnp.sum(x * x)

    x, t = normals("float32", 5, 9), normals("float32", 5, 9, seed=2)
    for f in (penalty, jax.checkpoint(penalty)):
        close = functools.partial(numpy.testing.assert_allclose, rtol=1e-5)
        close(jax.jvp(f, (x,), (t,))[1], jax.jvp(formula, (x,), (t,))[1])
        close(jax.linearize(f, x)[1](t), jax.jvp(formula, (x,), (t,))[1])
        close(jax.vjp(f, x)[1](2.0)[0], 2.0 * jax.grad(formula)(x))


def test_the_second_derivative_is_2_l2(dtype):
    x, t = normals(dtype, 6), normals(dtype, 6, seed=2)
    hessian = 0.04 * numpy.eye(6)
    modes = (jax.jacfwd, jax.jacrev)
    for outer in modes:
        for inner in modes:
            second = numpy.asarray(outer(inner(penalty))(x), "f8")
            numpy.testing.assert_allclose(second, hessian, rtol=1e-2)
    expected = numpy.asarray(0.04 * t, "f8")
    gradient = functools.partial(l1l2.jax.gradient, regularizer=REGULARIZER)
    for product in (
        jax.jvp(jax.grad(penalty), (x,), (t,))[1],
        jax.jvp(gradient, (x,), (t,))[1],
        jax.vjp(gradient, x)[1](t)[0],
        jax.grad(lambda x: jnp.vdot(jax.grad(penalty)(x), t))(x),
    ):
        assert product.dtype == x.dtype
        numpy.testing.assert_allclose(numpy.asarray(product, "f8"), expected, rtol=1e-2)


@pytest.mark.parametrize("narrow", ["float16", "bfloat16"])
@pytest.mark.parametrize("l2, rate", [(1e-8, 1e4), (4e4, 0.125)])
def test_derivatives_are_scaled_in_float32(narrow, l2, rate):
    """Where float16 has a number for neither 2 * l2 nor 1 + 2 * l2."""
    x, t = jnp.ones(2, narrow), jnp.full(2, rate, narrow)
    regularizer = l1l2.Regularizer(l2=l2)
    for function, expected in (
        (l1l2.jax.gradient, 2.0 * l2 * rate),
        (lambda x, r: l1l2.jax.penalty_and_gradient(x, r)[1], 2.0 * l2 * rate),
        (lambda x, r: l1l2.jax.prox(x, 1.0, r), rate / (1.0 + 2.0 * l2)),
    ):
        _, out = jax.jvp(lambda x: function(x, regularizer), (x,), (t,))
        assert out.dtype == narrow
        numpy.testing.assert_allclose(out.astype("f4"), [expected] * 2, rtol=1e-2)
    step, one = jnp.float32(1.0), jnp.float32(rate)
    _, by_step = jax.jvp(lambda s: l1l2.jax.prox(x, s, regularizer), (step,), (one,))
    expected = -2.0 * l2 * rate / (1.0 + 2.0 * l2) ** 2
    numpy.testing.assert_allclose(
        by_step.astype("f4"), [expected] * 2, rtol=1e-2, atol=3e-8
    )


def test_each_row_of_a_batch_has_the_bits_that_it_has_alone(dtype):
    x = normals(dtype, 5, 4, 1000)
    alone = [[bits(penalty(row)) for row in rows] for rows in x]
    together = jax.jit(jax.vmap(jax.vmap(penalty)))(x)
    assert [[bits(value) for value in values] for values in together] == alone
    assert bits(jax.vmap(penalty, in_axes=2)(jnp.moveaxis(x, 0, 2))) == bits(
        jax.vmap(penalty)(x)
    )
    text = jax.jit(jax.vmap(penalty)).lower(x).as_text()
    assert text.count("@l1l2_penalty") == 1 and "while" not in text


def test_a_batch_of_some_leaves_repeats_the_others():
    x, y = normals("float32", 3, 10), normals("float32", 7)
    values = jax.vmap(lambda x, y: penalty([x, y]), in_axes=(0, None))(x, y)
    assert [bits(v) for v in values] == [bits(penalty([row, y])) for row in x]


def test_batches_of_gradients_proxes_and_exact_sums():
    x = normals("float32", 3, 10)
    steps = jnp.array([0.0, 0.5, 2.0])
    for function in (
        lambda x, step: jax.grad(penalty)(x),
        lambda x, step: l1l2.jax.gradient(x, REGULARIZER),
        lambda x, step: l1l2.jax.prox(x, step, REGULARIZER),
        lambda x, step: l1l2.jax.exact_sums(x),
        lambda x, step: l1l2.jax.penalty_exact_sums(
            l1l2.jax.exact_sums(x), REGULARIZER
        ),
    ):
        alone = [bits(function(*row)) for row in zip(x, steps)]
        assert [bits(row) for row in jax.vmap(function)(x, steps)] == alone


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)])
def test_a_batch_may_be_empty_or_of_empty_rows(shape):
    x = jnp.zeros(shape)
    assert not jax.vmap(penalty)(x).any()
    assert jax.vmap(penalty)(x).shape == shape[:1]
    for function in (
        lambda x: l1l2.jax.gradient(x, l1=1.0),
        lambda x: l1l2.jax.prox(x, 1.0, l1=1.0),
        jax.grad(penalty),
    ):
        assert jax.vmap(function)(x).shape == shape
    assert jax.vmap(l1l2.jax.exact_sums)(x).shape == (shape[0], 4, 207)


def test_everything_works_without_jit():
    x = normals("float32", 3, 10)
    functions = (
        lambda x: jax.value_and_grad(penalty)(x),
        lambda x: l1l2.jax.penalty_and_gradient(x, REGULARIZER),
        lambda x: jax.vmap(penalty)(x),
        lambda x: l1l2.jax.gradient(x, REGULARIZER),
        lambda x: jax.jvp(lambda x: l1l2.jax.prox(x, 0.5, REGULARIZER), (x,), (x,)),
        lambda x: l1l2.jax.prox(x, jnp.float32(0.5), REGULARIZER),
        lambda x: l1l2.jax.penalty_exact_sums(l1l2.jax.exact_sums(x), REGULARIZER),
    )
    for function in functions:
        expected = [bits(part) for part in jax.tree_util.tree_leaves(function(x))]
        with jax.disable_jit():
            parts = jax.tree_util.tree_leaves(function(x))
        assert [bits(part) for part in parts] == expected


def test_a_traced_step_is_rounded_to_float32_unless_a_leaf_is_of_float64():
    regularizer = l1l2.Regularizer(l1=1e50)
    jax.config.update("jax_enable_x64", True)
    try:
        step = jnp.asarray(1e-50)  # 0 in float32
        tree = [jnp.full(2, 3.0, "float32"), jnp.full(2, 3.0)]
        assert (l1l2.jax.prox(tree[0], step, regularizer) == 3.0).all()
        assert (l1l2.jax.prox(tree, step, regularizer)[0] == 2.0).all()
        # A leaf that is not regularized does not count, neither here nor in a penalty.
        prefix = [regularizer, None]
        assert (l1l2.jax.prox(tree, step, prefix)[0] == 3.0).all()
        assert l1l2.jax.penalty(tree, prefix).dtype == jnp.float32
    finally:
        jax.config.update("jax_enable_x64", False)


def test_scan_trains_as_a_loop_does():
    def step(x, _):
        x = l1l2.jax.prox(x - 0.1 * jax.grad(penalty)(x), 0.1, REGULARIZER)
        return x, penalty(x)

    x = normals("float32", 100)
    last, values = jax.jit(lambda x: jax.lax.scan(step, x, length=5))(x)
    compiled = jax.jit(step)
    for value in values:
        x, expected = compiled(x, None)
        assert bits(value) == bits(expected)
    assert bits(last) == bits(x)


def test_a_prox_works_in_place_on_a_donated_array():
    function = jax.jit(lambda x: l1l2.jax.prox(x, 0.5, REGULARIZER), donate_argnums=0)
    x = normals("float32", 10_000)
    expected = bits(library_prox(REGULARIZER, x, 0.5))
    address = x.unsafe_buffer_pointer()
    out = function(x)
    assert x.is_deleted()
    assert out.unsafe_buffer_pointer() == address
    assert bits(out) == expected
    copies = function.lower(out).compile().as_text().count("copy(")
    assert copies == 0


def test_a_prox_leaves_an_array_that_is_not_donated():
    x = normals("float32", 100)
    before = bits(x)
    for function in (
        lambda x: l1l2.jax.prox(x, 0.5, REGULARIZER),
        jax.jit(lambda x: l1l2.jax.prox(x, 0.5, REGULARIZER)),
        jax.jit(lambda x: (x + 1, l1l2.jax.prox(x, 0.5, REGULARIZER))[1]),
    ):
        assert bits(function(x)) == bits(library_prox(REGULARIZER, x, 0.5))
        assert bits(x) == before


def test_the_derivatives_of_a_prox(dtype):
    x = jnp.array([-2.0, -0.25, 0.0, 0.25, 3.0], dtype)
    for l1, l2, step in ((0.0, 0.5, 1.0), (0.0, 0.0, 1.0), (1.0, 0.5, 0.0)):
        linear = l1l2.Regularizer(l1, l2)  # also at 0
        for steps in (step, jnp.float32(step)):
            slope = jax.grad(lambda x: l1l2.jax.prox(x, steps, linear).sum())(x)
            assert (slope == 1 / (1 + 2 * step * l2)).all()
    regularizer = l1l2.Regularizer(l1=1.0, l2=0.5)
    of_x = jax.grad(lambda x: jnp.sum(l1l2.jax.prox(x, 0.5, regularizer)))(x)
    assert of_x.dtype == x.dtype
    numpy.testing.assert_allclose(
        numpy.asarray(of_x, "f8"), [1 / 1.5, 0, 0, 0, 1 / 1.5], rtol=1e-2
    )

    def plain(x, step):
        shrunk = jnp.maximum(jnp.abs(x) - step, 0.0)
        return jnp.sum(jnp.sign(x) * shrunk / (1.0 + step))

    step = jnp.asarray(0.5, "float64" if dtype == "float64" else "float32")
    of_step = jax.grad(lambda s: jnp.sum(l1l2.jax.prox(x, s, regularizer)))(step)
    expected = jax.grad(plain, 1)(x.astype(step.dtype), step)
    numpy.testing.assert_allclose(of_step, expected, rtol=1e-2)


def test_a_program_from_the_compilation_cache_gives_the_same_bits(tmp_path):
    program = (
        "import jax.numpy as jnp, l1l2.jax\n"
        "print(l1l2.jax.penalty(jnp.full(3, 0.3), l1=0.1, l2=0.7),"
        " l1l2.jax.prox(jnp.full(3, 0.3), 0.5, l1=0.1, l2=0.7))"
    )
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    runs = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, **cache},
        )
        runs.append((run.stdout, sorted(path.name for path in tmp_path.iterdir())))
    assert runs[0] == runs[1]
    assert any("jit__penalty" in name for name in runs[0][1])


def test_a_program_may_be_exported():
    export = pytest.importorskip("jax.export", exc_type=ImportError)
    x = normals("float32", 10)
    with pytest.raises(ValueError, match="custom call"):
        export.export(jax.jit(penalty))(x)
    exported = export.export(
        jax.jit(penalty),
        disabled_checks=[export.DisabledSafetyCheck.custom_call("l1l2_penalty")],
    )(x)
    again = export.deserialize(exported.serialize())
    assert bits(again.call(x)) == bits(penalty(x))


# ---- Exact sums ----------------------------------------------------------------------


def test_exact_sums_are_those_of_the_library(dtype):
    x = jnp.concatenate([normals(dtype, 5000), special(dtype)])
    sums = l1l2.ExactSums()
    sums.add(numpy.asarray(x))
    assert l1l2.jax.to_exact_sums(l1l2.jax.exact_sums([x[:10], x[10:]])) == sums
    finite = x[:5000]
    sums = l1l2.ExactSums()
    sums.add(numpy.asarray(finite))
    value = l1l2.jax.penalty_exact_sums(l1l2.jax.exact_sums(finite), REGULARIZER)
    assert bits(value) == bits(scalar(sums.penalty(REGULARIZER), finite))


def test_exact_sums_of_32768_parts_add_up_without_64_bit_integers():
    part = l1l2.jax.exact_sums(jnp.full(3, -1.5, jnp.float32))
    total = jnp.sum(jnp.broadcast_to(part, (32768, *part.shape)), axis=0)
    assert total.dtype == jnp.int32
    sums = l1l2.jax.to_exact_sums(total)
    assert (sums.count, sums.absolute) == (3 * 32768, 4.5 * 32768)
    assert l1l2.jax.penalty_exact_sums(total, l1=1.0) == 4.5 * 32768


def test_numbers_that_are_not_exact_sums_are_refused():
    sums = l1l2.jax.exact_sums(jnp.ones(3))
    with pytest.raises(Exception, match="l1l2: .*accumulator"):
        l1l2.jax.penalty_exact_sums(sums.at[0, 7].add(1), l1=1.0).block_until_ready()
    with pytest.raises(l1l2.L1L2Error):
        l1l2.jax.to_exact_sums(sums // 2)
    for wrong in (
        sums[0],
        sums[:0],
        sums[:, :1],
        sums[:3],
        sums.astype(jnp.float32),
        numpy.asarray(sums, "i8"),
        sums.tolist(),
    ):
        with pytest.raises(TypeError, match="what exact_sums returns"):
            l1l2.jax.penalty_exact_sums(wrong, l1=1.0)
        with pytest.raises(TypeError, match="what exact_sums returns"):
            l1l2.jax.to_exact_sums(wrong)


def test_exact_sums_are_integers_whose_derivative_is_zero():
    x = normals("float32", 5)

    def loss(x):
        sums = l1l2.jax.exact_sums([x, x])
        return penalty(x) + l1l2.jax.penalty_exact_sums(sums, l1=1.0), sums

    for function in (loss, jax.jit(loss)):
        (_, sums), gradient = jax.value_and_grad(function, has_aux=True)(x)
        assert bits(sums) == bits(l1l2.jax.exact_sums([x, x]))
        assert bits(gradient) == bits(jax.grad(penalty)(x))
        _, (_, rate) = jax.jvp(function, (x,), (x,))
        assert rate.dtype == jax.dtypes.float0


def test_exact_sums_of_float64_are_those_of_float32_without_x64():
    sums = l1l2.jax.to_exact_sums(l1l2.jax.exact_sums(numpy.array([0.1])))
    assert sums.absolute == float(numpy.float32(0.1))


@pytest.mark.parametrize("x64", ["0", "1"])
def test_many_devices(x64):
    """On 8 devices of the CPU, which a process has from its start."""
    program = pathlib.Path(__file__).with_name("jax_devices.py")
    subprocess.run(
        [sys.executable, program], check=True, env={**os.environ, "JAX_ENABLE_X64": x64}
    )


# ---- The package ---------------------------------------------------------------------


def test_the_examples_of_the_docstrings():
    assert doctest.testmod(l1l2.jax).failed == 0


def test_the_example_of_the_page():
    page = pathlib.Path(__file__).parents[4] / "docs/frameworks.md"
    section = page.read_text(encoding="utf-8").split("\n## JAX\n")[1]
    program = section.split("```python\n")[1].split("```")[0]
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout == "loss 0.0823\n"


def test_l1l2_does_not_import_jax():
    program = "import l1l2, sys; sys.exit('jax' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_where_jax_has_moved_what_is_needed_the_error_says_so():
    program = (
        "import sys, jax\n"
        "del jax._src.dispatch.prim_requires_devices_during_lowering\n"
        "try: import l1l2.jax\n"
        "except ImportError as error:\n"
        "    assert f'does not know JAX {jax.__version__}' in str(error), error\n"
        "else: sys.exit('imported')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_jax_the_error_says_what_to_install():
    program = (
        "import sys; sys.modules['jax'] = None\n"
        "try: import l1l2.jax\n"
        "except ImportError as error: assert 'l1l2[jax]' in str(error), error\n"
        "else: sys.exit('imported')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
