"""Every case of vectors.txt through l1l2.py, to the bit.

    python conformance.py vectors FILE     on four threads at once
    python conformance.py memory           that an array of 1 GiB is not copied
    python conformance.py lifetimes        that handles are released, and not too early
    python conformance.py overhead         what a call costs

It uses the library that l1l2.py finds.
"""

from __future__ import annotations

import copy
import ctypes
import functools
import gc
import itertools
import os
import pickle
import struct
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import l1l2
import numpy

THREADS = 4

_NumpyArray = numpy.ndarray[Any, Any]
#: How the bits of an element are written, and the dtype of an array of them.
DTYPES = {
    "float32": (">u4", "f4"),
    "float64": (">u8", "f8"),
    "float16": (">u2", "f2"),
    "bfloat16": (">u2", "u2"),
}


class DifferenceError(Exception):
    """What a case gives that it should not."""


class Foreign:
    """An array of another library, of which nothing is known but what DLPack says."""

    def __init__(self, x: _NumpyArray) -> None:
        self._x = x

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._x.__dlpack__(**arguments)


class Laid(NamedTuple):
    """Elements that were laid somewhere."""

    #: What the library is given.
    array: l1l2.Array
    #: The same elements in the order of memory.
    elements: _NumpyArray
    #: All memory, of which the elements may be a part.
    memory: _NumpyArray


Layout = Callable[[_NumpyArray], Laid]


def compact(elements: _NumpyArray) -> Laid:
    memory = elements.copy()
    return Laid(memory, memory, memory)


def every_second(elements: _NumpyArray) -> Laid:
    memory = numpy.repeat(elements, 2)
    return Laid(memory[1::2], memory[1::2], memory)


