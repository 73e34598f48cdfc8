# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Sharded arrays on 8 devices of the CPU. test_jax.py runs it as a process, in float32
and, with jax_enable_x64, in float64."""

import os
import pathlib

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import l1l2
import l1l2.jax
import numpy
from jax.sharding import Mesh, NamedSharding, PartitionSpec

P = PartitionSpec
#: Since JAX 0.6 the mesh of an array is known in a program without `with mesh`.
IS_RECENT = hasattr(jax, "shard_map")
if IS_RECENT:
    shard_map = jax.shard_map
else:
    from functools import partial

    from jax.experimental.shard_map import shard_map as old_shard_map

    shard_map = partial(old_shard_map, check_rep=False)

REGULARIZER = l1l2.Regularizer(l1=0.01, l2=0.02)
NUMBER = numpy.float64 if jax.config.jax_enable_x64 else numpy.float32
#: Of `l1l2_penalty`, beside exact sums.
TOLERANCE = 2.1e-14 if jax.config.jax_enable_x64 else 1e-7
#: The shape and axes of a mesh, and how the matrix and the vector lie on it.
LAYOUTS = [
    ((1,), ("a",), P("a"), P()),
    ((8,), ("a",), P("a"), P("a")),
    ((8,), ("a",), P(), P()),
    ((8,), ("a",), P(None, "a"), P()),
    ((4, 2), ("a", "b"), P("a", "b"), P("b")),
    ((4, 2), ("a", "b"), P("b", None), P(("a", "b"))),
    ((2, 4), ("a", "b"), P(None, ("a", "b")), P("a")),
]
rng = numpy.random.default_rng(1)
MATRIX = (
    rng.standard_normal((64, 160)) * 10.0 ** rng.integers(-15, 15, (64, 160))
).astype(NUMBER)
VECTOR = rng.standard_normal(8).astype(NUMBER)


def exact(*arrays, regularizer=REGULARIZER):
    sums = l1l2.ExactSums()
    for array in arrays:
        sums.add(array)
    return sums.penalty(regularizer)


def library_gradient(x):
    gradient = numpy.zeros_like(x)
    REGULARIZER.add_gradient(x, gradient)
    return gradient


def compiled_without_gathering(function, *arguments):
    compiled = jax.jit(function).lower(*arguments).compile()
    assert "all-gather" not in compiled.as_text(), compiled.as_text()
    return compiled(*arguments)


def check_shard_map(mesh, axes, spec):
    """Each device computes the exact sums of its shard, and they are reduced."""
    params, specs = [MATRIX, VECTOR], [spec, P(axes)]
    named = [name for entry in spec if entry for name in entry]  # "a" or ("a", "b")
    if len(named) < len(axes):
        params, specs = [VECTOR], [P(axes)]  # a replicated leaf would count twice
    sharded = shard_map(
        lambda params: l1l2.jax.penalty(params, REGULARIZER, axis_name=axes),
        mesh=mesh,
        in_specs=(specs,),
        out_specs=P(),
    )
    value, gradients = jax.jit(jax.value_and_grad(sharded))(params)
    assert value == NUMBER(exact(*params))
    for gradient, x in zip(gradients, params):
        numpy.testing.assert_array_equal(gradient, library_gradient(x))
    reduced = shard_map(
        lambda x: jax.lax.psum(l1l2.jax.exact_sums(x), axes),
        mesh=mesh,
        in_specs=P(axes),
        out_specs=P(),
    )
    whole = l1l2.ExactSums()
    whole.add(VECTOR)
    sums = jax.jit(reduced)(VECTOR)
    assert l1l2.jax.to_exact_sums(sums) == whole
    value = jax.jit(lambda sums: l1l2.jax.penalty_exact_sums(sums, REGULARIZER))(sums)
    assert value == NUMBER(whole.penalty(REGULARIZER))

    def local_penalty(params):
        return l1l2.jax.penalty(params, REGULARIZER)

    local = shard_map(
        lambda x, y: jax.jvp(local_penalty, ([y, x],), ([y, x],))[0][None],
        mesh=mesh,
        in_specs=(P(axes), P()),
        out_specs=P(axes),
    )
    shards = MATRIX.reshape(mesh.size, -1)
    expected = [local_penalty([VECTOR, shard]) for shard in shards]
    numpy.testing.assert_array_equal(jax.jit(local)(MATRIX, VECTOR), expected)
    elementwise = shard_map(
        lambda x, y: (
            l1l2.jax.prox([x, y], 0.5, REGULARIZER),
            l1l2.jax.gradient([x, y], REGULARIZER),
        ),
        mesh=mesh,
        in_specs=(spec, P()),
        out_specs=([spec, P()], [spec, P()]),
    )
    proxes, gradients = jax.jit(elementwise)(MATRIX, VECTOR)
    expected = l1l2.jax.prox([MATRIX, VECTOR], 0.5, REGULARIZER)
    for x, prox, gradient, wanted in zip([MATRIX, VECTOR], proxes, gradients, expected):
        numpy.testing.assert_array_equal(prox, wanted)
        numpy.testing.assert_array_equal(gradient, library_gradient(x))


def check_jit(mesh, specs):
    """XLA's partitioner reduces exact sums in place of gathering arrays."""
    params = [
        jax.device_put(x, NamedSharding(mesh, spec))
        for x, spec in zip([MATRIX, VECTOR], specs)
    ]

    def penalty(params):
        return l1l2.jax.penalty(params, REGULARIZER)

    expected = exact(MATRIX, VECTOR)
    value = compiled_without_gathering(penalty, params)
    if all(x.sharding.is_fully_replicated for x in params):
        terms = [l1l2.Term(REGULARIZER, x) for x in (MATRIX, VECTOR)]
        assert value == NUMBER(l1l2.penalty_terms(terms).total)
    else:
        assert value == NUMBER(expected), (value, expected)
    numpy.testing.assert_allclose(value, expected, rtol=TOLERANCE)
    value, gradients = compiled_without_gathering(jax.value_and_grad(penalty), params)
    numpy.testing.assert_allclose(value, expected, rtol=TOLERANCE)
    value, direct = compiled_without_gathering(
        lambda params: l1l2.jax.penalty_and_gradient(params, REGULARIZER), params
    )
    numpy.testing.assert_allclose(value, expected, rtol=TOLERANCE)
    proxes = compiled_without_gathering(
        lambda params: l1l2.jax.prox(params, 0.5, REGULARIZER), params
    )
    steps = compiled_without_gathering(
        lambda params, step: l1l2.jax.prox(params, step, REGULARIZER), params, 0.5
    )
    for i, x in enumerate([MATRIX, VECTOR]):
        wanted = l1l2.jax.prox(x, 0.5, REGULARIZER)
        for out in (proxes[i], steps[i]):
            numpy.testing.assert_array_equal(out, wanted)
            assert out.sharding.is_equivalent_to(params[i].sharding, x.ndim)
        for gradient in (gradients[i], direct[i]):
            numpy.testing.assert_array_equal(gradient, library_gradient(x))
            assert gradient.sharding.is_equivalent_to(params[i].sharding, x.ndim)
    sums = compiled_without_gathering(l1l2.jax.exact_sums, params)
    whole = l1l2.ExactSums()
    whole.add(MATRIX)
    whole.add(VECTOR)
    assert l1l2.jax.to_exact_sums(sums) == whole
    # Leaves of other coefficients are penalties of their own.
    l2 = l1l2.Regularizer(l2=0.5)
    value = compiled_without_gathering(
        lambda params: l1l2.jax.penalty(params, [REGULARIZER, l2]), params
    )
    total = exact(MATRIX) + exact(VECTOR, regularizer=l2)
    numpy.testing.assert_allclose(value, total, rtol=TOLERANCE)


