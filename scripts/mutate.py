#!/usr/bin/env python3
"""Changes the library in one place at a time, and checks that a test fails.

    scripts/mutate.py [--jobs N] [--sample N [--seed S]] [--file GLOB] [--all] [--quick]
    scripts/mutate.py --list [--file GLOB]      prints the mutants
    scripts/mutate.py --check                   only compares the list of explained ones with the code

A mutant is src/, capi/, include/ or threads/ with one change: another operator, number, status or intrinsic, a
negated condition, or a statement left out. Its object files are compiled at -O1 and linked with those of the
tests, which then run until one fails, crashes, or needs three times and two seconds more of the CPU than without the
change, or waits: the quick ones of the file's subject first, then all quick ones, of a kernel with AVX2 alone, then those
that take longer. If none does, the mutant survives: a test is missing, or the change breaks no promise.

--quick runs the quick tests alone, of less than a tenth of a second each, which kill most mutants in seconds. The
next run without it tries again what has survived, where each survivor costs minutes: before that, add tests or
explanations for those that you can read.

Without a GLOB that begins with bindings/, the packages for languages are left out. Their mutants are tried with a
library without mutants; tests/mutation/bindings.py has the commands, and which files have mutants.

tests/mutation/equivalent.txt lists mutants of the second kind, with the reason; they are not tried without
--all. Mutants of which the compiler makes the same library are not counted. Works in build-mutate/, on copies.
build-mutate/fates.tsv keeps what was found: a run that was ended goes on, and tries survivors alone again. Remove it
if a test was taken away.
Exits with 1 if a mutant survives that is not listed, or if an entry of the list fits nothing.
"""

import argparse
import collections
import concurrent.futures
import filecmp
import fnmatch
import hashlib
import math
import os
import pathlib
import queue
import random
import re
import shlex
import shutil
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional, Set

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/mutation"))

from bindings import LANGUAGES  # noqa: E402
from operators import Mutant, mutants  # noqa: E402

INSTRUCTION_SETS = ("generic", "sse2", "avx2", "avx512bw")
TARGETS = [("src", "l1l2_core"), ("capi", "l1l2_shared"), ("capi", "l1l2_static"), ("threads", "l1l2_threads_shared")]
#: What make does for a target, without its look at the whole project, which takes longer than most mutants.
COMPILE = " && ".join(f"make -s -f {d}/CMakeFiles/{t}.dir/build.make {d}/CMakeFiles/{t}.dir/build" for d, t in TARGETS)
FATES = ROOT / "build-mutate/fates.tsv"
CORE = "src/CMakeFiles/l1l2_core.dir"
AVX2 = f"{CORE}/kernels/avx2.cpp.o"
ALL_TESTS = "~[locale]~[isa]~[exhaustive]"  # but those that repeat others or take minutes
PROGRAMS = ["bits", "unit_tests", "allocation_tests", "threads_tests"]


class Explanation(NamedTuple):
    """A line of equivalent.txt: tab-separated, patterns as of the shell but for the text of the line."""

    file: str
    text: str  #: part of the line; "¦" marks the place of the change, and what is before " ↵ " are the lines before
    change: str
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        matches = fnmatch.fnmatchcase
        preceding, _, text = self.text.rpartition(" ↵ ")
        before, marked, after = text.partition("¦")
        place = mutant.code.find(before + after)
        return (
            place >= 0
            and (not marked or place + len(before) == mutant.column)
            and (not preceding or f" ↵ {mutant.preceding}".endswith(f" ↵ {preceding}"))
            and matches(mutant.file, self.file)
            and any(matches(mutant.change, change) for change in self.change.split(", "))
        )


def read_explanations() -> List[Explanation]:
    lines = (ROOT / "tests/mutation/equivalent.txt").read_text().splitlines()
    return [Explanation(*line.split("\t")) for line in lines if line and not line.startswith("#")]


def all_mutants() -> List[Mutant]:
    paths = [p for d in ("src", "capi", "include", "threads") for p in sorted((ROOT / d).rglob("*.[ch]pp"))]
    paths += [p for name, language in LANGUAGES.items() for p in language.files_in(ROOT / "bindings" / name)]
    return [m for path in paths for m in mutants(str(path.relative_to(ROOT)), path.read_text())]


