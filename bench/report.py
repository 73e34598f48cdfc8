#!/usr/bin/env python3
"""Makes bench/results.md and bench/plot.svg of what bench wrote.

    python3 bench/report.py RESULT.json...

RESULT.json comes from Google Benchmark's --benchmark_out; bench/run.sh has the whole command. Of what
is in several files the last counts. The plot needs matplotlib.
"""

import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent

ELEMENT_BYTES = {"float32": 4, "float64": 8}
TERMS = {"both": "both sums", "l1": "sum of |x| alone", "l2": "sum of x² alone"}

#: The lines of the plot and how they are drawn.
PLOTTED = {
    "l1l2": dict(color="#c0392b", linewidth=2.4, marker="o", zorder=5),
    "Eigen, one expression": dict(color="#2471a3", marker="s"),
    "Eigen, one expression in double": dict(color="#5dade2", marker="s", linestyle="--"),
    "plain loop in double": dict(color="#7d8a3a", marker="^", linestyle="--"),
    "OpenBLAS asum + dot": dict(color="#7d3c98", marker="D"),
}


def read(paths):
    """Medians as {(dtype, terms, n): {who: (seconds, relative error or None)}}, and the context."""
    medians = collections.defaultdict(dict)
    for path in paths:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        for run in result["benchmarks"]:
            if run.get("aggregate_name") != "median":
                continue
            dtype, terms, n, who = run["run_name"].split("/")[:4]
            seconds = run["real_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}[run["time_unit"]]
            medians[dtype, terms, int(n)][who] = (seconds, run.get("relative_error"))
    return medians, result["context"]


def best_read(medians, dtype, n):
    return min(seconds for seconds, _ in medians[dtype, "read", n].values())


def rate(dtype, n, seconds):
    """GB/s, 10^9 bytes."""
    return n * ELEMENT_BYTES[dtype] / seconds / 1e9


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


def cpu():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
        return found.group(1) if found else "unknown CPU"
    except OSError:
        return "unknown CPU"


def order(who):
    """The library first, then its kernels, then the peers."""
    return (who != "l1l2", not who.startswith("kernel "), who)


def table(medians, dtype, terms, n):
    roof = best_read(medians, dtype, n)
    rows = [
        f"**{dtype}, {TERMS[terms]}, n = {size(n)}**, best read loop "
        f"{rate(dtype, n, roof):.1f} GB/s",
        "",
        "| | time | GB/s | of the read loop | relative error |",
        "|---|---:|---:|---:|---:|",
    ]
    runs = medians[dtype, terms, n]
    for who in sorted(runs, key=order):
        seconds, error = runs[who]
        rows.append(
            f"| {who} | {time(seconds)} | {rate(dtype, n, seconds):.1f} "
            f"| {roof / seconds:.2f} | {error:.1e} |"
        )
    return rows


def write_results(medians, context):
    isa = context["l1l2_isa"]
    lines = [
        "# Measured",
        "",
        f"Made by `bench/run.sh`. {cpu()}, {context['num_cpus']} cores, l1l2 "
        f"{context['l1l2_version']} with {isa}, {context['date'][:10]}; one thread; medians of "
        "interleaved repetitions. `l1l2` is the C function of the shared library, `kernel` rows are "
        "the same order of summation with one kernel each. Peers are compiled with `-O3 "
        "-march=native -ffast-math`. The read loop is the best of several at each size.",
        "",
    ]
    for dtype in ELEMENT_BYTES:
        for terms in TERMS:
            for n in sorted(n for d, t, n in medians if (d, t) == (dtype, terms)):
                lines += table(medians, dtype, terms, n) + [""]
    lines += subnormal(medians)
    (HERE / "results.md").write_text("\n".join(lines), encoding="utf-8")


def subnormal(medians):
    rows = ["**Subnormal elements**, time beside that of ordinary ones", ""]
    rows += ["| dtype | n | ratio |", "|---|---:|---:|"]
    for (dtype, terms, n), runs in sorted(medians.items()):
        if dtype.endswith(" subnormal"):
            ordinary = medians[dtype.split()[0], terms, n]["l1l2"][0]
            rows.append(f"| {dtype.split()[0]} | {size(n)} | {runs['l1l2'][0] / ordinary:.2f} |")
    return rows + [""]


def summary(medians):
    """The table of the README: both sums, by size."""
    for dtype in ELEMENT_BYTES:
        sizes = sorted(n for d, terms, n in medians if d == dtype and terms == "both")
        peers = [who for who in PLOTTED if who in medians[dtype, "both", sizes[0]]]
        print(f"| {dtype}, n | read loop | " + " | ".join(peers) + " |")
        print("|---:" * (2 + len(peers)) + "|")
        for n in sizes:
            runs = medians[dtype, "both", n]
            roof = best_read(medians, dtype, n)
            cells = [
                time(runs[who][0]) if n <= 256 else f"{rate(dtype, n, runs[who][0]):.1f} GB/s"
                for who in peers
            ]
            first = time(roof) if n <= 256 else f"{rate(dtype, n, roof):.1f} GB/s"
            print(f"| {size(n)} | {first} | " + " | ".join(cells) + " |")
        print()


def plot(medians, context):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "l1l2"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.4), sharey=True)
    for panel, dtype in zip(panels, ELEMENT_BYTES):
        sizes = sorted(n for d, terms, n in medians if d == dtype and terms == "both")
        roof = [rate(dtype, n, best_read(medians, dtype, n)) for n in sizes]
        panel.fill_between(sizes, roof, color="#dddddd", label="read loop: the limit")
        for who, style in PLOTTED.items():
            points = [
                (n, rate(dtype, n, medians[dtype, "both", n][who][0]))
                for n in sizes
                if who in medians[dtype, "both", n]
            ]
            if points:
                panel.plot(*zip(*points), label=who, **style)
        panel.set_xscale("log", base=2)
        panel.set_xticks(sizes, [size(n) for n in sizes], fontsize=7)
        panel.set_xlabel("elements")
        panel.set_title(f"{dtype}, sum |x| and sum x²")
        panel.set_ylim(0, 130)
        panel.grid(axis="y", alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("GB/s")
    panels[0].legend(loc="upper right", fontsize=8, framealpha=0.9)
    figure.suptitle(f"One thread, {cpu()}, l1l2 with {context['l1l2_isa']}", fontsize=10)
    figure.tight_layout()
    figure.savefig(HERE / "plot.svg", metadata={"Date": None})


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    medians, context = read(sys.argv[1:])
    write_results(medians, context)
    summary(medians)
    plot(medians, context)


if __name__ == "__main__":
    main()
