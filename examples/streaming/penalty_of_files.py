# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The penalty of arrays in files that are larger than memory, by exact sums.

    python penalty_of_files.py model.safetensors --l1 1e-5 --l2 1e-4

It takes .npy files and .safetensors files, any number, and prints the penalty of all
their elements together. The files are mapped, read chunk by chunk, and what was read is
given back, so that no more than --memory of them is resident at a time. Each of
--threads has exact sums of its own, which are merged at the end. The result has the
same bits whatever the memory, the threads and the order of the files: the penalty of
all elements as one array, its true value rounded once.

It needs the packages l1l2 (pip install ../../bindings/python) and tqdm. The files must
not become shorter meanwhile: as with all mapped files, that would end the process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import mmap
import os
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, NamedTuple

import l1l2
import numpy
import tqdm

KIB = 1 << 10
MIB = 1 << 20
#: So much around what is read the kernel may map with it.
HUGE_PAGE = 2 * MIB
#: What a thread may have resident beside its chunk: that, its stack, objects of Python's.
RESERVE = 2 * HUGE_PAGE + MIB
#: A smaller chunk would be slower.
SMALLEST_CHUNK = MIB
#: The longest header that the reference implementation of safetensors reads.
LONGEST_HEADER = 100_000_000
#: The element types of safetensors that the library serves, in the format's byte order;
#: NumPy has no bfloat16.
SAFETENSORS_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class InputError(Exception):
    """Something that the user gave and can mend."""


class Tensor(NamedTuple):
    """Where elements are in their file, and what they are."""

    begin: int  #: in bytes
    n: int  #: the number of elements
    dtype: numpy.dtype[Any]
    is_bfloat16: bool = False

    @property
    def nbytes(self) -> int:
        return self.n * self.dtype.itemsize


class Piece(NamedTuple):
    """A part of a tensor that is read at once, and the memory that its file is."""

    memory: mmap.mmap
    part: Tensor


def npy_tensors(file: BinaryIO) -> list[Tensor]:
    """Reads the header of a .npy file; numpy.lib.format describes it."""
    try:
        version = numpy.lib.format.read_magic(file)
        if version == (1, 0):
            header = numpy.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            header = numpy.lib.format.read_array_header_2_0(file)
        else:
            # Of a later one NumPy makes use for arrays of structs alone.
            raise ValueError(f"version {version} of the format")
    except Exception as error:
        # Of damaged headers NumPy's parser raises all kinds: IndexError, MemoryError.
        raise InputError(f"no array in .npy: {first_line(error)}") from error
    shape, _, dtype = header
    if dtype.newbyteorder("=") not in map(numpy.dtype, ("f2", "f4", "f8")):
        raise InputError(f"elements of {dtype}, not of float16, float32 or float64")
    if any(extent < 0 for extent in shape):
        raise InputError(f"a shape of {shape}")
    begin, end = file.tell(), os.fstat(file.fileno()).st_size
    tensor = Tensor(begin, math.prod(shape), dtype)
    if tensor.nbytes != end - begin:
        raise InputError(f"{end - begin} bytes of elements, which {shape} has not")
    return [tensor]


def safetensors_tensors(file: BinaryIO, skip_others: bool) -> list[Tensor]:
    """Reads the header of a .safetensors file.

    That is its length in 8 bytes, then JSON: for each tensor its dtype, its shape and
    where its bytes are among those that follow, which have neither gaps nor overlaps.
    """
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(size - 8, LONGEST_HEADER):
        raise InputError(f"no .safetensors: a header of {length} bytes in {size}")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise InputError(f"a header that is no JSON: {first_line(error)}") from error
    if not isinstance(header, dict):
        raise InputError("a header that is no JSON object")
    header.pop("__metadata__", None)
    data = 8 + length
    tensors: list[Tensor] = []
    end = 0
    for name, (begin, entry_end, entry) in sorted(
        ((name, range_of(name, entry)) for name, entry in header.items()),
        key=lambda item: item[1][:2],
    ):
        if begin != end:
            raise InputError(f"{name!r} begins at {begin}, after what ends at {end}")
        end = entry_end
        if end > size - data:
            raise InputError(
                f"{name!r} ends at {end} of {size - data} bytes: the file is cut off"
            )
        tensors.extend(tensor_of(name, entry, data + begin, end - begin, skip_others))
    if end != size - data:
        raise InputError(f"tensors of {end} bytes in {size - data}")
    return tensors


def range_of(name: str, entry: Any) -> tuple[int, int, dict[str, Any]]:
    """Returns where a tensor's bytes begin and end, and its entry in the header."""
    match entry:
        case {"dtype": str(), "shape": [*shape], "data_offsets": [begin, end]} if all(
            type(number) is int and number >= 0 for number in (*shape, begin, end)
        ):
            if begin <= end:
                return begin, end, entry
    raise InputError(f"{name!r} is no entry of a tensor")


def tensor_of(
    name: str, entry: dict[str, Any], begin: int, nbytes: int, skip_others: bool
) -> Iterator[Tensor]:
    """Yields the tensor of an entry, unless it is to be skipped."""
    kind = entry["dtype"]
    if kind not in SAFETENSORS_DTYPES:
        if not skip_others:
            raise InputError(
                f"{name!r} is of {kind}, not of {', '.join(SAFETENSORS_DTYPES)};"
                " --skip-others leaves such tensors out"
            )
        print(f"skipped: {name!r}, of {kind}", file=sys.stderr)
        return
    dtype = numpy.dtype(SAFETENSORS_DTYPES[kind])
    tensor = Tensor(begin, math.prod(entry["shape"]), dtype, kind == "BF16")
    if tensor.nbytes != nbytes:
        raise InputError(f"{name!r} has {nbytes} bytes, which its shape has not")
    yield tensor


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:160]


