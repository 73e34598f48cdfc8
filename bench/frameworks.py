#!/usr/bin/env python3
"""What users pick instead: the penalty and its gradient by NumPy, PyTorch, JAX or TensorFlow.

    python3 bench/frameworks.py FRAMEWORK [LARGEST [THREADS]]    FRAMEWORK: numpy, torch, jax, tensorflow or keras

Prints a table in Markdown: the time of each as a multiple of l1l2's, median of interleaved
repetitions in this process, and the relative error of its penalty. The elements are float32
normals of deviation 0.02, from 10,000 to LARGEST (100,000,000); the error is against
l1l2's exact sums. The framework runs on THREADS threads (1), l1l2 always on one.

A second table has the regularization of one training step, value and gradient, by the framework
and by l1l2's functions for it, both on THREADS threads: of the 161 tensors of ResNet-50, and of 16
elements, where the time is that of the call. Of keras, on the backend that KERAS_BACKEND names, it
has the whole training step of a model, by l1l2's regularizers, by Keras's and by none.

Needs the package l1l2 (bindings/python) and the framework.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy

import l1l2

L1, L2 = 0.01, 0.02
SIZES = (10_000, 1_000_000, 25_600_000, 100_000_000)

Compute = Callable[[], object]
# name -> (a function that computes it, whether that returns the penalty)
Rows = dict[str, tuple[Compute, bool]]


def limit_threads(threads: int) -> None:
    """Must run before a framework is imported."""
    os.environ.update(
        OMP_NUM_THREADS=str(threads),
        TF_NUM_INTRAOP_THREADS=str(threads),
        TF_NUM_INTEROP_THREADS=str(threads),
        TF_CPP_MIN_LOG_LEVEL="3",
        JAX_PLATFORMS="cpu",
        XLA_FLAGS=f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
    )


def rows_of_l1l2(x: numpy.ndarray) -> Rows:
    regularizer = l1l2.Regularizer(L1, L2)
    gradient = numpy.zeros_like(x)
    return {
        "penalty": (lambda: regularizer(x), True),
        "gradient": (lambda: regularizer.penalty_and_add_gradient(x, gradient), True),
    }


def rows_of_numpy(x: numpy.ndarray, threads: int) -> dict[str, Rows]:
    return {"penalty": {"abs, square": (lambda: L1 * numpy.abs(x).sum() + L2 * numpy.square(x).sum(), True)}}


def rows_of_torch(x: numpy.ndarray, threads: int) -> dict[str, Rows]:
    import torch

    torch.set_num_threads(threads)
    tensor = torch.from_numpy(x)
    parameter = tensor.clone().requires_grad_()
    norm = torch.linalg.vector_norm

    def formula(w: "torch.Tensor") -> "torch.Tensor":
        return L1 * w.abs().sum() + L2 * w.square().sum()

    def backward() -> None:
        parameter.grad = None
        formula(parameter).backward()

    return {
        "penalty": {
            "eager, abs().sum()": (lambda: float(formula(tensor)), True),
            "linalg.vector_norm": (lambda: float(L1 * norm(tensor, 1) + L2 * norm(tensor) ** 2), True),
        },
        "gradient": {"eager, backward()": (backward, False)},
        "sum": {"linalg.vector_norm(x, 1)": (lambda: float(norm(tensor, 1)), True)},
    }


def steps_of_torch(threads: int) -> dict[str, dict[str, Compute]]:
    import torch

    import l1l2.torch

    torch.set_num_threads(threads)

    def formula(tensors: "list[torch.Tensor]") -> "torch.Tensor":
        return L1 * sum(w.abs().sum() for w in tensors) + L2 * sum(w.square().sum() for w in tensors)

    def penalty(tensors: "list[torch.Tensor]") -> "torch.Tensor":
        return l1l2.torch.penalty(tensors, L1, L2)

    def rows(shapes: "list[tuple[int, ...]]", added: bool) -> dict[str, Compute]:
        parameters = [torch.nn.Parameter(0.02 * torch.randn(shape)) for shape in shapes]

        def step(function: "Callable[[list[torch.Tensor]], torch.Tensor]") -> None:
            if not added:
                for w in parameters:
                    w.grad = None
            function(parameters).backward()

        compiled, compiled_formula = (torch.compile(each, fullgraph=True) for each in (penalty, formula))
        result: dict[str, Compute] = {
            "l1l2.torch.penalty, eager": lambda: step(penalty),
            "l1l2.torch.penalty, compiled": lambda: step(compiled),
            "torch, eager": lambda: step(formula),
            "torch, compiled": lambda: step(compiled_formula),
        }
        if added:
            step(penalty)
            result["l1l2.torch.add_gradient_"] = lambda: l1l2.torch.add_gradient_(parameters, L1, L2)
        return result

    return {
        "ResNet-50, new .grad": rows(resnet50(), added=False),
        "ResNet-50, added to .grad": rows(resnet50(), added=True),
        "16 elements, new .grad": rows([(16,)], added=False),
        "16 elements, added to .grad": rows([(16,)], added=True),
    }


def rows_of_jax(x: numpy.ndarray, threads: int) -> dict[str, Rows]:
    import jax
    import jax.numpy as jnp

    def formula(w: "jax.Array") -> "jax.Array":
        return L1 * jnp.abs(w).sum() + L2 * jnp.square(w).sum()

    array = jnp.asarray(x)
    penalty, both = jax.jit(formula), jax.jit(jax.value_and_grad(formula))
    return {
        "penalty": {"jit": (lambda: float(penalty(array)), True)},
        "gradient": {"jit, value_and_grad": (lambda: jax.block_until_ready(both(array)), False)},
    }


def rows_of_tensorflow(x: numpy.ndarray, threads: int) -> dict[str, Rows]:
    import tensorflow as tf

    tensor = tf.constant(x)

    def formula(w: "tf.Tensor") -> "tf.Tensor":
        return L1 * tf.reduce_sum(tf.abs(w)) + L2 * tf.reduce_sum(tf.square(w))

    def value_and_gradient(w: "tf.Tensor") -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(w)
            value = formula(w)
        return value, tape.gradient(value, w)

    graph, graph_of_both = tf.function(formula), tf.function(value_and_gradient)
    return {
        "penalty": {
            "eager": (lambda: float(formula(tensor)), True),
            "tf.function": (lambda: float(graph(tensor)), True),
        },
        "gradient": {
            "eager, GradientTape": (lambda: value_and_gradient(tensor)[1].numpy(), False),
            "tf.function, GradientTape": (lambda: graph_of_both(tensor)[1].numpy(), False),
        },
    }


def steps_of_jax(threads: int) -> dict[str, dict[str, Compute]]:
    import jax
    import jax.numpy as jnp

    import l1l2.jax

    Arrays = "list[jax.Array]"

    def formula(arrays: Arrays) -> "jax.Array":
        return L1 * sum(jnp.abs(w).sum() for w in arrays) + L2 * sum(jnp.square(w).sum() for w in arrays)

    def penalty(arrays: Arrays) -> "jax.Array":
        return l1l2.jax.penalty(arrays, l1=L1, l2=L2)

    def update(function: "Callable[[Arrays], jax.Array]") -> "Callable[[Arrays, Arrays], tuple]":
        """The step of plain gradient descent, whose loss has another gradient besides."""

        def step(arrays: Arrays, others: Arrays) -> tuple:
            value, gradients = jax.value_and_grad(function)(arrays)
            return value, [w - 0.001 * (g + o) for w, g, o in zip(arrays, gradients, others)]

        return jax.jit(step, donate_argnums=0)

    def rows(shapes: "list[tuple[int, ...]]") -> dict[str, dict[str, Compute]]:
        keys = jax.random.split(jax.random.key(1), len(shapes))
        arrays = [0.02 * jax.random.normal(key, shape) for key, shape in zip(keys, shapes)]
        both: dict[str, Compute] = {}
        steps: dict[str, Compute] = {}
        for name, function in (("l1l2.jax", penalty), ("jax.numpy", formula)):
            compiled, step = jax.jit(jax.value_and_grad(function)), update(function)
            state = [jnp.copy(w) for w in arrays]

            def compute_both(compiled: "Callable[[Arrays], tuple]" = compiled) -> object:
                return jax.block_until_ready(compiled(arrays))

            def compute_step(step: "Callable[[Arrays, Arrays], tuple]" = step, state: Arrays = state) -> object:
                value, state[:] = step(state, arrays)
                return jax.block_until_ready(state)

            both[name], steps[f"{name}, update included"] = compute_both, compute_step
        return {"value_and_grad": both, "step of gradient descent": steps}

    return {
        f"{what}, {kind}": each
        for what, shapes in (("ResNet-50", resnet50()), ("16 elements", [(16,)]))
        for kind, each in rows(shapes).items()
    }


def steps_of_tensorflow(threads: int) -> dict[str, dict[str, Compute]]:
    import tensorflow as tf

    import l1l2.tensorflow

    def formula(tensors: "list[tf.Tensor]") -> "tf.Tensor":
        return tf.add_n([L1 * tf.reduce_sum(tf.abs(w)) + L2 * tf.reduce_sum(tf.square(w)) for w in tensors])

    def penalty(tensors: "list[tf.Tensor]") -> "tf.Tensor":
        return l1l2.tensorflow.penalty(tensors, L1, L2)

    def rows(shapes: "list[tuple[int, ...]]") -> dict[str, Compute]:
        tensors = [0.02 * tf.random.normal(shape) for shape in shapes]

        def step(function: "Callable[[list[tf.Tensor]], tf.Tensor]") -> tuple:
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(tensors)
            return value, tape.gradient(value, tensors)

        result: dict[str, Compute] = {}
        for name, function in (("l1l2.tensorflow", penalty), ("TensorFlow", formula)):
            graph = tf.function(lambda function=function: step(function))
            jit = tf.function(lambda function=function: step(function), jit_compile=True)
            # Asking for the last gradient waits for all.
            result[f"{name}, jit_compile=True"] = lambda f=jit: f()[1][-1].numpy()
            result[f"{name}, tf.function"] = lambda f=graph: f()[1][-1].numpy()
            result[f"{name}, eager"] = lambda f=function: step(f)[1][-1].numpy()
        return result

    return {"ResNet-50": rows(resnet50()), "16 elements": rows([(16,)])}


def steps_of_keras(threads: int) -> dict[str, dict[str, Compute]]:
    import keras

    import l1l2.keras

    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(threads)
    random = numpy.random.default_rng(1)
    x = random.standard_normal((64, 64)).astype(numpy.float32)
    y = random.integers(0, 10, 64)

    def step(units: tuple[int, ...], regularizer: "Callable[[], object]", options: dict[str, bool]) -> Compute:
        keras.utils.set_random_seed(1)
        layers = [
            keras.layers.Dense(n, "relu", kernel_regularizer=regularizer(), bias_regularizer=regularizer())
            for n in units
        ]
        model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), **options)
        return lambda: model.train_on_batch(x, y)

    def rows(units: tuple[int, ...], options: dict[str, bool]) -> dict[str, Compute]:
        return {
            "l1l2.keras": step(units, lambda: l1l2.keras.L1L2(1e-4, 1e-3), options),
            "keras.regularizers": step(units, lambda: keras.regularizers.L1L2(1e-4, 1e-3), options),
            "none": step(units, lambda: None, options),
        }

    modes: dict[str, dict[str, bool]] = {"the default": {}, "jit_compile=True": {"jit_compile": True}}
    return {
        f"64-{'-'.join(map(str, units))}-10, batch of 64, {mode}": rows(units, options)
        for units in ((32,), (512, 1024, 512))
        for mode, options in modes.items()
    }


def resnet50() -> list[tuple[int, ...]]:
    """The shapes of its 161 tensors, 25.6 million elements, as torchvision has them."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7), (64,), (64,)]
    entering = 64
    for blocks, width in ((3, 64), (4, 128), (6, 256), (3, 512)):
        for block in range(blocks):
            convolutions = [(width, entering, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)]
            if block == 0:
                convolutions.append((4 * width, entering, 1, 1))
            for kernel in convolutions:
                shapes += [kernel, kernel[:1], kernel[:1]]
            entering = 4 * width
    return [*shapes, (1000, 2048), (1000,)]