def turned(elements: _NumpyArray) -> Laid:
    """A matrix with a gap after each row, transposed and flipped."""
    columns = 2 if elements.size % 2 == 0 else 1
    memory = numpy.zeros((elements.size // columns, columns + 1), elements.dtype)
    memory[:, :columns] = elements.reshape(-1, columns)
    return Laid(memory[:, :columns].T[::-1], memory[:, :columns], memory)


def transposed(elements: _NumpyArray) -> Laid:
    """Contiguous in the order of Fortran."""
    rows = elements.copy().reshape(2 if elements.size % 2 == 0 else 1, -1)
    return Laid(rows.T, rows, rows)


def foreign(elements: _NumpyArray) -> Laid:
    memory = elements.copy()
    return Laid(Foreign(memory), memory, memory)


#: Whether NumPy's DLPack tells that an array is read-only. Before, it exports none.
TELLS_READ_ONLY = numpy.lib.NumpyVersion(numpy.__version__) >= "2.1.0"

#: How x and what is written are laid, each pair in arrays of one shape.
LAYOUTS = [
    (compact, compact),
    (transposed, transposed),
    (compact, every_second),
    (every_second, compact),
    (turned, turned),
    (foreign, every_second),
    (every_second, foreign),
]


def layouts_of(dtype: str) -> list[tuple[Layout, Layout]]:
    # NumPy's DLPack has no bfloat16.
    without = foreign if dtype == "bfloat16" else None
    return [pair for pair in LAYOUTS if without not in pair]


def parse_double(text: str) -> float:
    (value,) = struct.unpack(">d", bytes.fromhex(text))
    return float(value)


def parse_array(text: str, dtype: str) -> _NumpyArray:
    count, digits = text.split(":")
    bits, elements = DTYPES[dtype]
    pattern = numpy.frombuffer(bytes.fromhex(digits), bits)
    n = int(count)
    if pattern.size > n or (pattern.size == 0) != (n == 0):
        raise ValueError(f"{pattern.size} elements for {n}")
    native = pattern.astype(pattern.dtype.newbyteorder("="))
    return numpy.resize(native, n).view(elements)


def parse_sums(text: str) -> _NumpyArray:
    numbers = numpy.zeros(l1l2.ExactSums().array.size, numpy.uint64)
    for item in text.split(",") if text != "-" else ():
        index, digits = item.split(":")
        numbers[int(index)] = int(digits, 16)
    return numbers.view(numpy.int64)


def parse_text(text: str) -> bytes:
    return b"" if text == "-" else bytes.fromhex(text)


def expect_double(value: float, expected: str) -> None:
    bits = struct.pack(">d", value).hex()
    if bits != expected:
        raise DifferenceError(f"{bits} instead of {expected}")


def expect_array(laid: Laid, expected: _NumpyArray, before: Laid, what: str) -> None:
    """That the elements are as expected, and the memory beside them is untouched."""
    if laid.elements.tobytes() != expected.tobytes():
        raise DifferenceError(f"{what}: another array")
    laid.elements[...] = before.elements
    if laid.memory.tobytes() != before.memory.tobytes():
        raise DifferenceError(f"{what}: memory beside the elements is written")


def expect_config(regularizer: l1l2.Regularizer, l1: str, l2: str) -> None:
    expect_double(regularizer.l1, l1)
    expect_double(regularizer.l2, l2)


def attempt(
    status: str, function: Callable[..., Any], *arguments: Any, **options: Any
) -> Any:
    """Returns what the function does; None if it fails with the status, as it must."""
    try:
        result = function(*arguments, **options)
    except l1l2.L1L2Error as error:
        if error.status != int(status) or not error.message:
            raise DifferenceError(f"status {error.status}: {error}") from error
        return None
    if status != "0":
        raise DifferenceError(f"no status {status}")
    return result


def regularizer_of(l1: str, l2: str) -> l1l2.Regularizer:
    return l1l2.Regularizer(parse_double(l1), parse_double(l2))


def options_of(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype} if dtype == "bfloat16" else {}


def check_create(l1: str, l2: str, status: str, *outputs: str) -> None:
    regularizer = attempt(status, regularizer_of, l1, l2)
    if outputs:
        expect_config(regularizer, *outputs)


def check_penalty(
    dtype: str, l1: str, l2: str, x: str, status: str, *outputs: str
) -> None:
    regularizer = regularizer_of(l1, l2)
    elements = parse_array(x, dtype)
    for layout, _ in layouts_of(dtype):
        array = layout(elements).array
        penalty = attempt(status, regularizer, array, **options_of(dtype))
        if outputs:
            expect_double(penalty, *outputs)


def check_add_gradient(
    dtype: str,
    l1: str,
    l2: str,
    scale: str,
    x: str,
    gradient: str,
    status: str,
    *outputs: str,
) -> None:
    regularizer = regularizer_of(l1, l2)
    factor = parse_double(scale)
    elements = parse_array(x, dtype)
    start = parse_array(gradient, dtype)
    expected = parse_array(outputs[0], dtype) if outputs else start
    for x_layout, gradient_layout in layouts_of(dtype):
        array = x_layout(elements).array
        for method in (regularizer.penalty_and_add_gradient, regularizer.add_gradient):
            before, after = gradient_layout(start), gradient_layout(start)
            penalty = attempt(
                status, method, array, after.array, factor, **options_of(dtype)
            )
            expect_array(after, expected, before, gradient_layout.__name__)
            if outputs and method == regularizer.penalty_and_add_gradient:
                expect_double(penalty, outputs[1])


def check_prox(
    dtype: str, l1: str, l2: str, step: str, x: str, status: str, *outputs: str
) -> None:
    prox = regularizer_of(l1, l2).prox
    size = parse_double(step)
    options = options_of(dtype)
    elements = parse_array(x, dtype)
    start = numpy.frombuffer(b"\xa5" * elements.nbytes, elements.dtype)
    for x_layout, out_layout in layouts_of(dtype):
        array = x_layout(elements).array
        before, after = out_layout(start), out_layout(start)
        attempt(status, prox, array, size, after.array, **options)
        expected = parse_array(outputs[0], dtype) if outputs else start
        expect_array(after, expected, before, out_layout.__name__)

        before, after = x_layout(elements), x_layout(elements)
        attempt(status, prox, after.array, size, **options)
        expected = parse_array(outputs[0], dtype) if outputs else elements
        expect_array(after, expected, before, f"{x_layout.__name__}, in place")


def check_to_json(style: str, l1: str, l2: str, status: str, *outputs: str) -> None:
    regularizer = regularizer_of(l1, l2)
    text = attempt(status, regularizer.to_json, l1l2.JsonStyle(int(style)))
    if outputs and text.encode() != parse_text(*outputs):
        raise DifferenceError(text)


def check_from_json(text: str, status: str, *outputs: str) -> None:
    regularizer = attempt(status, l1l2.Regularizer.from_json, parse_text(text))
    if outputs:
        expect_config(regularizer, *outputs)


class Part(NamedTuple):
    """One of the parts of exact sums."""

    #: "sums" for a vector.
    dtype: str
    elements: _NumpyArray

    def add_to(self, sums: l1l2.ExactSums, layout: Layout) -> None:
        """Adds it to sums, which stay as they are if it cannot be added."""
        before = sums.array.copy()
        try:
            if self.dtype == "sums":
                sums += l1l2.ExactSums(self.elements)
            else:
                sums.add(layout(self.elements).array, **options_of(self.dtype))
        except l1l2.L1L2Error:
            if sums.array.tobytes() != before.tobytes():
                raise DifferenceError("sums that fail have changed") from None
            raise

    def numbers(self, layout: Layout) -> _NumpyArray:
        """Returns the vector that it is or makes, as it is."""
        if self.dtype == "sums":
            return self.elements
        sums = l1l2.ExactSums()
        self.add_to(sums, layout)
        return sums.array


def parse_part(text: str) -> Part:
    dtype, content = text.split(":", 1)
    if dtype == "sums":
        return Part(dtype, parse_sums(content))
    return Part(dtype, parse_array(content, dtype))


def add_in_order(parts: list[Part], layout: Layout) -> l1l2.ExactSums:
    sums = l1l2.ExactSums()
    for part in parts:
        part.add_to(sums, layout)
    return sums


def merge_backwards(parts: list[Part], layout: Layout) -> l1l2.ExactSums:
    """Each part in sums of its own, and these merged, the last one first."""
    sums = l1l2.ExactSums()
    for part in reversed(parts):
        one = l1l2.ExactSums()
        part.add_to(one, layout)
        sums.merge(one)
    return sums


def add_numbers(parts: list[Part], layout: Layout) -> l1l2.ExactSums:
    """The vectors of all parts added element by element, and not yet checked."""
    sums = l1l2.ExactSums()
    for part in parts:
        numpy.add(sums.array, part.numbers(layout), out=sums.array)
    return sums


def expect_sums(
    sums: l1l2.ExactSums, regularizer: l1l2.Regularizer, status: str, *outputs: str
) -> None:
    """What is read from sums, and what they are when they are taken as a vector."""
    attempt(status, sums.check)
    doubles = (
        attempt(status, sums.penalty, regularizer),
        attempt(status, lambda: sums.absolute),
        attempt(status, lambda: sums.square),
    )
    count = attempt(status, lambda: sums.count)
    taken = attempt(status, l1l2.ExactSums, sums.array)
    if outputs:
        for value, expected in zip(doubles, outputs, strict=False):
            expect_double(value, expected)
        if count != int(outputs[3]):
            raise DifferenceError(f"count {count}")
        if taken.array.tobytes() != parse_sums(outputs[4]).tobytes():
            raise DifferenceError(f"other sums: {taken.array.tolist()}")


def check_exact_sums(l1: str, l2: str, parts: str, status: str, *outputs: str) -> None:
    regularizer = regularizer_of(l1, l2)
    each = [parse_part(part) for part in parts.split("+")]
    layouts = [{layout for layout, _ in layouts_of(part.dtype)} for part in each]
    for layout in set.intersection(*layouts):
        in_order = attempt(status, add_in_order, each, layout)
        merged = attempt(status, merge_backwards, each, layout)
        if outputs:
            expect_sums(in_order, regularizer, status, *outputs)
            if merged.array.tobytes() != in_order.array.tobytes():
                raise DifferenceError("merged sums are others")
        expect_sums(add_numbers(each, layout), regularizer, status, *outputs)


#: The numbers of inputs and of outputs, and what checks them.
OPERATIONS: dict[str, tuple[int, int, Callable[..., None]]] = {
    "create": (2, 2, check_create),
    "penalty": (4, 1, check_penalty),
    "add_gradient": (6, 2, check_add_gradient),
    "prox": (5, 1, check_prox),
    "to_json": (3, 1, check_to_json),
    "from_json": (1, 2, check_from_json),
    "exact_sums": (3, 5, check_exact_sums),
}


def check(line: str) -> None:
    operation, *fields = line.split()
    inputs, outputs, check_operation = OPERATIONS[operation]
    status = fields[inputs + 1]
    given = inputs + 2 + (outputs if status == "0" else 0)
    if fields[inputs] != "->" or len(fields) != given:
        raise ValueError(f"a malformed line: {line}")
    check_operation(*fields[:inputs], *fields[inputs + 1 :])


def views(dtype: str) -> list[_NumpyArray]:
    """Returns arrays of one shape, each with other strides and memory of its own."""
    memory = numpy.arange(-480, 480, dtype=dtype).reshape(8, 10, 12)
    return [
        memory[:4, :5, :6].copy(order="C"),
        memory[:4, :5, :6].copy(order="F"),
        memory.copy()[::2, ::2, ::2],
        memory.copy()[::-2, 5:, 1::2],
        memory.copy()[:6, 5:, :4].T,
    ]


def check_views(dtype: str) -> None:
    """That a view gives what its contiguous copy gives, for any strides of x and y."""
    regularizer = l1l2.Regularizer(l1=1.0, l2=0.5)
    repeated = numpy.broadcast_to(numpy.arange(6, dtype=dtype), (4, 5, 6))
    for x in [*views(dtype), repeated]:
        compacted = x.copy(order="C")
        # Sums of small integers are exact, in the order of either memory.
        if regularizer(x) != regularizer(compacted):
            raise DifferenceError(f"the penalty of strides {x.strides}")
        for y in views(dtype):
            expected = y.copy(order="C")
            regularizer.add_gradient(x, y, 0.3)
            regularizer.add_gradient(compacted, expected, 0.3)
            if y.tobytes() != expected.tobytes():
                raise DifferenceError(f"a gradient, {x.strides} and {y.strides}")
            regularizer.prox(x, 0.3, y)
            regularizer.prox(compacted, 0.3, expected)
            if y.tobytes() != expected.tobytes():
                raise DifferenceError(f"a prox, {x.strides} and {y.strides}")


def expect_refusal(
    expected: type[Exception], y: l1l2.Array, memory: _NumpyArray, factor: Any = 0.3
) -> None:
    """That y cannot be written, the memory of which holds ones."""
    regularizer = l1l2.Regularizer(l1=1.0, l2=0.5)
    x = numpy.ones(4, numpy.float32)
    for call in (
        lambda: regularizer.add_gradient(x, y, factor),
        lambda: regularizer.penalty_and_add_gradient(x, y, factor),
        lambda: regularizer.prox(x, factor, y),
    ):
        expect_error(expected, call)
        if not (memory == 1).all():
            raise DifferenceError(f"{y!r} is refused, but written")


def expect_error(expected: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:
        if type(error) is expected:
            return
        raise DifferenceError(f"{error!r} instead of {expected.__name__}") from error
    raise DifferenceError(f"no {expected.__name__}")


def check_refusals() -> None:
    """That what does not go together is refused before anything is written."""
    for memory, expected in (
        (numpy.ones(3, numpy.float32), ValueError),
        (numpy.ones((2, 2), numpy.float32), ValueError),
        (numpy.ones(4, numpy.float64), l1l2.L1L2Error),
        (numpy.ones(4, numpy.uint16), TypeError),
        (numpy.ones(4, numpy.dtype("f4").newbyteorder()), TypeError),
    ):
        expect_refusal(expected, memory, memory)

    read_only = numpy.ones(4, numpy.float32)
    read_only.flags.writeable = False
    expect_refusal(ValueError, read_only, read_only)
    if TELLS_READ_ONLY:
        expect_refusal(ValueError, Foreign(read_only), read_only)
        if l1l2.Regularizer(l1=1.0)(Foreign(read_only)) != 4.0:
            raise DifferenceError("the penalty of a read-only array by DLPack")
    else:
        expect_refusal(BufferError, Foreign(read_only), read_only)

    no_number: Any
    for no_number in ("0.3", None, 1j):
        memory = numpy.ones(4, numpy.float32)
        expect_refusal(TypeError, memory, memory, no_number)
        expect_refusal(TypeError, memory[::-1], memory, no_number)
        expect_error(TypeError, functools.partial(l1l2.Regularizer, no_number))


def differences(path: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if line.startswith("#"):
            continue
        try:
            check(line)
        except DifferenceError as difference:
            yield f"{path}:{number}: {difference}"


def check_vectors(path: str) -> int:
    for dtype in ("float32", "float64", "float16"):
        check_views(dtype)
    check_refusals()
    with open(path, encoding="ascii") as file:
        lines = file.readlines()
    with ThreadPoolExecutor(THREADS) as threads:
        runs = [
            threads.submit(lambda: list(differences(path, lines)))
            for _ in range(THREADS)
        ]
        found = [run.result() for run in runs]
    if any(found):
        each = dict.fromkeys(itertools.chain.from_iterable(found))
        print(*each, sep="\n", file=sys.stderr)
        return 1
    cases = sum(not line.startswith("#") for line in lines)
    print(f"{cases} cases, all bits equal")
    return 0


def peak_memory() -> int:
    """The most memory that the process has had so far, in KiB."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def check_memory() -> int:
    n = 1 << 28
    x = numpy.ones(n, dtype=numpy.float32)
    regularizer = l1l2.Regularizer(l1=0.01, l2=0.02)
    before = peak_memory()
    penalty = regularizer(x)
    sums = l1l2.ExactSums()
    sums.add(x)
    regularizer.prox(x, 1.0)
    rise = peak_memory() - before
    if (penalty, sums.absolute) != ((0.01 + 0.02) * n, n) or not x.max() < 1.0:
        print("a wrong result", file=sys.stderr)
        return 1
    print(f"an array of 1024 MiB: peak memory rose by {rise} KiB")
    return 0


def expect_closed(regularizer: l1l2.Regularizer) -> None:
    """That every use is status 10, and writes nothing."""
    x, y = numpy.ones(4, numpy.float32), numpy.ones(4, numpy.float32)
    for call in (
        lambda: regularizer.penalty(x),
        lambda: regularizer.penalty(x[::2]),
        lambda: l1l2.ExactSums().penalty(regularizer),
        lambda: regularizer.add_gradient(x, y),
        lambda: regularizer.penalty_and_add_gradient(x, y),
        lambda: regularizer.prox(x, 0.1, y),
        lambda: regularizer.prox(y[::2], 0.1),
        regularizer.to_json,
    ):
        attempt("10", call)
    if not (y == 1).all():
        raise DifferenceError("a closed regularizer has written")


def check_closing() -> None:
    """That it can be done twice, and that nothing can be called afterwards."""
    regularizer = l1l2.Regularizer(l1=0.01, l2=0.02)
    regularizer.close()
    regularizer.close()
    expect_closed(regularizer)
    with l1l2.Regularizer.from_json(b'{"l1": 0.01, "l2": 0.02}') as regularizer:
        regularizer.close()
    expect_closed(regularizer)
    if (regularizer.l1, regularizer.l2) != (0.01, 0.02):
        raise DifferenceError("the coefficients of a closed regularizer")


def check_copies() -> None:
    """That a copy and its original do not need each other."""
    x = numpy.ones(4, numpy.float32)

    def pickled(regularizer: l1l2.Regularizer, protocol: int) -> l1l2.Regularizer:
        read: l1l2.Regularizer = pickle.loads(pickle.dumps(regularizer, protocol))
        return read

    duplicates: list[Callable[[l1l2.Regularizer], l1l2.Regularizer]] = [
        copy.copy,
        copy.deepcopy,
        lambda regularizer: regularizer.from_config(regularizer.get_config()),
        *(
            functools.partial(pickled, protocol=protocol)
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ]
    for duplicate in duplicates:
        for closed in (0, 1):
            original = l1l2.Regularizer(l1=0.01, l2=0.02)
            expected = original(x)
            pair = [original, duplicate(original)]
            del original
            pair[closed].close()
            expect_closed(pair[closed])
            del pair[closed]
            # These take the memory of the handle that was freed.
            pair.extend(l1l2.Regularizer(l1=0.5) for _ in range(100))
            if pair[0](x) != expected:
                raise DifferenceError("a copy does not outlive its original")


def check_threads() -> None:
    """That a call keeps alive what nothing else does."""
    n = 1 << 16
    with ThreadPoolExecutor(THREADS) as threads:
        calls = [
            threads.submit(
                l1l2.Regularizer(l1=1.0).penalty,
                layout(numpy.ones(n, numpy.float32)).array,
            )
            for _ in range(50)
            for layout in (compact, every_second, foreign)
        ]
        gc.collect()
        if any(call.result() != n for call in calls):
            raise DifferenceError("what only a thread still used is gone")


def forget(n: int) -> None:
    """Makes n regularizers of each kind, and as many arrays, and releases none."""
    elements = numpy.ones(1 << 10, numpy.float32)
    for i in range(n):
        regularizer = l1l2.Regularizer(l1=0.01, l2=0.02)
        if i % 100 == 0:
            regularizer(Foreign(elements.copy()))
        # Only a collection finds this one.
        cycle: list[object] = [l1l2.Regularizer(l1=0.01)]
        cycle.append(cycle)
        if i % 10_000 == 0:
            gc.collect()


def check_lifetimes() -> int:
    try:
        # First of all: memory that the others have used and freed would hide a leak.
        forget(10_000)
        before = peak_memory()
        forget(300_000)
        rise = peak_memory() - before
        # The handles alone of one kind would be more than 9 MiB.
        if rise >= 8 << 10:
            raise DifferenceError(f"forgotten regularizers keep {rise} KiB")
        check_closing()
        check_copies()
        check_threads()
    except DifferenceError as difference:
        print(difference, file=sys.stderr)
        return 1
    print("handles are released")
    return 0


def nanoseconds_of(function: Callable[[], object]) -> float:
    calls = 10_000
    start = time.perf_counter_ns()
    for _ in range(calls):
        function()
    return (time.perf_counter_ns() - start) / calls


def measure_overhead() -> int:
    library = ctypes.CDLL(os.environ.get("L1L2_LIBRARY") or "libl1l2.so.0")
    x = numpy.arange(16, dtype=numpy.float32)
    regularizer = l1l2.Regularizer(l1=0.01, l2=0.02)
    functions = library.l1l2_version_number, functools.partial(regularizer.penalty, x)
    times = [[nanoseconds_of(function) for function in functions] for _ in range(31)]
    empty, penalty = numpy.median(times, axis=0)
    print(f"empty call {empty:.0f} ns, penalty of 16 elements {penalty:.0f} ns")
    return 0


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "vectors":
        return check_vectors(arguments[1])
    if arguments == ["memory"]:
        return check_memory()
    if arguments == ["lifetimes"]:
        return check_lifetimes()
    if arguments == ["overhead"]:
        return measure_overhead()
    print(
        "usage: conformance.py vectors FILE | memory | lifetimes | overhead",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
