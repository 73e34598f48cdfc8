#!/usr/bin/env python3
"""Prints one table of ratios for this CPU, of what bench wrote: bench/run.sh --quick has the whole command.

    python3 bench/quick.py RESULT.json...

A ratio is that of medians: on one thread of processor time, on two of wall time. In brackets is its
spread: the least and the greatest ratio of single repetitions, those of both with the same number.
"""

import collections
import json
import statistics
import sys

from report import (DTYPES, EXACT, EXACT_ON_TWO_THREADS, MAIN_OPERATIONS, OPERATIONS, ROOF_OF, cpu,
                    markdown)

N = 64 * 2**20


class Repetitions:
    """The seconds of each repetition: times[dtype, operation, n][who]."""

    def __init__(self, paths):
        self.times = collections.defaultdict(lambda: collections.defaultdict(list))
        for path in paths:
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
            self.context = result["context"]
            for run in result["benchmarks"]:
                if run["run_type"] == "iteration":
                    self._take(run)

    def _take(self, run):
        dtype, operation, n, who = run["run_name"].split("/")[:4]
        time = run["real_time" if operation.endswith(" on two threads") else "cpu_time"]
        seconds = time * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}[run["time_unit"]]
        self.times[dtype, operation, int(n)][who].append(seconds)

    def get(self, dtype, operation, n, who="l1l2"):
        return self.times.get((dtype, operation, n), {}).get(who, [])

    def roof(self, dtype, operation, n=N):
        """The fastest of the loops that move the same bytes."""
        runs = self.times.get((dtype, ROOF_OF.get(operation, operation), n), {})
        loops = [times for who, times in runs.items() if who.startswith("roof ")]
        return min(loops, key=statistics.median, default=[])


def ratio(times, to):
    """Of two lists of seconds, with its spread; "" if one is not measured."""
    if not times or not to:
        return ""
    single = [a / b for a, b in zip(times, to)]
    middle = statistics.median(times) / statistics.median(to)
    return f"{middle:.2f} ({min(single):.2f} to {max(single):.2f})"


def above_empty(repetitions, n):
    """Nanoseconds that a call takes more than an empty one."""
    times = repetitions.get("float32", "small call", n)
    empty = repetitions.get("float32", "small call", n, "empty call")
    single = [1e9 * (a - b) for a, b in zip(times, empty)]
    middle = 1e9 * (statistics.median(times) - statistics.median(empty))
    return f"{middle:.1f} ns ({min(single):.1f} to {max(single):.1f})"


def rows(repetitions):
    for operation in MAIN_OPERATIONS:
        yield [OPERATIONS[operation]] + [
            ratio(repetitions.roof(dtype, operation), repetitions.get(dtype, operation, N))
            for dtype in DTYPES]
    for kind in ("gaussian", "wide exponents"):
        found = []
        for dtype in DTYPES:
            operation = EXACT + kind
            own = repetitions.get(dtype, operation, N)
            roof = repetitions.roof(dtype, operation)
            if kind == "gaussian" and not own:
                own = repetitions.get(dtype, "penalty", N, "l1l2, exact sums")
                roof = repetitions.roof(dtype, "penalty")
            found.append(ratio(roof, own))
        yield [f"exact sums, {kind.replace('gaussian', 'normal')}", *found]
    for title, operation in (*((OPERATIONS[o], f"{o} on two threads") for o in MAIN_OPERATIONS),
                             ("exact sums", EXACT_ON_TWO_THREADS)):
        found = ratio(repetitions.roof("float32", operation), repetitions.get("float32", operation, N))
        yield [f"{title}; two threads", found, "", "", ""]
    for tensors, of_list, n in (("2,000 tensors of 64", "of a list", 2000 * 64),
                                ("20 tensors of 1 Mi", "of a list of 20", 20 * 2**20)):
        of_penalty, with_gradients = (
            ratio(repetitions.get("float32", f"{operation} {of_list}", n),
                  repetitions.get("float32", f"{operation} {of_list}", n, "l1l2, one tensor"))
            for operation in ("penalty", "fused"))
        yield [f"{tensors}, time to one tensor's: penalty", of_penalty, "", "", ""]
        yield ["the same with gradients", with_gradients, "", "", ""]
    for n in (0, 16):
        yield [f"penalty of {n} elements, above an empty call", above_empty(repetitions, n), "", "", ""]


def main():
    repetitions = Repetitions(sys.argv[1:])
    context = repetitions.context
    compiler = context.get("l1l2_compiler", "an unknown compiler")
    print(f"{cpu()}, {context['num_cpus']} cores, l1l2 {context['l1l2_version']} with "
          f"{context['l1l2_isa']}, {compiler}, {context['date'][:10]}; 64 Mi elements; "
          "ratio to peak bandwidth, but for the last six rows.\n")
    print("\n".join(markdown(["", *DTYPES], list(rows(repetitions)))))


if __name__ == "__main__":
    main()