STEPS = {
    "torch": steps_of_torch,
    "jax": steps_of_jax,
    "tensorflow": steps_of_tensorflow,
    "keras": steps_of_keras,
}
FRAMEWORKS = {
    "numpy": rows_of_numpy,
    "torch": rows_of_torch,
    "jax": rows_of_jax,
    "tensorflow": rows_of_tensorflow,
    "keras": lambda x, threads: {},
}


def medians(rows: dict[str, Compute], n: int) -> dict[str, float]:
    """Seconds of one call of each, interleaved, so that a change of the machine's speed hits all alike."""
    calls = max(1, 10_000_000 // n)
    times: dict[str, list[float]] = {name: [] for name in rows}
    for compute in rows.values():
        compute()
    for _ in range(7):
        for name, compute in rows.items():
            start = time.perf_counter()
            for _ in range(calls):
                compute()
            times[name].append((time.perf_counter() - start) / calls)
    return {name: statistics.median(values) for name, values in times.items()}


def exact(x: numpy.ndarray) -> dict[str, float]:
    sums = l1l2.ExactSums()
    sums.add(x)
    penalty = sums.penalty(l1l2.Regularizer(L1, L2))
    return {"penalty": penalty, "gradient": penalty, "sum": sums.penalty(l1l2.Regularizer(1.0, 0.0))}


def main() -> None:
    framework = sys.argv[1] if len(sys.argv) > 1 else ""
    if framework not in FRAMEWORKS:
        sys.exit(__doc__)
    largest = int(sys.argv[2]) if len(sys.argv) > 2 else SIZES[-1]
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    limit_threads(threads)
    print(f"{framework} on {threads} thread(s), l1l2 {l1l2.version()} with {l1l2.isa()} on one")
    print("\n| what | n | by | time / l1l2's | relative error |\n|---|---:|---|---:|---:|")
    for n in (size for size in SIZES if size <= largest):
        x = (numpy.random.default_rng(1).standard_normal(n, dtype=numpy.float32) * numpy.float32(0.02)).astype(
            numpy.float32
        )
        expected = exact(x)
        ours = rows_of_l1l2(x)
        for what, theirs in FRAMEWORKS[framework](x, threads).items():
            mine = ours["gradient" if what == "gradient" else "penalty"]
            rows = {"l1l2": mine, **theirs}
            seconds = medians({name: compute for name, (compute, _) in rows.items()}, n)
            for name, (compute, is_penalty) in rows.items():
                if what == "sum" and name == "l1l2":
                    continue
                error = abs(float(compute()) / expected[what] - 1.0) if is_penalty else None
                shown = "" if error is None else f"{error:.1e}"
                print(f"| {what} | {n:,} | {name} | {seconds[name] / seconds['l1l2']:.2f} | {shown} |", flush=True)
    print("\n| a step's regularization | by | ms | time / the first row's |\n|---|---|---:|---:|")
    for what, rows in STEPS[framework](threads).items() if framework in STEPS else ():
        # Enough calls of a small step for the clock.
        elements = {"ResNet-50": 25_000_000, "64-512-": 1_000_000, "64-32-": 100_000}
        seconds = medians(rows, next((n for name, n in elements.items() if what.startswith(name)), 20_000))
        first = next(iter(seconds.values()))
        for name, value in seconds.items():
            print(f"| {what} | {name} | {1e3 * value:.3f} | {value / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
