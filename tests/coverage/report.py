#!/usr/bin/env python3
"""Compares what clang has counted with the list of what no test reaches.

    report.py LCOV UNREACHED

LCOV is the output of llvm-cov. A line of UNREACHED has three fields with " | " between them: a file, as a pattern of
the shell; part of a line's text, or of the first and the last line of several with " .. " between them; and the
reason. White space and the place of a line in its file do not matter. Fails if something is not reached that has
no reason. Names reasons that fit no line, or lines that are reached after all.
"""
import collections
import fnmatch
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def read_counts(path):
    """By file: how often each line and each branch was reached."""
    files = {}
    for row in pathlib.Path(path).read_text().splitlines():
        kind, _, rest = row.partition(":")
        fields = rest.split(",")
        if kind == "SF":
            name = str(pathlib.Path(rest).resolve().relative_to(ROOT))
            lines, branches = files.setdefault(name, (collections.Counter(), collections.Counter()))
        elif kind == "DA":
            lines[int(fields[0])] = max(int(fields[1]), lines[int(fields[0])])
        elif kind == "BRDA":
            branches[int(fields[0]), fields[1], fields[2]] += 0 if fields[3] == "-" else int(fields[3])
    return files


def read_reasons(path):
    rows = pathlib.Path(path).read_text().splitlines()
    return [tuple(row.split(" | ")) for row in rows if row and not row.startswith("#")]


def lines_of(text, source):
    """The numbers of the lines that a reason is for."""
    first, _, last = (" ".join(part.split()) for part in text.partition(" .. "))
    numbers, inside = set(), False
    for number, line in enumerate(source, 1):
        line = " ".join(line.split())
        starts = first in line
        inside = inside or starts
        if inside:
            numbers.add(number)
            inside = bool(last) and (starts or last not in line)
    return numbers


def reached(counts):
    return sum(count > 0 for count in counts.values())


def main():
    files, reasons = read_counts(sys.argv[1]), read_reasons(sys.argv[2])
    needed, fitting, unexplained = set(), set(), []
    totals = collections.Counter()
    row = "{:<32}{:>7}{:>9}{:>10}{:>9}".format
    print(row("file", "lines", "reached", "branches", "reached"))
    for name, (lines, branches) in sorted(files.items()):
        counts = [len(lines), reached(lines), len(branches), reached(branches)]
        totals.update(dict(enumerate(counts)))
        print(row(name, *counts))
        source = (ROOT / name).read_text().splitlines()
        missed = {number: "branch" for (number, _, _), count in branches.items() if count == 0}
        missed.update({number: "line" for number, count in lines.items() if count == 0})
        explained = {r: lines_of(r[1], source) for r in reasons if fnmatch.fnmatchcase(name, r[0])}
        fitting.update(r for r, numbers in explained.items() if numbers)
        for number, what in sorted(missed.items()):
            found = [r for r, numbers in explained.items() if number in numbers]
            needed.update(found)
            if not found:
                unexplained.append(f"{name}:{number}: {what} never reached: {source[number - 1].strip()}")
    print(row("all", *(totals[i] for i in range(4))))
    stale = [f"no such line: {r[0]} | {r[1]}" for r in reasons if r not in fitting]
    for text in unexplained + stale:
        print(text)
    for reason in sorted(fitting - needed):
        print("reached after all: " + " | ".join(reason[:2]))
    print(f"{len(needed)} reasons for what is not reached, {len(unexplained)} places without one")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