def mapped(path: str, skip_others: bool) -> tuple[mmap.mmap, list[Tensor]]:
    """Maps a file and finds the tensors in it."""
    try:
        with open(path, "rb") as file:
            if path.endswith(".npy"):
                tensors = npy_tensors(file)
            elif path.endswith(".safetensors"):
                tensors = safetensors_tensors(file, skip_others)
            else:
                raise InputError("neither .npy nor .safetensors")
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    for tensor in tensors:
        if not tensor.dtype.isnative:
            raise InputError(f"{path}: elements in the other byte order")
    memory.madvise(mmap.MADV_SEQUENTIAL)
    return memory, tensors


def pieces_of(
    files: Iterable[tuple[mmap.mmap, list[Tensor]]], chunk: int
) -> Iterator[Piece]:
    """Cuts tensors into pieces of at most `chunk` bytes."""
    for memory, tensors in files:
        for tensor in tensors:
            step = chunk // tensor.dtype.itemsize
            for first in range(0, tensor.n, step):
                part = tensor._replace(
                    begin=tensor.begin + first * tensor.dtype.itemsize,
                    n=min(step, tensor.n - first),
                )
                yield Piece(memory, part)


class Queue:
    """Gives each piece to one of the threads that ask."""

    def __init__(self, pieces: Iterator[Piece], progress: tqdm.tqdm[Any]) -> None:
        self._pieces = pieces
        self._progress = progress
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Piece]:
        while True:
            with self._lock:
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._progress.update(piece.part.nbytes)
            yield piece

    def close(self) -> None:
        """Sees to it that threads get nothing more."""
        with self._lock:
            self._pieces = iter(())


def add(sums: l1l2.ExactSums, piece: Piece) -> None:
    """Adds the elements of a piece and gives back its memory."""
    memory, part = piece
    x = numpy.frombuffer(memory, part.dtype, part.n, part.begin)
    sums.add(x, dtype="bfloat16" if part.is_bfloat16 else None)
    # With all that came along. A neighbour who still needs some of it gets it again.
    first = max(part.begin // mmap.PAGESIZE * mmap.PAGESIZE - HUGE_PAGE, 0)
    last = min(part.begin + part.nbytes + HUGE_PAGE, len(memory))
    memory.madvise(mmap.MADV_DONTNEED, first, last - first)


def sum_of(queue: Queue) -> l1l2.ExactSums:
    """What each thread does."""
    sums = l1l2.ExactSums()
    for piece in queue:
        add(sums, piece)
    return sums


def exact_sums_of(
    files: list[tuple[mmap.mmap, list[Tensor]]], chunk: int, threads: int
) -> l1l2.ExactSums:
    """Returns the exact sums of all elements of all files."""
    nbytes = sum(tensor.nbytes for _, tensors in files for tensor in tensors)
    sums = l1l2.ExactSums()
    # It shows when there is a terminal and a second has passed.
    with (
        tqdm.tqdm(
            total=nbytes, unit="B", unit_scale=True, disable=None, delay=1
        ) as progress,
        ThreadPoolExecutor(threads) as pool,
    ):
        queue = Queue(pieces_of(files, chunk), progress)
        try:
            for part in pool.map(sum_of, [queue] * threads):
                sums += part
        finally:
            queue.close()
    return sums


def digest_of(sums: l1l2.ExactSums) -> str:
    """Returns a hash of the sums that is the same on every machine."""
    return hashlib.sha256(sums.to_bytes()).hexdigest()


def size(text: str) -> int:
    """Reads a number of bytes such as 64M."""
    units = {"K": KIB, "M": MIB, "G": KIB * MIB}
    unit = units.get(text[-1:].upper(), 1)
    return int(text if unit == 1 else text[:-1]) * unit


def chunk_of(memory: int, threads: int) -> int:
    """Returns how much of the files a thread may have resident, in bytes."""
    chunk = memory // threads - RESERVE
    if chunk < SMALLEST_CHUNK:
        least = -(-threads * (RESERVE + SMALLEST_CHUNK) // KIB)
        raise InputError(f"{threads} threads need --memory {least}K or more")
    return chunk


def print_result(sums: l1l2.ExactSums, regularizer: l1l2.Regularizer) -> None:
    for name, value in (
        ("penalty", sums.penalty(regularizer)),
        ("sum |x|", sums.absolute),
        ("sum x^2", sums.square),
    ):
        print(f"{name}   {value!r:24} {struct.pack('>d', value).hex()}")
    print("elements ", sums.count)
    print("digest   ", digest_of(sums))


def run(options: argparse.Namespace) -> None:
    try:
        regularizer = l1l2.Regularizer(options.l1, options.l2)
    except l1l2.L1L2Error as error:
        raise InputError(str(error)) from error
    chunk = chunk_of(options.memory, options.threads)
    files = [mapped(path, options.skip_others) for path in options.files]
    start = time.perf_counter()
    sums = exact_sums_of(files, chunk, options.threads)
    seconds = time.perf_counter() - start
    print_result(sums, regularizer)
    nbytes = sum(len(memory) for memory, _ in files)
    print(
        f"{nbytes / 1e9:.3f} GB in {seconds:.3f} s: {nbytes / seconds / 1e9:.2f} GB/s"
        f", threads: {options.threads}, chunks of {chunk // KIB} KiB"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--l1", type=float, default=0.0)
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument(
        "--memory",
        type=size,
        default=64 * MIB,
        help="how much of the files may be resident, such as 512K, 64M, 2G",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--skip-others",
        action="store_true",
        help="leave out tensors whose elements are of no type that can be added",
    )
    options = parser.parse_args(arguments)
    if options.threads < 1:
        parser.error("--threads must be 1 or more")
    try:
        run(options)
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
