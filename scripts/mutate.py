#!/usr/bin/env python3
"""Changes the library in one place at a time, and sees whether a test notices.

    scripts/mutate.py [--jobs N] [--sample N [--seed S]] [--file GLOB] [--resume] [--all]
    scripts/mutate.py --list [--file GLOB]      the mutants, and how many there are
    scripts/mutate.py --count                   how many there are of each file

A mutant is src/ or capi/ with one change: another operator, constant, bound, status, branch or
intrinsic, or a statement left out. It is compiled at -O1, and run against the tests, the quickest
first, until one fails, crashes, or takes five times and ten seconds longer than without the change. It
is killed then; else it has survived, which means that a test is missing, or that the change changes
nothing that is promised. tests/mutation/equivalent.txt says of which this is known, and why; they are
not tried, but with --all. Those from which the compiler makes the same library are not counted.

Works in build-mutate/, on copies. Results go to build-mutate/results.jsonl one by one; with --resume
those that are there are not tried again. Exits with 1 if less than 95 % of those that count are killed.
All of them take hours; --sample takes evenly from each file.
"""
import argparse
import collections
import fnmatch
import hashlib
import os
import pathlib
import platform
import queue
import shutil
import signal
import sys
import threading
from typing import Dict, List

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/mutation"))

import operators  # noqa: E402
import report  # noqa: E402
import workers  # noqa: E402
from cpp import Source  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--sample", type=int, help="how many mutants, evenly from each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="*", help="of these files alone: src/kernels/*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--all", action="store_true", help="those with an explanation, too")
    parser.add_argument("--equivalent", type=pathlib.Path, default=ROOT / "tests/mutation/equivalent.txt")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build-mutate")
    return parser.parse_args()


def need_tools() -> None:
    for tool in ("cmake", "make", "c++", "cc"):
        if shutil.which(tool) is None:
            print(f"no {tool}")
            sys.exit(77)
    if platform.system() != "Linux":
        print("limits of memory and time are those of Linux")
        sys.exit(77)


def read_sources(tree: pathlib.Path) -> List[Source]:
    paths = [p for folder in ("src", "capi") for p in sorted((tree / folder).rglob("*.[ch]pp"))]
    return [Source(str(path.relative_to(tree)), path.read_text()) for path in paths]


def enumerate_mutants(sources: List[Source], compiled: Dict[str, set]) -> List[operators.Mutant]:
    """Those of lines that this compiler sees."""
    enums = operators.enumerators(sources)
    every = [mutant for source in sources for mutant in operators.mutants(source, enums)]
    return [mutant for mutant in every if mutant.line in compiled.get(mutant.file, ())]


def take_sample(mutants: List[operators.Mutant], size: int, seed: int) -> List[operators.Mutant]:
    """By hashes, so that an edit elsewhere does not make another sample."""

    def rank(*what) -> bytes:
        return hashlib.sha256(repr((seed, *what)).encode()).digest()

    files = collections.defaultdict(list)
    for mutant in sorted(mutants, key=lambda m: rank(m.identity), reverse=True):
        files[mutant.file].append(mutant)
    chosen: List[operators.Mutant] = []
    while len(chosen) < size and any(files.values()):
        names = sorted((name for name in files if files[name]), key=rank)
        chosen += [files[name].pop() for name in names[: size - len(chosen)]]
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.start))


class Run:
    """Mutants that are handed to workers, a thread each, in the order of the files: what the one before
    has changed must be compiled again anyway."""

    def __init__(self, mutants: List[operators.Mutant], results: report.Results):
        self.results = results
        self.total = len(mutants)
        self.lock = threading.Lock()
        self.waiting = queue.SimpleQueue()
        self.done = 0
        self.failures: List[str] = []
        for mutant in mutants:
            self.waiting.put(mutant)

    def work(self, worker: workers.Worker) -> None:
        try:
            worker.prepare()
            while True:
                mutant = self.waiting.get_nowait()
                self.record(mutant, worker.try_mutant(mutant))
        except (queue.Empty, workers.Interrupted):
            pass
        except SystemExit as failure:
            self.failures.append(str(failure))
            self.waiting = queue.SimpleQueue()  # for the others, too

    def record(self, mutant: operators.Mutant, outcome: workers.Outcome) -> None:
        with self.lock:
            self.done += 1
            self.results.add(mutant, outcome)
            print(
                f"{self.done}/{self.total} {outcome.fate}: {mutant.file}:{mutant.line}: {mutant.change}"
                f"  ({outcome.seconds} s{', ' + outcome.by if outcome.by else ''})",
                flush=True,
            )

    def finish(self, crew: List[workers.Worker]) -> None:
        threads = [threading.Thread(target=self.work, args=[worker]) for worker in crew]
        for thread in threads:
            thread.start()
        # A run in the background, whose shell has SIGINT ignored, and one that is ended, too.
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, signal.default_int_handler)
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(1.0)
        except KeyboardInterrupt:
            for worker in crew:
                worker.stop()
            for thread in threads:
                thread.join()
            print("interrupted; --resume goes on")
            sys.exit(130)
        if self.failures:
            sys.exit("\n".join(self.failures))


def show(mutants: List[operators.Mutant], each: bool) -> None:
    if each:
        for mutant in mutants:
            print(f"{mutant.file}:{mutant.line}: {mutant.operator}: {mutant.change} | {mutant.code}")
    counts = collections.Counter(mutant.file for mutant in mutants)
    for file, count in sorted(counts.items()):
        print(f"{count:6} {file}")
    print(f"{len(mutants):6} in all")


def main() -> int:
    arguments = parse_arguments()
    need_tools()
    arguments.work.mkdir(parents=True, exist_ok=True)

    def log(text: str) -> None:
        print(text, flush=True)

    first = workers.Worker(ROOT, arguments.work.resolve() / "1", log)
    sources = read_sources(first.tree)
    every = enumerate_mutants(sources, first.compiled_lines())
    wanted = [mutant for mutant in every if fnmatch.fnmatchcase(mutant.file, arguments.file)]
    if arguments.list or arguments.count:
        show(wanted, arguments.list)
        return 0

    explanations = report.read_explanations(arguments.equivalent)
    for old in report.stale(explanations, every):
        print(f"{arguments.equivalent.name}: there is no such mutant: {old.file}: {old.code}")
    if arguments.sample is not None:
        wanted = take_sample(wanted, arguments.sample, arguments.seed)
    if not wanted:
        sys.exit("no such mutant")
    explained = [m for m in wanted if report.explanation_of(m, explanations) is not None]
    to_try = [m for m in wanted if arguments.all or m not in explained]
    results = report.Results(arguments.work / "results.jsonl", arguments.resume)
    left = [mutant for mutant in to_try if results.of(mutant) is None]
    if left:
        others = range(2, 1 + min(arguments.jobs, len(left)))
        crew = [first] + [
            workers.Worker(ROOT, arguments.work.resolve() / str(n), log) for n in others
        ]
        Run(left, results).finish(crew)
    tried = [(mutant, results.of(mutant)) for mutant in to_try]
    good = report.summarize(tried, explained, {source.path: source.text for source in sources})
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