def is_binding(file: str) -> bool:
    return file.startswith("bindings/")


def copy_if_different(source: str, copy: str) -> None:
    """So that make compiles again what has changed, a mutant of a run that was killed included."""
    if not os.path.exists(copy) or not filecmp.cmp(source, copy, shallow=False):
        shutil.copy(source, copy)


def all_but_objects(folder: str, names: List[str]) -> List[str]:
    return [name for name in names if not name.endswith(".o") and not os.path.isdir(os.path.join(folder, name))]


class Stage(NamedTuple):
    name: str
    command: str
    folder: pathlib.Path
    builds: bool = False  #: it has as much time as it wants, and fails if the mutant is no C++
    mutates_tests: bool = False  #: their objects, which have to be those without a mutant for the next one


class Worker:
    """A copy of the project, in which one mutant after another is built and tested."""

    def __init__(self, place: pathlib.Path, files: Set[str], is_quick: bool):
        self.tree, self.build, self.is_quick = place / "tree", place / "build", is_quick
        self.seconds: Dict[str, float] = {}
        self.used = 0.0  #: seconds of the CPU that the last command took
        self.tests_are_mutated = False
        ignored = shutil.ignore_patterns("build", "build-*", ".git", "__pycache__")
        shutil.copytree(ROOT, self.tree, ignore=ignored, copy_function=copy_if_different, dirs_exist_ok=True)
        self.log = place / "log"
        self.log.write_text("")
        self.prepare(place, files)
        for stage in (s for file in sorted(files) for s in self.soon(file) + self.wanted(self.stages(file))):
            if stage.name not in self.seconds:
                self.require(stage.command, stage.folder)
                self.seconds[stage.name] = self.used

    def prepare(self, place: pathlib.Path, files: Set[str]) -> None:
        others = os.environ.get("CMAKE_CXX_COMPILER_LAUNCHER")  # which the option below would replace
        launcher = (f"{others};" if others else "") + f"{self.tree}/tests/support/at_level.sh;-O1"
        self.require(f"cmake -S '{self.tree}' -B '{self.build}' -G 'Unix Makefiles' -DL1L2_BUILD_THREADS=ON "
                     f"-DCMAKE_BUILD_TYPE=Release '-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}'", place)
        # The second time it writes down what depends on what.
        for _ in range(2):
            self.require(f"make -s {' '.join([t for _, t in TARGETS] + PROGRAMS)}", self.build)
        self.isas = [i for i in INSTRUCTION_SETS if self.run(f"[ $(L1L2_ISA={i} tests/bits/bits isa) = {i} ]") == 0]
        self.subjects = re.findall(r"\[(\w+)\]", self.output("--list-tags"))
        timed = re.findall(r"^(\d+\.\d+) s: (.+)$", self.output("-d", "yes", ALL_TESTS), re.MULTILINE)
        names = set(self.output("--list-test-names-only").splitlines())
        slow = [name.replace(",", "\\,") for seconds, name in timed if float(seconds) >= 0.1 and name in names]
        self.quick = ALL_TESTS + "".join(f'~"{name}"' for name in slow)
        tests = self.build / "tests"
        # The objects of the tests are not compiled again.
        self.tested_quickly = [
            Stage("link", f"cmake -E cmake_link_script '{tests}/CMakeFiles/unit_tests.dir/link.txt'", tests, builds=True),
            Stage("quick unit_tests", f"./unit_tests -a {shlex.quote(self.quick)}", tests),
        ]
        self.objects, self.unmutated_objects = tests / "CMakeFiles", place / "unmutated_tests"
        shutil.copytree(self.objects, self.unmutated_objects, ignore=all_but_objects, dirs_exist_ok=True)
        self.unmutated = self.digest()
        shutil.copy(self.build / "capi/libl1l2.a", place / "unmutated.a")
        shutil.copy(self.build / AVX2, place / "unmutated.o")

    def output(self, *arguments: str) -> str:
        listed = subprocess.run(["tests/unit_tests", *arguments], cwd=self.build, stdout=subprocess.PIPE, check=False)
        return listed.stdout.decode()

    def run(self, line: str, folder=None, seconds: float = 3600) -> int:
        # What waits for ever needs no time of the CPU. On a busy machine it must not be mistaken for what waits its turn.
        bounds = f"ulimit -c 0; ulimit -v {8 << 20}; ulimit -t {math.ceil(seconds)}"
        limits = ["timeout", "--kill-after=1", str(60 + 10 * seconds), "sh", "-c", f"{bounds}; {line}"]
        with self.log.open("a") as log:
            command = subprocess.Popen(limits, cwd=folder or self.build, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            _, status, usage = os.wait4(command.pid, 0)  # which says what this one alone has used
        command.returncode = status
        self.used = usage.ru_utime + usage.ru_stime
        return status

    def require(self, command: str, folder) -> None:
        if self.run(command, folder) != 0:
            raise SystemExit(f"fails without a mutant, see {self.log}: {command}")

    def digest(self) -> str:
        libraries = (self.build / "capi/libl1l2.so", self.build / "threads/libl1l2_threads.so")
        return hashlib.sha256(b"".join(path.read_bytes() for path in libraries)).hexdigest()

    def stages(self, file: str) -> List[Stage]:
        """The tests that a change of a file can fail, those that do soonest first."""
        tests = self.build / "tests"
        threads = [Stage("threads_tests", "./threads_tests -a", tests)]
        if file.startswith("threads/"):
            return threads
        link, quick = self.tested_quickly
        unit_tests = Stage("unit_tests", f"./unit_tests -a '{ALL_TESTS}'", tests)
        allocations = Stage("allocation_tests", "./allocation_tests -a", tests)
        if file.startswith("include/"):  # templates, of which the tests have instances of their own
            build = Stage("compile", "make -s unit_tests allocation_tests", self.build, builds=True, mutates_tests=True)
            return [build, quick, unit_tests, allocations]
        stem = pathlib.PurePath(file).stem
        family = stem.split("_")[0] + "_"  # of exact_block.hpp the tests of exact sums
        subjects = [s for s in self.subjects if s in os.path.splitext(file)[0] or s.startswith(family)]

        def of_subjects(name: str, those: str) -> List[Stage]:
            tags = shlex.quote(",".join(f"[{s}]{those}" for s in subjects))
            return [Stage(f"{name} of {', '.join(subjects)}", f"./unit_tests -a {tags}", tests)] if subjects else []

        # A kernel's own ones that are slow kill most of its mutants at once.
        own = of_subjects("unit_tests", ALL_TESTS if file.startswith("src/kernels/") else self.quick)
        slower = of_subjects("slow unit_tests", ALL_TESTS)
        again = []
        if file.endswith(".hpp"):  # some tests have instances of its templates
            build = Stage("compile the tests", "make -s unit_tests", self.build, builds=True, mutates_tests=True)
            again = [build, *own, quick]
        golden = self.tree / "tests/bits/golden.txt"
        if not file.startswith("src/kernels/"):
            bits = Stage("bits", f"bits/bits '{golden}'", tests)
            return [link, *own, quick, *slower, *again, allocations, bits, unit_tests]
        isas = [stem] if stem in self.isas else self.isas
        each = [Stage(f"bits, {i}", f"L1L2_ISA={i} bits/bits '{golden}'", tests) for i in isas]
        each += [Stage(f"unit_tests, {i}", f"L1L2_ISA={i} ./unit_tests -a '[isa],[bits]'", tests) for i in isas]
        return [link, *own, quick, *again, *each, unit_tests, Stage("exhaustive", "./unit_tests -a '[exhaustive]'", tests)]

    def soon(self, file: str) -> List[Stage]:
        """What takes less: of l1l2.hpp its own tests, of a kernel one instruction set, with the others as they are."""
        if file.startswith("include/"):
            unit_tests = "tests/CMakeFiles/unit_tests.dir"
            command = f"make -s -f {unit_tests}/build.make {unit_tests}/headers/l1l2_hpp_test.cpp.o"
            build = Stage("l1l2_hpp_test", command, self.build, builds=True, mutates_tests=True)
            return [build, *self.tested_quickly]
        elsewhere = ("kernels.hpp", "dispatch.hpp", "cpu.hpp")  # which files outside of the kernels include
        if not fnmatch.fnmatch(file, "src/kernels/*.hpp") or file.endswith(elsewhere) or "avx2" not in self.isas:
            return []
        build = Stage("avx2", f"make -s -f {CORE}/build.make {AVX2}", self.build, builds=True)
        replace = f"cp ../unmutated.a capi/libl1l2.a && ar r capi/libl1l2.a {AVX2}"
        archive = Stage("archive", replace, self.build, builds=True)
        return [build, archive, *self.stages(file)[:3]]

    def wanted(self, stages: List[Stage]) -> List[Stage]:
        """All stages, or with --quick those up to the quick tests."""
        if not self.is_quick or self.tested_quickly[-1] not in stages:
            return stages
        return stages[: stages.index(self.tested_quickly[-1]) + 1]

    def first_failure(self, stages: List[Stage]) -> Optional[str]:
        for stage in self.wanted(stages):
            seconds = 3600 if stage.builds else 3 * self.seconds[stage.name] + 2
            self.tests_are_mutated = self.tests_are_mutated or stage.mutates_tests
            if self.run(stage.command, stage.folder, seconds) != 0:
                return "not built" if stage.builds else f"killed by {stage.name}"
            if stage.name == "avx2" and filecmp.cmp(self.build / AVX2, self.build / "../unmutated.o", shallow=False):
                return None
        return None

    def fate(self, mutant: Mutant) -> str:
        file = self.tree / mutant.file
        text = file.read_text()
        file.write_text(mutant.apply(text))
        try:
            return self.try_file(mutant.file) or "survived"
        finally:
            file.write_text(text)
            if self.tests_are_mutated:
                # Newer than the file, so that make takes them for its.
                shutil.copytree(self.unmutated_objects, self.objects, copy_function=shutil.copy, dirs_exist_ok=True)
                self.tests_are_mutated = False

    def finish(self) -> None:
        """Fails if something of a mutant has stayed, by which others could have been killed."""
        for stage in (Stage("compile", COMPILE, self.build), *self.tested_quickly):
            self.require(stage.command, stage.folder)

    def try_file(self, file: str) -> Optional[str]:
        soon = self.first_failure(self.soon(file))
        if soon is not None:
            return soon
        if self.run(COMPILE) != 0:
            return "not built"
        if not file.startswith("include/") and self.digest() == self.unmutated:
            return "same code"
        return self.first_failure(self.stages(file))


class BindingsWorker(Worker):
    """Another one for the packages of bindings/, which use an installed library without mutants."""

    def prepare(self, place: pathlib.Path, files: Set[str]) -> None:
        self.build = place / "library"
        parts = " ".join(f"-DL1L2_BUILD_{part}=OFF" for part in ("TESTS", "THREADS", "TOOLS"))
        self.require(f"cmake -S '{self.tree}' -B '{self.build}' -DCMAKE_BUILD_TYPE=Release {parts} "
                     f"'-DCMAKE_INSTALL_PREFIX={place}/prefix'", place)
        self.require("make -s install", self.build)
        # Without separators the commands need no quotes around what may have a space.
        self.given = f"PREFIX='{place}/prefix' WORK='{place}' IFS=; "
        for language in sorted({pathlib.PurePath(file).parts[1] for file in files}):
            self.require(self.given + LANGUAGES[language].prepare, self.tree / "bindings" / language)

    def soon(self, file: str) -> List[Stage]:
        return []

    def stages(self, file: str) -> List[Stage]:
        language = pathlib.PurePath(file).parts[1]
        folder = self.tree / "bindings" / language
        tests = LANGUAGES[language].tests_of(file)
        return [Stage(f"{language}, {test.name}", self.given + test.command, folder, test.builds) for test in tests]

    def finish(self) -> None:
        pass  # each test builds what it needs of the file that was put back

    def try_file(self, file: str) -> Optional[str]:
        return self.first_failure(self.stages(file))


def identity(mutant: Mutant) -> str:
    """The same as long as the file is."""
    text = mutant.apply((ROOT / mutant.file).read_text())
    return hashlib.sha256(f"{mutant.file}\0{text}".encode()).hexdigest()[:16]


def try_all(chosen: List[Mutant], jobs: int, is_quick: bool) -> Dict[Mutant, str]:
    known = dict(line.split("\t") for line in FATES.read_text().splitlines()) if FATES.exists() else {}
    print("Building, and running the tests without a mutant", flush=True)
    free: queue.SimpleQueue = queue.SimpleQueue()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        files = {mutant.file for mutant in chosen}
        kind = BindingsWorker if is_binding(chosen[0].file) else Worker
        for worker in pool.map(lambda n: kind(ROOT / "build-mutate" / str(n), files, is_quick), range(jobs)):
            free.put(worker)

        def fate_of(mutant: Mutant) -> str:
            fate = known.get(identity(mutant))
            if fate is None or fate == "survived":
                worker = free.get()
                try:
                    fate = worker.fate(mutant)
                finally:
                    free.put(worker)
            return fate

        fates = {}
        for mutant, fate in zip(chosen, pool.map(fate_of, chosen)):
            fates[mutant] = fate
            if known.get(identity(mutant)) != fate:
                with FATES.open("a") as log:
                    log.write(f"{identity(mutant)}\t{fate}\n")
            print(f"{len(fates)}/{len(chosen)} {fate}: {mutant.file}:{mutant.line}: {mutant.change} | {mutant.code}", flush=True)
        while not free.empty():
            free.get().finish()
    return fates


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--sample", type=int, help="how many mutants to try, chosen at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="*", help="only these files: 'src/kernels/*', 'bindings/rust/*'")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quick", action="store_true", help="only quick tests, of the library")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", action="store_true", help="also those of the list of explained ones")
    arguments = parser.parse_args()

    every, explanations = all_mutants(), read_explanations()
    stale = [e for e in explanations if not any(map(e.covers, every))]
    for e in stale:
        print(f"equivalent.txt: no mutant fits {e.file}: {e.text}: {e.change}")
    if arguments.check:
        return 1 if stale else 0
    meant = (m for m in every if is_binding(m.file) == is_binding(arguments.file))
    if arguments.quick and is_binding(arguments.file):
        parser.error("--quick is for the library")
    wanted = [m for m in meant if fnmatch.fnmatchcase(m.file, arguments.file)]
    if not wanted:
        parser.error(f"no mutant fits {arguments.file}")
    if arguments.list:
        for mutant in wanted:
            print(f"{mutant.file}:{mutant.line}: {mutant.change} | {mutant.code}")
        print(f"{len(wanted)} mutants")
        return 0
    excused: Set[Mutant] = {m for m in wanted if any(e.covers(m) for e in explanations)}
    chosen = [m for m in wanted if arguments.all or m not in excused]
    if arguments.sample is not None:
        places = random.Random(arguments.seed).sample(range(len(chosen)), min(arguments.sample, len(chosen)))
        chosen = [chosen[place] for place in sorted(places)]
    fates = try_all(chosen, min(arguments.jobs, len(chosen)), arguments.quick) if chosen else {}

    survivors = [m for m, fate in fates.items() if fate == "survived" and m not in excused]
    print("\nSurvivors without an explanation:" if survivors else "\nNo mutant survived without an explanation.")
    for mutant in survivors:
        print(f"{mutant.file}:{mutant.line}: {mutant.change}\n    {mutant.code}")
    counts = collections.Counter(fate.split(" by ")[0] for fate in fates.values())
    summary = ", ".join(f"{count} {fate}" for fate, count in sorted(counts.items()))
    print(summary)
    keep = ["bash", "-c", '. scripts/lib/figures.sh && figure "$@"', "figure"]
    paths = sorted({mutant.file for mutant in wanted}) if arguments.file != "*" else []
    figure = [f"mutants of {arguments.file}", f"{len(chosen)} of {len(wanted)}: {summary}", *paths]
    if not arguments.quick:
        subprocess.run([*keep, *figure], cwd=ROOT, check=True)
    return 1 if survivors or stale else 0


if __name__ == "__main__":
    sys.exit(main())
