#!/usr/bin/env python3
"""Makes results.md and plot.svg of what bench wrote, and prints the ratios and a table of the README.

    python3 bench/report.py [--output FOLDER] RESULT.json...

RESULT.json comes from Google Benchmark's --benchmark_out; bench/run.sh has the whole command. Of what
is in several files the last counts. FOLDER is bench/ if it is not given. The plot needs matplotlib and
is left as it is without.
"""

import argparse
import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent

DTYPES = ("float32", "float64", "float16", "bfloat16")

#: What is measured at every size and for every element type.
OPERATIONS = {
    "penalty": "penalty, both sums",
    "penalty of l1": "penalty, sum of |x| alone",
    "penalty of l2": "penalty, sum of x² alone",
    "gradient": "gradient",
    "fused": "gradient and penalty",
    "prox": "prox in place",
    "prox to another array": "prox to another array",
    "prox step": "proximal gradient step in place",
    "prox step of each element": "the same with a step for each element",
    "clip": "clipping by a norm in place",
    "clip to another array": "clipping by a norm to another array",
}

#: Those that the summary is about.
MAIN_OPERATIONS = ("penalty", "gradient", "fused", "prox", "prox to another array")

#: Operations that move what another one does, and so share its peak bandwidth.
ROOF_OF = {"penalty of l1": "penalty", "penalty of l2": "penalty", "fused": "gradient",
           "fused on two threads": "gradient on two threads"}

ON_TWO_THREADS = {f"{alone} on two threads": alone for alone in (
    *MAIN_OPERATIONS, "prox step", "prox step of each element", "clip")}
LISTS = ("penalty of a list", "fused of a list")
TENSORS_OF_A_LIST = 2000
COLUMN = "penalty of a column, rows of "
EXACT = "exact sums of "
EXACT_VECTOR = "exact sums: "
EXACT_TYPES = ("float32", "float64")
EXACT_ON_TWO_THREADS = "exact sums on two threads"

IN_CACHE = (2 * 2**10, 8 * 2**10, 128 * 2**10)
IN_MEMORY = (64 * 2**20, 256 * 2**20)

#: The lines of the plot and how they are drawn. The first that is measured of a tuple is taken.
PLOTTED = {
    ("l1l2",): dict(color="#c0392b", linewidth=2.2, marker="o", zorder=5, label="l1l2"),
    ("l1l2, exact sums",): dict(color="#1e8449", linewidth=1.8, marker="o", linestyle="--", zorder=4,
                                label="l1l2, exact sums"),
    ("Eigen, by clipping", "Eigen, one expression"): dict(
        color="#2471a3", marker="s", label="Eigen in the element type"),
    ("Eigen, by clipping in double", "Eigen, by clipping in float",
     "Eigen, one expression in double", "Eigen, one expression in float"): dict(
        color="#5dade2", marker="s", linestyle="--", label="Eigen in double (16 bits: in float)"),
    ("OpenBLAS asum + dot", "OpenBLAS, two axpy"): dict(
        color="#7d3c98", marker="D", label="OpenBLAS"),
}
#: The plain loop that computes as l1l2 does: sums in double, gradients and proxes in the wider of float
#: and the element type. That of float64 has only the one name.
PLAIN_SUMS = {
    ("plain loop in double", "plain loop"): dict(
        color="#7d8a3a", marker="^", linestyle="--", label="plain loop in double"),
}
PLAIN_ELEMENTWISE = {
    ("plain loop",): dict(
        color="#7d8a3a", marker="^", label="plain loop in float (float64: in double)"),
}
FUSED = dict(color="#e59866", linewidth=1.8, marker="o", linestyle="--", zorder=4,
             label="l1l2, gradient and penalty")

#: Who has columns in the table of the README, and their headings.
README_SPEEDS = {"l1l2": "l1l2", "l1l2, exact sums": "l1l2, exact sums",
                 "Eigen, one expression": "Eigen, one expression",
                 "Eigen, one expression in double": "the same in double",
                 "OpenBLAS asum + dot": "OpenBLAS"}
README_ERRORS = {"l1l2": "error of l1l2", "Eigen, one expression": "of Eigen",
                 "OpenBLAS asum + dot": "of OpenBLAS"}

Run = collections.namedtuple("Run", "seconds bytes error")