def check_batches(mesh, spec):
    """The rows of a batch may lie on other devices; so may the elements of a row."""
    x = jax.device_put(MATRIX, NamedSharding(mesh, spec))
    rows = compiled_without_gathering(
        jax.vmap(lambda row: l1l2.jax.penalty(row, REGULARIZER)), x
    )
    expected = [exact(row) for row in MATRIX]
    numpy.testing.assert_allclose(rows, expected, rtol=TOLERANCE)
    columns = compiled_without_gathering(
        jax.vmap(lambda column: l1l2.jax.penalty(column, REGULARIZER), in_axes=1), x
    )
    expected = [exact(column.copy()) for column in MATRIX.T]
    numpy.testing.assert_allclose(columns, expected, rtol=TOLERANCE)


def check_batches_of_different_axes(mesh):
    """Leaves of one vmap whose batches do not lie alike are moved."""
    rows, columns = MATRIX[:8, :8], MATRIX[8:16, :8]
    leaves = [jax.device_put(x, NamedSharding(mesh, P("a"))) for x in (rows, columns)]
    batch = jax.vmap(lambda x, y: l1l2.jax.penalty([x, y], REGULARIZER), (0, 1))
    expected = [exact(x, y.copy()) for x, y in zip(rows, columns.T)]
    value = jax.jit(batch)(*leaves)
    numpy.testing.assert_allclose(value, expected, rtol=TOLERANCE)


