# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of penalty_of_files.py.

    python -m unittest test_penalty_of_files

Files are made in the current directory and removed. The environment variable
L1L2_LIBRARY names the library if it is not installed.
"""

import contextlib
import io
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import l1l2
import numpy
import penalty_of_files

PROGRAM = penalty_of_files.__file__
COEFFICIENTS = ("--l1", "0.01", "--l2", "0.02")
MIB = 1 << 20
#: Runs a program and then prints its peak memory, in KiB. (What the
#: system reports for a child may be what its parent had.)
MEASURED = """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    with open("/proc/self/status", encoding="ascii") as file:
        print(*(line for line in file if line.startswith("VmHWM:")), file=sys.stderr)
"""


def bits_of(value):
    return struct.pack(">d", value).hex()


def run(*arguments):
    """Returns what the program says, without the line of times, or its complaint."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        status = penalty_of_files.main([*map(str, arguments), *COEFFICIENTS])
    if status != 0:
        return complained.getvalue()
    return said.getvalue().splitlines()[:-1] + complained.getvalue().splitlines()


def run_measured(*arguments):
    """Returns the same, of a process of its own, and its peak memory in bytes."""
    command = [sys.executable, "-c", MEASURED, PROGRAM]
    done = subprocess.run(
        [*command, *map(str, arguments), *COEFFICIENTS],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    peak = int(done.stderr.split("VmHWM:")[1].split()[0])
    return done.stdout.splitlines()[:-1], peak << 10


def expected(sums, absolute=None, square=None):
    """What the program has to say of these sums, of which one may know better."""
    penalty = sums.penalty(l1l2.Regularizer(0.01, 0.02))
    absolute = sums.absolute if absolute is None else absolute
    square = sums.square if square is None else square
    return [
        *(
            f"{name}   {value!r:24} {bits_of(value)}"
            for name, value in (
                ("penalty", penalty),
                ("sum |x|", absolute),
                ("sum x^2", square),
            )
        ),
        f"elements  {sums.count}",
        f"digest    {penalty_of_files.digest_of(sums)}",
    ]


def exact_sums_of(*arrays):
    sums = l1l2.ExactSums()
    for x in arrays:
        sums.add(x, dtype="bfloat16" if x.dtype == numpy.uint16 else None)
    return sums


def write_safetensors(path, tensors, pad=0, **changes):
    """Writes a file in the format; `pad` spaces after the header move its elements."""
    kinds = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16"}
    header, end = {"__metadata__": {"format": "np"}}, 0
    for name, x in tensors.items():
        header[name] = {
            "dtype": kinds.get(x.dtype.name, "I64"),
            "shape": list(x.shape),
            "data_offsets": [end, end + x.nbytes],
        }
        end += x.nbytes
    for name, change in changes.items():
        header[name] = {**header[name], **change}
    text = json.dumps(header).encode() + b" " * pad
    elements = b"".join(x.tobytes() for x in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + elements)
    return path


class PenaltyOfFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=".")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rng = numpy.random.default_rng(20)

    def save(self, name, x):
        numpy.save(self.folder / name, x)
        return self.folder / name

    def test_a_file_larger_than_the_budget(self):
        """Four times as large, three times, and the sums are those of whole numbers."""
        budget, count = 64 * MIB, 64 * MIB
        path = self.folder / "large.npy"
        # Multiples of 2^-10, whose sums Python's integers have.
        absolute = square = 0
        file = numpy.lib.format.open_memmap(path, "w+", "f4", (count,))
        for first in range(0, count, MIB):
            piece = self.rng.integers(-(1 << 20), 1 << 20, MIB)
            file[first : first + MIB] = piece / 1024
            absolute += int(abs(piece).sum())
            square += int((piece * piece).sum())
        del file
        self.assertGreater(path.stat().st_size, 4 * budget)
        sums = exact_sums_of(*[numpy.load(path, mmap_mode="r")] * 3)
        # Division of integers rounds once.
        right = expected(sums, 3 * absolute / (1 << 10), 3 * square / (1 << 20))

        one = self.save("one.npy", numpy.ones(1, numpy.float32))
        # The last two in many chunks, the last one's from the middle of a page on: what
        # is not given back of each would add up.
        for memory, threads in (
            (budget, 1),
            (budget, 3),
            (12 * MIB, 2),
            (13_333_333, 2),
        ):
            with self.subTest(memory=memory, threads=threads):
                options = ("--memory", memory, "--threads", threads)
                _, baseline = run_measured(one, *options)
                said, peak = run_measured(path, path, path, *options)
                self.assertEqual(said, right)
                self.assertLessEqual(peak - baseline, memory)
                # And the peak is seen.
                chunk = penalty_of_files.chunk_of(memory, threads)
                self.assertGreater(peak - baseline, chunk // 2)

    def test_the_same_bits(self):
        """Whatever the chunks, the threads and the order of files."""
        n = 3_000_001
        x = self.rng.standard_normal(n) * 2.0 ** self.rng.integers(-60, 60, n)
        patterns = self.rng.integers(0, 1 << 16, n).astype(numpy.uint16)
        patterns[(patterns & 0x7F80) == 0x7F80] = 0
        tensors = {
            "double": x,
            "single": x[: n // 2].astype("f4").reshape(-1, 4),
            "half": (x[: n // 3] * 0 + self.rng.standard_normal(n // 3)).astype("f2"),
            "brain": patterns,
            "empty": numpy.zeros((3, 0), "f4"),
            "scalar": numpy.array(-3.0, "f4"),
        }
        files = [
            # At odd addresses.
            write_safetensors(self.folder / f"{pad}.safetensors", tensors, pad)
            for pad in (0, 1)
        ]
        files.append(self.save("single.npy", numpy.asfortranarray(tensors["single"])))
        files.append(self.save("half.npy", tensors["half"]))
        files.append(self.save("double.npy", x))
        arrays = [*tensors.values()] * 2 + [tensors["single"], tensors["half"], x]
        right = expected(exact_sums_of(*arrays))
        for memory, threads in (
            ("6M", 1),
            ("6_666_666", 1),
            ("64M", 1),
            ("1G", 1),
            ("25m", 4),
            ("65M", 7),
        ):
            with self.subTest(memory=memory, threads=threads):
                options = ("--memory", memory, "--threads", threads)
                self.assertEqual(run(*files, *options), right)
                self.assertEqual(run(*files[::-1], *options), right)
        self.assertEqual(
            run(files[-1], "--threads", 2),
            expected(exact_sums_of(x), absolute=math.fsum(abs(x))),
        )
        # A sum of others.
        self.assertNotEqual(run(*files[1:]), right)

    def test_special_numbers(self):
        for x, value in (([1.0, -numpy.inf], "inf"), ([numpy.inf, numpy.nan], "nan")):
            path = self.save("special.npy", numpy.array(x, "f4"))
            self.assertEqual(run(path)[0].split()[1], value)
        self.assertEqual(
            run(self.save("none.npy", numpy.zeros((0, 3)))), expected(l1l2.ExactSums())
        )

    def assert_refused(self, why, *arguments):
        self.assertRegex(run(*arguments), rf"\A[^\n]*{why}[^\n]*\n\Z")

    def test_refused_npy(self):
        good = self.save("good.npy", numpy.ones(100, "f4"))
        content = good.read_bytes()
        path = self.folder / "bad.npy"
        for bad, why in (
            (b"", "no array in .npy"),
            (content[:50], "no array in .npy"),
            (b"PK\3\4" + content, "no array in .npy"),
            (content[:6] + b"\3" + content[7:], r"version \(3, 0\)"),
            (content.replace(b"'descr'", b"'decsr'"), "no array in .npy"),
            (content.replace(b"'descr': '<f4'", b"[]: '<f4', 'de':3"), "no array"),
            (content.replace(b"(100,)", b"(-10,)"), r"a shape of \(-10,\)"),
            (content.replace(b"(100,)", b"(101,)"), r"400 bytes .* \(101,\) has not"),
            (content[:-1], r"399 bytes .* \(100,\) has not"),
            (content + b"\0", r"401 bytes .* \(100,\) has not"),
            (content.replace(b"<f4", b">f4"), "in the other byte order"),
            (content.replace(b"<f4", b"<i4"), "elements of int32, not of float16"),
        ):
            with self.subTest(why=why):
                path.write_bytes(bad)
                self.assert_refused(f"bad.npy: .*{why}", good, path)
        numpy.save(path, numpy.array([None]))
        self.assert_refused("bad.npy: elements of object", path)

    def test_refused_safetensors(self):
        path = self.folder / "bad.safetensors"
        tensors = {"a": numpy.ones((2, 3), "f4"), "b": numpy.ones(5, "f8")}
        for why, changes in (
            ("'b' is of F8_E4M3, not of F64, F32", {"b": {"dtype": "F8_E4M3"}}),
            ("'b' has 40 bytes", {"b": {"shape": [6]}}),
            ("'b' has 40 bytes", {"b": {"dtype": "F32"}}),
            ("'b' begins at 20, after .* 24", {"b": {"data_offsets": [20, 60]}}),
            ("'b' begins at 28, after .* 24", {"b": {"data_offsets": [28, 68]}}),
            ("'b' ends at 72 of 64", {"b": {"data_offsets": [24, 72], "shape": [6]}}),
            (
                "tensors of 56 bytes in 64",
                {"b": {"data_offsets": [24, 56], "shape": [4]}},
            ),
            ("'b' is no entry", {"b": {"data_offsets": [64, 24]}}),
            ("'b' is no entry", {"b": {"data_offsets": [24.0, 64]}}),
            ("'b' is no entry", {"b": {"data_offsets": [24]}}),
            ("'b' is no entry", {"b": {"shape": [-1, -5]}}),
            ("'b' is no entry", {"b": {"shape": [True, 5]}}),
            ("'b' is no entry", {"b": {"shape": "5"}}),
            ("'b' is no entry", {"b": {"dtype": None}}),
        ):
            with self.subTest(why=why):
                write_safetensors(path, tensors, **changes)
                self.assert_refused(f"bad.safetensors: {why}", path)
        content = write_safetensors(path, tensors).read_bytes()
        for bad, why in (
            (b"", "a header of 0 bytes in 0"),
            (content[:7], "a header of 0 bytes in 7"),
            (content[:40], "a header of .* bytes in 40"),
            (content[:-1], "'b' ends at 64 of 63 bytes: the file is cut off"),
            (content + b"\0", "tensors of 64 bytes in 65"),
            (b"\xff" * 8 + content[8:], "a header of 18446744073709551615 bytes"),
            (content.replace(b'{"__meta', b'["__meta'), "a header that is no JSON"),
            (struct.pack("<Q", 2) + b"[]", "a header that is no JSON object"),
            (struct.pack("<Q", 100_000) + b"[" * 100_000, "a header that is no JSON"),
        ):
            with self.subTest(why=why):
                path.write_bytes(bad)
                self.assert_refused(f"bad.safetensors: .*{why}", path)

    def test_other_types_are_skipped_by_wish(self):
        x = numpy.ones(5, "f4")
        path = write_safetensors(
            self.folder / "model.safetensors", {"positions": numpy.arange(9), "x": x}
        )
        self.assert_refused("'positions' is of I64, not of F64", path)
        self.assertEqual(
            run(path, "--skip-others"),
            [*expected(exact_sums_of(x)), "skipped: 'positions', of I64"],
        )

    def test_refused_otherwise(self):
        good = self.save("good.npy", numpy.ones(100, "f4"))
        self.assert_refused("none.npy: No such file", self.folder / "none.npy")
        self.assert_refused("neither .npy nor .safetensors", PROGRAM)
        self.assert_refused("1 threads need --memory 6144K", good, "--memory", 6291455)
        self.assertIn("elements  100", run(good, "--memory", 6291456))
        options = ("--threads", "3", "--memory", "17M")
        self.assert_refused("3 threads need --memory 18432K", good, *options)
        # To a user: a status and one line.
        done = subprocess.run(
            [sys.executable, PROGRAM, os.devnull, "--l1", "-1"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Apenalty_of_files.py: a coefficient is .*\n\Z")


if __name__ == "__main__":
    unittest.main()
