#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Norms of public reports, computed by the framework of each and by libl1l2:

    python3 bench/norms.py LIBRARY          the path of libl1l2.so

Prints the table of docs/norms.md. The elements are made here, by seeds, as the reports describe them. The true norm of
large arrays is NumPy's in float64, which is right to the digits that are shown. Needs NumPy, ml_dtypes, PyTorch,
TensorFlow and JAX; what is missing is left out.
"""

import ctypes
import math
import os
import sys
import warnings
from typing import Any, Callable, Iterator, Sequence

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

LENGTH = 207
DTYPES = {"float32": 1, "float64": 2, "float16": 3, "bfloat16": 4}

Row = tuple[str, str, str, str, str]


class Term(ctypes.Structure):
    _fields_ = [
        ("regularizer", ctypes.c_void_p),
        ("x", ctypes.c_void_p),
        ("n", ctypes.c_size_t),
        ("gradient", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("dtype", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("steps", ctypes.c_void_p),
    ]


class Library:
    def __init__(self, path: str) -> None:
        self.library = ctypes.CDLL(path)

    def call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status != 0:
            raise RuntimeError(f"{name}: status {status}")

    def terms(self, arrays: Sequence[np.ndarray]) -> tuple[Any, ctypes.c_size_t, ctypes.c_size_t]:
        terms = (Term * len(arrays))()
        for term, array in zip(terms, arrays):
            term.x = term.out = array.ctypes.data
            term.n = array.size
            term.dtype = DTYPES[array.dtype.name]
        return terms, ctypes.c_size_t(ctypes.sizeof(Term)), ctypes.c_size_t(len(arrays))

    def norm(self, groups: Sequence[Sequence[np.ndarray]]) -> float:
        """Of all arrays of all ranks: the accumulators of the ranks are added element by element."""
        total = np.zeros(LENGTH, np.int64)
        for arrays in groups:
            sums = np.zeros(LENGTH, np.int64)
            self.call(
                "l1l2_exact_sums_add_terms", sums.ctypes.data_as(ctypes.c_void_p), *self.terms(arrays), None, None, None
            )
            total += sums
        norm = ctypes.c_double()
        self.call("l1l2_exact_sums_norm", total.ctypes.data_as(ctypes.c_void_p), ctypes.byref(norm))
        return norm.value

    def clip(self, array: np.ndarray, max_norm: float) -> np.ndarray:
        array = array.copy()
        norm = ctypes.c_double(self.norm([[array]]))
        self.call("l1l2_clip_by_norm_terms", *self.terms([array]), norm, ctypes.c_double(max_norm), None, None, None)
        return array


def relative(norm: float, truth: float) -> str:
    return f"{norm:.8g} ({100 * (norm / truth - 1):+.3g} %)" if math.isfinite(norm) else str(norm)


def true_norm(arrays: Sequence[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays))


def large_float32(library: Library) -> Iterator[Row]:
    import torch

    random = np.random.default_rng(1)
    normal = random.standard_normal(100_000_000, np.float32)
    normal *= np.float32(1e-3)
    yield row_of_large(library, "pytorch 68326: 10^8 normals / 1000, float32", normal, torch)
    del normal
    uniform = random.random(512_000_000, np.float32)
    yield row_of_large(library, "pytorch 169237: 5.12 * 10^8 uniform, float32", uniform, torch)


def row_of_large(library: Library, case: str, x: np.ndarray, torch: Any) -> Row:
    truth = true_norm([x[i : i + 2**24] for i in range(0, x.size, 2**24)])
    theirs = torch.linalg.vector_norm(torch.from_numpy(x)).item()
    numpys = float(np.linalg.norm(x))
    ours = library.norm([[x]])
    return case, "PyTorch", relative(theirs, truth), relative(ours, truth), f"NumPy: {relative(numpys, truth)}"


def split_bfloat16(library: Library) -> Row:
    """The global norm of 64 bfloat16 gradients, in pipelines of 1, 2, 4 and 8 stages."""
    import ml_dtypes
    import torch

    random = np.random.default_rng(2)
    sizes = [int(n) for n in random.integers(1000, 300_000, 64)]
    gradients = [(random.standard_normal(n) * random.uniform(1e-4, 3e-3)).astype(ml_dtypes.bfloat16) for n in sizes]
    theirs, ours = [], set()
    for stages in (1, 2, 4, 8):
        groups = [gradients[i * 64 // stages : (i + 1) * 64 // stages] for i in range(stages)]
        of_stages = [
            torch.nn.utils.get_total_norm([torch.from_numpy(g.view(np.uint16)).view(torch.bfloat16) for g in group])
            for group in groups
        ]
        # As torchtitan reduces over stages: the squares are added in the dtype of the norm.
        total = of_stages[0] ** 2
        for norm in of_stages[1:]:
            total = total + norm**2
        theirs.append((total**0.5).item())
        ours.add(library.norm(groups))
    (ours_alone,) = ours
    truth = true_norm([g.astype(np.float64) for g in gradients])
    return (
        "torchtitan 4135: 64 bfloat16 gradients in 1, 2, 4, 8 stages",
        "PyTorch",
        ", ".join(f"{norm:.6g}" for norm in theirs),
        f"{ours_alone:.17g} for all",
        f"true: {truth:.12g}",
    )


def halves_that_overflow(library: Library) -> Iterator[Row]:
    of_ranks = [np.full(1, 5000, np.float16)] * 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        squares = np.float16(0)
        for rank in of_ranks:
            squares += np.square(rank)[0]
        theirs = float(np.sqrt(squares))
        one = float(np.linalg.norm(np.float16([300])))
    yield (
        "fairscale 263: norms of 5000 on 8 ranks, float16",
        "NumPy, as reported",
        str(theirs),
        f"{library.norm([[rank] for rank in of_ranks]):.17g}",
        "",
    )
    yield "numpy.linalg.norm of a float16 [300]", "NumPy", str(one), f"{library.norm([[np.float16([300])]]):.17g}", ""


def clipped_halves(library: Library) -> Iterator[Row]:
    x = np.float16([300])
    ours = str(library.clip(x, 1.0).tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        norm = np.sqrt(np.sum(np.square(x), dtype=np.float16))
        theirs = (x * np.minimum(np.float16(1), np.float16(1) / norm)).tolist()
    case = "a float16 [300] clipped to 1"
    yield f"burn 5699: {case}", "NumPy, as reported", str(theirs), ours, ""

    import tensorflow

    clipped, _ = tensorflow.clip_by_global_norm([tensorflow.constant(x)], 1.0)
    yield case, "tf.clip_by_global_norm", str(clipped[0].numpy().tolist()), ours, ""
    import jax.numpy

    value = jax.numpy.asarray(x)
    norm = jax.numpy.sqrt(jax.numpy.sum(jax.numpy.square(value)))  # optax.global_norm
    theirs = (value / norm.astype(value.dtype) * 1.0).tolist()
    yield case, "JAX, as optax.clip_by_global_norm", str(theirs), ours, ""
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float16))
    parameter.grad = torch.from_numpy(x.copy())
    torch.nn.utils.clip_grad_norm_([parameter], 1.0)
    yield case, "torch clip_grad_norm_", str(parameter.grad.tolist()), ours, ""


def beyond_double(library: Library) -> Iterator[Row]:
    for x in ([1e200, 1.0, 1.0], [1e-200] * 3):
        array = np.float64(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = float(np.linalg.norm(array))
        yield f"float64 {x}", "NumPy", str(theirs), repr(library.norm([[array]])), ""


def main() -> None:
    library = Library(sys.argv[1])
    cases: list[Callable[[Library], Iterator[Row]]] = [
        large_float32,
        lambda lib: iter([split_bfloat16(lib)]),
        halves_that_overflow,
        clipped_halves,
        beyond_double,
    ]
    print("| case | computed by | result | libl1l2 | |\n|---|---|---|---|---|")
    for case in cases:
        try:
            for row in case(library):
                print(f"| {' | '.join(row)} |", flush=True)
        except ImportError as missing:
            print(f"left out: {missing}", file=sys.stderr)
    versions = ["numpy", "torch", "tensorflow", "jax"]
    print("\n" + ", ".join(f"{m} {sys.modules[m].__version__}" for m in versions if m in sys.modules), file=sys.stderr)


if __name__ == "__main__":
    main()
