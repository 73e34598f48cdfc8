#!/usr/bin/env python3
"""Checks that each promise in promises.tsv has the tests that it names:

    tests/project/promises.py BUILD

A line has three columns, divided by tabs: where the promise stands; the promise; its tests, divided by
" | ", or "no test: " and the reason. A test is one of ctest's, where braces stand for several as in a
shell (`isa_{sse2,avx2}`) and a test of Catch2 for several types is named without the type; or a test
case of Catch2 that runs in a process for each setting; or a file that is compiled. Prints what is missing
and exits with 1.
"""
import itertools
import pathlib
import re
import subprocess
import sys
from typing import Iterator, Set

ROOT = pathlib.Path(__file__).resolve().parents[2]
STRING = r'"((?:[^"\\\n]|\\.)*)"'
CASE = re.compile(r"^(?:TEMPLATE_)?TEST_CASE\(\s*((?:%s\s*)+)" % STRING, re.MULTILINE)


def ctest_names(build: pathlib.Path) -> Set[str]:
    """The tests of a build, and those of the tiers that it was configured without."""
    listing = subprocess.run(["ctest", "--test-dir", build, "-N"], check=True, stdout=subprocess.PIPE)
    names = set(re.findall(r"^ *Test *#\d+: (.*)$", listing.stdout.decode(), re.MULTILINE))
    return names | set((build / "tests/other_tiers.txt").read_text().split())


def catch_names(build_files: str) -> Set[str]:
    """The test cases of all files that are compiled."""
    names = set()
    for file in ROOT.glob("tests/**/*.cpp"):
        for literals in CASE.findall(file.read_text(encoding="utf-8")):
            if file.name not in build_files:
                raise SystemExit(f"no CMakeLists.txt compiles {file}")
            name = "".join(re.findall(STRING, literals[0]))
            names.add(re.sub(r"\\(.)", r"\1", name))
    return names


def expanded(pattern: str) -> Iterator[str]:
    """The names that a pattern with braces stands for."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return map("".join, itertools.product(*choices))


def mistakes(build: pathlib.Path) -> Iterator[str]:
    build_files = "".join(file.read_text() for file in ROOT.glob("tests/**/CMakeLists.txt"))
    known = ctest_names(build) | catch_names(build_files)
    lines = (ROOT / "tests/project/promises.tsv").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[1:], 2):
        columns = line.split("\t")
        if len(columns) != 3 or not all(columns):
            yield f"line {number} has not three columns"
        elif not re.match("no test: .", columns[2]):
            for name in itertools.chain.from_iterable(map(expanded, columns[2].split(" | "))):
                is_compiled = (ROOT / name).is_file() and pathlib.Path(name).name in build_files
                if name not in known and not is_compiled:
                    yield f"line {number}: there is no test {name}"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(mistakes(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "each promise has its tests")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
