#!/usr/bin/env python3
"""Reads what clang has counted, and holds it against what is known not to be reached.

    report.py LCOV UNREACHED

LCOV is what llvm-cov exports. In UNREACHED a line is a file, a part of the text of a source line, or of
the first and the last line of several with " .. " between them, and the reason, with " | " between the
three. Fails if something is not reached that has no reason there; a reason that is no longer needed is
named, as is one where threads that raise a counter at once have made it so.
"""
import collections
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def read_counts(path):
    """By file: the number of lines and branches, and the lines on which some are never reached."""
    files = {}
    for row in pathlib.Path(path).read_text().splitlines():
        kind, _, rest = row.partition(":")
        fields = rest.split(",")
        if kind == "SF":
            name = str(pathlib.Path(rest).resolve().relative_to(ROOT))
            lines, branches = files.setdefault(name, ({}, collections.defaultdict(int)))
        elif kind == "DA":
            lines[int(fields[0])] = max(int(fields[1]), lines.get(int(fields[0]), 0))
        elif kind == "BRDA":
            count = 0 if fields[3] == "-" else int(fields[3])
            if count >= 2**31:
                count = 0  # a difference of counters that threads raised at once, and so below 0
            branches[int(fields[0]), fields[1], fields[2]] += count
    return files


def read_reasons(path):
    reasons = []
    for row in pathlib.Path(path).read_text().splitlines():
        if row and not row.startswith("#"):
            reasons.append(tuple(row.split(" | ")))
    return reasons


def lines_of(text, source):
    """The numbers of the lines that a reason is for."""
    first, _, last = text.partition(" .. ")
    numbers, inside = set(), False
    for number, line in enumerate(source, 1):
        starts = first in line
        inside = inside or starts
        if inside:
            numbers.add(number)
            inside = bool(last) and (starts or last not in line)
    return numbers


def main():
    files = read_counts(sys.argv[1])
    reasons = read_reasons(sys.argv[2])
    needed, unexplained = set(), []
    totals = [0, 0, 0, 0]
    print(f"{'file':<32}{'lines':>7}{'reached':>9}{'branches':>10}{'reached':>9}")
    for name, (lines, branches) in sorted(files.items()):
        counts = [len(lines), sum(n > 0 for n in lines.values()),
                  len(branches), sum(n > 0 for n in branches.values())]
        totals = [a + b for a, b in zip(totals, counts)]
        print(f"{name:<32}{counts[0]:>7}{counts[1]:>9}{counts[2]:>10}{counts[3]:>9}")
        source = (ROOT / name).read_text().splitlines()
        missed = {number: "line" for number, n in lines.items() if n == 0}
        for (number, _, _), n in branches.items():
            if n == 0:
                missed.setdefault(number, "branch")
        explained = {r: lines_of(r[1], source) for r in reasons if r[0] == name}
        for number, what in sorted(missed.items()):
            found = [r for r, numbers in explained.items() if number in numbers]
            needed.update(found)
            if not found:
                text = source[number - 1].strip()
                unexplained.append(f"{name}:{number}: {what} never reached: {text}")
    print(f"{'all':<32}{totals[0]:>7}{totals[1]:>9}{totals[2]:>10}{totals[3]:>9}")
    unneeded = [r for r in reasons if r not in needed]
    for row in unexplained:
        print(row)
    for reason in unneeded:
        print("reached after all: " + " | ".join(reason[:2]))
    print(f"{len(needed)} reasons for what is not reached, {len(unexplained)} places without one")
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