def check_a_replicated_leaf(mesh):
    """In jax.shard_map with an axis_name it counts on every device."""
    counted = shard_map(
        lambda x: l1l2.jax.penalty(x, REGULARIZER, axis_name="a"),
        mesh=mesh,
        in_specs=P(),
        out_specs=P(),
    )
    assert jax.jit(counted)(VECTOR) == NUMBER(exact(*[VECTOR] * mesh.size))


def check_sharded_sums():
    """However sums lie, a penalty needs all of them."""
    mesh = Mesh(numpy.array(jax.devices()[:4]), ("a",))
    sums = jax.device_put(l1l2.jax.exact_sums(VECTOR), NamedSharding(mesh, P("a")))
    penalty = jax.jit(lambda sums: l1l2.jax.penalty_exact_sums(sums, REGULARIZER))
    assert penalty(sums) == NUMBER(exact(VECTOR))


def check_the_program_of_the_page():
    page = pathlib.Path(__file__).parents[4] / "docs/frameworks.md"
    section = page.read_text(encoding="utf-8").split("\n## JAX\n")[1]
    (program,) = [
        block.split("```")[0]
        for block in section.split("\n## ")[0].split("```python\n")
        if block.startswith("sharded = ")
    ]
    mesh = Mesh(numpy.array(jax.devices()), ("data",))
    names = {"jax": jax, "l1l2": l1l2, "PartitionSpec": PartitionSpec, "mesh": mesh}
    exec(program, names)
    assert names["sharded"](MATRIX) == NUMBER(exact(MATRIX))


assert jax.device_count() == 8
all_devices = Mesh(numpy.array(jax.devices()), ("a",))
check_sharded_sums()
if IS_RECENT:
    check_the_program_of_the_page()
    # Later versions of JAX make its axes explicit.
    check_jit(jax.make_mesh((8,), ("a",)), [P("a"), P("a")])
    check_batches_of_different_axes(all_devices)
check_a_replicated_leaf(all_devices)
for shape, axes, *specs in LAYOUTS:
    devices = numpy.array(jax.devices()[: numpy.prod(shape)]).reshape(shape)
    mesh = Mesh(devices, axes)
    check_shard_map(mesh, axes, specs[0])
    if IS_RECENT:
        check_jit(mesh, specs)
        check_batches(mesh, specs[0])
    else:
        with mesh:
            check_jit(mesh, specs)
            check_batches(mesh, specs[0])