class Medians:
    """The median runs of a measurement: runs[dtype, operation, n][who]."""

    def __init__(self, paths):
        self.runs = collections.defaultdict(dict)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
            self.context = result["context"]
            for run in result["benchmarks"]:
                if run.get("aggregate_name") == "median":
                    self._take(run)

    def _take(self, run):
        dtype, operation, n, who = run["run_name"].split("/")[:4]
        seconds = run["real_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}[run["time_unit"]]
        self.runs[dtype, operation, int(n)][who] = Run(
            seconds, run["bytes"], run.get("relative_error"))

    def sizes(self, dtype, operation):
        return sorted(n for d, o, n in self.runs if (d, o) == (dtype, operation))

    def contenders(self, dtype, operation):
        """Who was measured at any size: the library first, then the peers, then its kernels."""
        sizes = self.sizes(dtype, operation)
        names = {who for n in sizes for who in self.runs[dtype, operation, n]}
        names = [who for who in names if not who.startswith("roof ")]
        return sorted(names, key=lambda who: (who != "l1l2", who.startswith("kernel "), who))

    def get(self, dtype, operation, n, who="l1l2"):
        return self.runs.get((dtype, operation, n), {}).get(who)

    def roof(self, dtype, operation, n):
        """The fastest of the loops that move the same bytes."""
        runs = self.runs.get((dtype, ROOF_OF.get(operation, operation), n), {})
        loops = [run for who, run in runs.items() if who.startswith("roof ")]
        return min(loops, key=lambda run: run.seconds, default=None)


def rate(run):
    """GB/s, 10^9 bytes."""
    return run.bytes / run.seconds / 1e9


def size(n):
    for unit, factor in (("Mi", 2**20), ("Ki", 2**10)):
        if n >= factor and n % factor == 0:
            return f"{n // factor} {unit}"
    return str(n)


def time(seconds):
    for unit, factor in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def cell(run, show):
    return show(run) if run else ""


def show_rate(run):
    return f"{rate(run):.1f}"


def show_error(run):
    return "" if run.error is None else f"{run.error:.0e}"


def time_ratio(run, reference):
    """The time of `run` in that of `reference`, "" if one is not measured. Of the same bytes it is also
    the speed of `reference` in that of `run`."""
    return f"{run.seconds / reference.seconds:.2f}" if run and reference else ""


def listed(ratios):
    return ", ".join(found for found in ratios if found)


def cpu():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
        return found.group(1) if found else "unknown CPU"
    except OSError:
        return "unknown CPU"


def markdown(header, rows, first="---"):
    """A table whose columns are numbers, but for the first unless that is "---:" as well."""
    lines = ["| " + " | ".join(header) + " |", f"|{first}" + "|---:" * (len(header) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def operation_table(medians, dtype, operation):
    sizes = medians.sizes(dtype, operation)
    if not sizes:
        return []
    roofs = {n: medians.roof(dtype, operation, n) for n in sizes}
    own = {n: medians.get(dtype, operation, n) for n in sizes}
    rows = [
        ["peak bandwidth"] + [cell(roofs[n], show_rate) for n in sizes],
        ["l1l2 to peak bandwidth"] + [time_ratio(roofs[n], own[n]) for n in sizes],
        ["l1l2, time"] + [cell(own[n], lambda run: time(run.seconds)) for n in sizes],
    ]
    for who in medians.contenders(dtype, operation):
        rows.append(
            [who] + [cell(medians.get(dtype, operation, n, who), show_rate) for n in sizes])
    lines = [f"### {dtype}, {OPERATIONS[operation]}", ""]
    return lines + markdown([""] + [size(n) for n in sizes], rows)


def error_table(medians, dtype):
    """The kernels' rows are left out: they have the bits of l1l2."""
    sizes = medians.sizes(dtype, "penalty")
    rows = []
    for who in medians.contenders(dtype, "penalty"):
        if not who.startswith("kernel "):
            runs = [medians.get(dtype, "penalty", n, who) for n in sizes]
            rows.append([who] + [cell(run, show_error) for run in runs])
    lines = [f"### {dtype}, relative error of the penalty", ""]
    return lines + markdown([""] + [size(n) for n in sizes], rows)


def two_threads_table(medians):
    rows = []
    for operation, alone in ON_TWO_THREADS.items():
        for n in medians.sizes("float32", operation):
            own = medians.get("float32", operation, n)
            roof = medians.roof("float32", operation, n)
            single = medians.get("float32", alone, n)
            if own:
                rows.append([f"{OPERATIONS[alone]}, {size(n)}", cell(roof, show_rate),
                             show_rate(own), time_ratio(roof, own), time_ratio(single, own)])
    for n in medians.sizes("float32", EXACT_ON_TWO_THREADS):
        own = medians.get("float32", EXACT_ON_TWO_THREADS, n)
        roof = medians.roof("float32", EXACT_ON_TWO_THREADS, n)
        single = medians.get("float32", "penalty", n, "l1l2, exact sums")
        if own:
            rows.append([f"exact sums, an accumulator for each, {size(n)}", cell(roof, show_rate),
                         show_rate(own), time_ratio(roof, own), time_ratio(single, own)])
    if not rows:
        return []
    lines = ["## Two threads", "", "One float32 tensor, GB/s. Peak bandwidth is that of two threads, "
             "each of which takes half of the data.", ""]
    return lines + markdown(["", "peak bandwidth", "l1l2", "to peak bandwidth", "to one thread"], rows)


def exact_kinds(medians, dtype):
    """The kinds of data of which exact sums were measured, in the order of their ranges."""
    order = ("gaussian", "uniform", "lognormal", "wide exponents")
    found = {o[len(EXACT):] for d, o, _ in medians.runs if d == dtype and o.startswith(EXACT)}
    return [kind for kind in order if kind in found]


def exact_table(medians):
    lines = ["## Exact sums", "", "GB/s of `l1l2_exact_sums_add` and the penalty, by what the elements "
             "are: of standard deviation 0.02; in -1 to 1; the exponential of a normal distribution of "
             "deviation 2; with all exponents between -120 and 120 alike. `l1l2, rounded` is "
             "`l1l2_penalty`; `superaccumulator` adds each |x| and x² to 32-bit limbs on its own (Neal's "
             "small superaccumulator); the kernel `generic` adds mantissas by their exponent. For "
             "context: the authors of ReproBLAS, whose sums are reproducible but rounded, give 7 n "
             "additions for n numbers, and a dot product of 4096 doubles as four times slower than MKL's "
             "(Demmel, Ahrens and Nguyen, UCB/EECS-2016-121).", ""]
    before = len(lines)
    for dtype in EXACT_TYPES:
        kinds = exact_kinds(medians, dtype)
        for n in medians.sizes(dtype, EXACT + kinds[0]) if kinds else []:
            runs = {kind: medians.runs.get((dtype, EXACT + kind, n), {}) for kind in kinds}
            names = sorted({who for found in runs.values() for who in found
                            if not who.startswith("roof ")},
                           key=lambda who: (not who.startswith("l1l2"), who.startswith("kernel "), who))
            own = {kind: runs[kind].get("l1l2") for kind in kinds}
            roofs = {kind: medians.roof(dtype, EXACT + kind, n) for kind in kinds}
            rows = [["peak bandwidth"] + [cell(roofs[kind], show_rate) for kind in kinds],
                    ["l1l2 to peak bandwidth"] + [time_ratio(roofs[kind], own[kind]) for kind in kinds],
                    ["l1l2 to rounded"] + [time_ratio(runs[kind].get("l1l2, rounded"), own[kind])
                                           for kind in kinds]]
            rows += [[who] + [cell(runs[kind].get(who), show_rate) for kind in kinds]
                     for who in names]
            lines += [f"### {dtype}, {size(n)} elements", ""] + markdown(["", *kinds], rows)
    rows = [[o[len(EXACT_VECTOR):], time(medians.get(d, o, n).seconds)]
            for d, o, n in sorted(medians.runs) if o.startswith(EXACT_VECTOR)]
    if rows:
        lines += ["### Operations on one accumulator", ""] + markdown(["", "time"], rows)
    return lines if len(lines) > before else []


def lists_table(medians):
    rows = []
    for operation in LISTS:
        for n in medians.sizes("float32", operation):
            whole = medians.get("float32", operation, n, "l1l2, one tensor")
            for who in medians.contenders("float32", operation):
                run = medians.get("float32", operation, n, who)
                if not run:
                    continue
                name = operation.replace("fused", "gradient and penalty")
                rows.append([f"{name}: {who}", time(run.seconds),
                             time(run.seconds / TENSORS_OF_A_LIST),
                             time_ratio(run, whole)])
    if not rows:
        return []
    lines = ["## Lists", "", f"{TENSORS_OF_A_LIST} float32 tensors of 64 elements, each with memory "
             "of its own: `l1l2` is one call for all of them, Eigen's are a loop over them, and `one "
             "tensor` has as many elements as all of them.", ""]
    return lines + markdown(["", "time", "a tensor", "to one tensor"], rows)


def columns_of(medians):
    """(row, n) of each column that was measured."""
    return sorted((int(o[len(COLUMN):]), n) for _, o, n in medians.runs if o.startswith(COLUMN))


def columns_table(medians):
    rows = []
    for row, n in columns_of(medians):
        operation = f"{COLUMN}{row}"
        own = medians.get("float32", operation, n)
        roof = medians.roof("float32", operation, n)
        if not own:
            continue
        elements = [cell(run, lambda run: f"{n / run.seconds / 1e6:.0f}") for run in (roof, own)]
        rows.append([f"rows of {row}, {size(n)} of them", *elements, cell(roof, show_rate),
                     show_rate(own), time_ratio(roof, own)])
    if not rows:
        return []
    lines = ["## Columns", "", "The penalty of a column of a row-major float32 matrix: a cache line "
             "of 64 bytes for each element, which is what GB/s counts. The loop for peak bandwidth "
             "reads one float of each line.", ""]
    return lines + markdown(["", "peak bandwidth, 10⁶ elements/s", "l1l2",
                             "peak bandwidth, GB/s of lines", "l1l2",
                             "to peak bandwidth"], rows)


def subnormal_ratio(medians, dtype, n):
    return time_ratio(medians.get(dtype, "penalty of subnormals", n),
                      medians.get(dtype, "penalty", n))


def subnormal_table(medians):
    rows = []
    for dtype in DTYPES:
        for n in medians.sizes(dtype, "penalty of subnormals"):
            found = subnormal_ratio(medians, dtype, n)
            if found:
                rows.append([dtype, size(n), found])
    lines = ["## Subnormal elements", "", "The time of a penalty beside that of ordinary elements.",
             ""]
    return lines + markdown(["", "n", "ratio"], rows) if rows else []


def write_results(medians, folder):
    context = medians.context
    compiler = f"compiled with {context['l1l2_compiler']}, " if "l1l2_compiler" in context else ""
    lines = [
        "# Measured",
        "",
        f"Made by `bench/run.sh`. {cpu()}, {context['num_cpus']} cores, l1l2 "
        f"{context['l1l2_version']} with {context['l1l2_isa']}, {compiler}{context['date'][:10]}; "
        "one thread but where two are named.",
        "",
        "Medians of repetitions, which are interleaved within a process. What has up to 4 Mi elements "
        "is measured 7 times, all rows of an element type in one process. What has more comes from "
        "memory and is measured in two processes: 15 times peak bandwidth, l1l2, Eigen's penalty in "
        "one expression and its prox by clipping in the element type, 3 times all other peers and the "
        "kernels; between rows of the two the speed of the machine may differ. "
        "Two threads are measured 7 times, in a process of their own.",
        "",
        "`l1l2` is the C function of the shared library, `kernel` rows are the same order of "
        "summation with one kernel each. Peers are compiled with `-O3 -march=native -ffast-math`, "
        "but for OpenBLAS, which is the distribution's build; \"in double\" and \"in float\" name "
        "what they compute in, the others compute in the element type, but for the plain loops over 16 "
        "bits, which take float. Eigen's `sign()` is not vectorised, so its gradient is a scalar "
        "loop, and so is its prox in one expression; `by clipping` is a prox without it.",
        "",
        "Peak bandwidth is that of the best of several loops that move the same "
        "bytes and compute nothing. The tables give GB/s by the number of elements n. Bytes counted: "
        "those of n elements for the penalty, which reads x; of 3 n for the gradient, with or without "
        "the penalty, which reads x and the gradient and writes the gradient; of 2 n for the prox, "
        "which reads one array and writes the same or another one (that a store to another array "
        "fetches its cache line first, unless it streams, is not counted).",
        "",
    ]
    for dtype in DTYPES:
        if medians.sizes(dtype, "penalty"):
            lines += [f"## {dtype}", ""]
            for operation in OPERATIONS:
                lines += operation_table(medians, dtype, operation)
            lines += error_table(medians, dtype)
    for table in (exact_table, two_threads_table, lists_table, columns_table, subnormal_table):
        lines += table(medians)
    (folder / "results.md").write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")


def speed(medians, dtype, operation, sizes, who):
    """l1l2's speed to another's, at each of the sizes; who is None for peak bandwidth."""
    others = [medians.get(dtype, operation, n, who) if who else medians.roof(dtype, operation, n)
              for n in sizes]
    return listed(time_ratio(other, medians.get(dtype, operation, n))
                  for n, other in zip(sizes, others))


def targets(medians):
    """Rows (what, ratios) for what the library is to reach."""
    memory = ", ".join(size(n) for n in IN_MEMORY)
    for dtype in DTYPES:
        for operation in MAIN_OPERATIONS:
            yield (f"{dtype}, {OPERATIONS[operation]}, from memory ({memory}), to peak bandwidth",
                   speed(medians, dtype, operation, IN_MEMORY, None))
        yield (f"{dtype}, gradient and penalty, time to the gradient's ({memory})", listed(
            time_ratio(medians.get(dtype, "fused", n), medians.get(dtype, "gradient", n))
            for n in IN_MEMORY))
        yield (f"{dtype}, subnormal elements, time to ordinary ones'", listed(
            subnormal_ratio(medians, dtype, n)
            for n in medians.sizes(dtype, "penalty of subnormals")))
    for operation, alone in ON_TWO_THREADS.items():
        title = f"float32, {OPERATIONS[alone]}, two threads ({memory})"
        yield f"{title}, to peak bandwidth of two", speed(medians, "float32", operation, IN_MEMORY, None)
        yield f"{title}, to one thread", listed(
            time_ratio(medians.get("float32", alone, n), medians.get("float32", operation, n))
            for n in IN_MEMORY)
    for dtype in EXACT_TYPES:
        for kind in exact_kinds(medians, dtype):
            for n in medians.sizes(dtype, EXACT + kind):
                runs = medians.runs[dtype, EXACT + kind, n]
                roof = medians.roof(dtype, EXACT + kind, n)
                for who in ("l1l2", "kernel avx2"):
                    title = f"{dtype}, exact sums of {kind}, {size(n)}, {who}"
                    yield f"{title}, to peak bandwidth", time_ratio(roof, runs.get(who))
                    yield f"{title}, to l1l2_penalty", time_ratio(runs.get("l1l2, rounded"),
                                                                  runs.get(who))
    for operation in LISTS:
        for n in medians.sizes("float32", operation):
            own = medians.get("float32", operation, n)
            for who in medians.contenders("float32", operation):
                if who != "l1l2":
                    yield (f"float32, {operation}, time to that of {who}",
                           time_ratio(own, medians.get("float32", operation, n, who)))
    for row, n in columns_of(medians):
        yield (f"float32, column, rows of {row}, {size(n)}, to peak bandwidth",
               speed(medians, "float32", f"{COLUMN}{row}", [n], None))


def comparisons(medians):
    """Rows (what, ratios) for how the library stands to others in cache."""
    cache = ", ".join(size(n) for n in IN_CACHE)
    for dtype in DTYPES:
        for operation in MAIN_OPERATIONS:
            title = f"{dtype}, {OPERATIONS[operation]}, in cache ({cache})"
            yield f"{title}, to peak bandwidth", speed(medians, dtype, operation, IN_CACHE, None)
            for who in medians.contenders(dtype, operation):
                if who.startswith(("Eigen", "OpenBLAS")):
                    yield f"{title}, to {who}", speed(medians, dtype, operation, IN_CACHE, who)


def penalty_table(medians):
    """The table of the README: times and GB/s, then errors, of who was measured."""
    measured = medians.contenders("float32", "penalty")
    fast = {who: title for who, title in README_SPEEDS.items() if who in measured}
    exact = {who: title for who, title in README_ERRORS.items() if who in measured}
    rows = []
    for n in medians.sizes("float32", "penalty"):
        runs = [medians.roof("float32", "penalty", n)]
        runs += [medians.get("float32", "penalty", n, who) for who in fast]
        row = [size(n)] + [
            cell(run, lambda run: time(run.seconds) if n <= 256 else f"{rate(run):.1f} GB/s")
            for run in runs]
        rows.append(row + [cell(medians.get("float32", "penalty", n, who), show_error)
                           for who in exact])
    header = ["float32, n", "read loop", *fast.values(), *exact.values()]
    return markdown(header, rows, first="---:") if rows else []


def summary(medians):
    for rows in (targets, comparisons):
        for what, found in rows(medians):
            if found:
                print(f"{what}: {found}")
        print()
    print("\n".join(penalty_table(medians)))


def points(medians, dtype, operation, names):
    """(n, GB/s) of the first of the names that is measured."""
    for who in names:
        runs = [(n, medians.get(dtype, operation, n, who)) for n in medians.sizes(dtype, operation)]
        found = [(n, rate(run)) for n, run in runs if run]
        if found:
            return found
    return []


def draw(panel, medians, dtype, operation):
    sizes = medians.sizes(dtype, operation)
    roofs = [(n, medians.roof(dtype, operation, n)) for n in sizes]
    roofs = [(n, rate(run)) for n, run in roofs if run]
    if roofs:
        panel.fill_between(*zip(*roofs), color="#dddddd",
                           label="a loop that only moves the bytes")
    highest = 0
    plain = PLAIN_SUMS if operation == "penalty" else PLAIN_ELEMENTWISE
    lines = [(operation, names, style) for names, style in {**PLOTTED, **plain}.items()]
    if operation == "gradient":
        lines.append(("fused", ("l1l2",), FUSED))
    for of, names, style in lines:
        found = points(medians, dtype, of, names)
        if found:
            panel.plot(*zip(*found), markersize=3.5, **style)
            highest = max(highest, *(y for _, y in found))
    panel.set_xscale("log", base=2)
    ticks = [n for n in (16, 2 * 2**10, 128 * 2**10, 4 * 2**20, 256 * 2**20) if n in sizes]
    panel.set_xticks(ticks, [size(n) for n in ticks], fontsize=9)
    panel.set_ylim(0, 1.15 * highest if highest else None)
    panel.tick_params(axis="y", labelsize=9)
    panel.grid(axis="y", alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)


def plot(medians, folder):
    dtypes = [dtype for dtype in DTYPES if medians.sizes(dtype, "penalty")]
    if not dtypes:
        print("report.py: no penalty is measured, so plot.svg is left as it is", file=sys.stderr)
        return
    try:
        import matplotlib
    except ImportError:
        print("report.py: matplotlib is not there, so plot.svg is left as it is", file=sys.stderr)
        return

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "l1l2"
    from matplotlib import pyplot

    rows = {"penalty": "penalty", "gradient": "gradient", "prox": "prox in place"}
    figure, panels = pyplot.subplots(len(rows), len(dtypes), figsize=(3 * len(dtypes), 8.6),
                                     squeeze=False)
    for line, (operation, title) in zip(panels, rows.items()):
        for panel, dtype in zip(line, dtypes):
            draw(panel, medians, dtype, operation)
            panel.set_title(f"{title}, {dtype}", fontsize=11)
        line[0].set_ylabel("GB/s", fontsize=10)
    for panel in panels[-1]:
        panel.set_xlabel("elements", fontsize=10)
    entries = {}
    for panel in panels.flat:
        for handle, label in zip(*panel.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    figure.suptitle(f"One thread, {cpu()}, l1l2 with {medians.context['l1l2_isa']}", fontsize=11)
    figure.tight_layout(rect=(0, 0.075, 1, 1))
    figure.legend(entries.values(), entries.keys(), loc="lower center", ncol=4, fontsize=9.5,
                  frameon=False)
    figure.savefig(folder / "plot.svg", metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", metavar="FOLDER", type=pathlib.Path, default=HERE)
    parser.add_argument("results", metavar="RESULT.json", nargs="+")
    arguments = parser.parse_args()
    medians = Medians(arguments.results)
    write_results(medians, arguments.output)
    summary(medians)
    plot(medians, arguments.output)


if __name__ == "__main__":
    main()
