#!/usr/bin/env python3
"""Changes the library in one place at a time, and checks that a test fails.

    scripts/mutate.py [--jobs N] [--sample N [--seed S]] [--file GLOB...] [--all] [--quick | --seconds N]
    scripts/mutate.py --list [--file GLOB...]   prints the mutants
    scripts/mutate.py --check                   only compares the list of explained ones with the code

A mutant is src/, capi/, include/ or threads/ with one change: another operator, number, status or intrinsic, a
negated condition, or a statement left out. Its object files are compiled at -O1 and linked with those that build/ has
of the tests, which then run until one fails, crashes, or needs three times and two seconds more of the CPU than without
the change, or waits: what failed last for the file first, then the quick ones of its subject, then all quick ones, of a
kernel with AVX2 alone, then those that take longer. If none does, the mutant survives: a test is missing, or the change
breaks no promise.

--quick runs the quick tests alone, of less than a tenth of a second each, which kill most mutants in seconds. The
next run without it tries again what has survived, where each survivor costs minutes: before that, add tests or
explanations for those that you can read. --seconds ends when the commands have taken so much of the CPU, those that
prepare not counted, and leaves undecided what is not reached.

Without a GLOB that begins with bindings/, the packages for languages are left out. Their mutants are tried with a
library without mutants; tests/mutation/bindings.py has the commands, and which files have mutants.

tests/mutation/equivalent.txt lists mutants of the second kind, with the reason; they are not tried without
--all. Mutants of which the compiler makes the same library are not counted. Works in build-mutate/, on copies, and
needs build/, as scripts/test.sh makes it with CMake 3.20 or later.
build-mutate/fates.tsv keeps what was found: a run that was ended goes on, and tries survivors alone again. Remove it
if a test was taken away.
Exits with 1 if a mutant survives that is not listed, or if an entry of the list fits nothing; with 77 if the time was
too short for half of them.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import fcntl
import filecmp
import fnmatch
import hashlib
import html
import json
import math
import os
import pathlib
import queue
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional, Set

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/mutation"))

from bindings import LANGUAGES  # noqa: E402
from operators import Mutant, mutants  # noqa: E402

INSTRUCTION_SETS = ("generic", "sse2", "avx2", "avx512bw")
BUILD = ROOT / "build"
LIBRARIES = {"l1l2_shared": "capi", "l1l2_static": "capi", "l1l2_threads_shared": "threads"}
PROGRAMS = {"bits": "tests/bits", "unit_tests": "tests", "allocation_tests": "tests/process", "threads_tests": "tests/threads"}
TARGETS = {"l1l2_core": "src", **LIBRARIES, **PROGRAMS}
FATES = ROOT / "build-mutate/fates.tsv"
CORE = "src/CMakeFiles/l1l2_core.dir"
AVX2 = f"{CORE}/kernels/avx2.cpp.o"
ELSEWHERE = ("kernels.hpp", "dispatch.hpp", "cpu.hpp")  # which files outside of the kernels include
UNDECIDED = "not decided in time"
INSTANTIATED = "'[exact_plan],[order]'"  # the tests that have instances of the kernels' templates
UNIT_TESTS = "./unit_tests -a -r xml"
ALL_TESTS = "~[locale]~[isa]~[exhaustive]"  # but those that repeat others or take minutes


def link(target: str) -> str:
    return f"(cd {TARGETS[target]} && cmake -E cmake_link_script CMakeFiles/{target}.dir/link.txt)"


# An archive would keep the members that it has.
LINK_LIBRARIES = " && ".join(["rm -f capi/libl1l2.a", *map(link, LIBRARIES)])


def quoted(test: str) -> str:
    """The pattern that only this test case fits."""
    return '"' + test.replace(",", "\\,") + '"'


def spent() -> float:
    """Seconds of the CPU that all commands have taken."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
    """So that packages compile again what has changed, a mutant of a run that was killed included."""
    if not os.path.exists(copy) or not filecmp.cmp(source, copy, shallow=False):
        shutil.copy(source, copy)


class Stage(NamedTuple):
    name: str
    command: str
    folder: pathlib.Path
    builds: bool = False  #: it fails if the mutant is no C++


class Unit(NamedTuple):
    """A source that build/ has compiled."""

    built: str  #: the object file, below build/
    command: List[str]
    sources: Set[str]  #: it and what it includes, as far as they are the project's


def read_units() -> List[Unit]:
    units = []
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        command = shlex.split(entry["command"])
        built = pathlib.Path(entry["directory"]) / command[command.index("-o") + 1]
        if built.exists():  # or else it belongs to no target that is made
            listed = built.with_name(f"{built.name}.d").read_text().replace("\\\n", " ")
            paths = [os.path.join(entry["directory"], path) for path in shlex.split(listed.partition(": ")[2])]
            sources = {os.path.relpath(path, ROOT) for path in paths if path.startswith(f"{ROOT}/")}
            units.append(Unit(str(built.relative_to(BUILD)), command, sources))
    return units


class Worker:
    """A copy of the project and of build/, in which one mutant after another is built and tested."""

    def __init__(self, place: pathlib.Path, files: Set[str], is_quick: bool):
        self.tree, self.build, self.unmutated = place / "tree", place / "build", place / "unmutated"
        self.is_quick, self.tries = is_quick, 0
        self.seconds: Dict[str, float] = {}
        self.used = 0.0  #: seconds of the CPU that the last command took
        self.end = math.inf  #: of what spent() may be
        self.failed: Dict[str, List[str]] = collections.defaultdict(list)  #: by the last mutants of a file, the latest first
        ignored = shutil.ignore_patterns("build", "build-*", ".git", "__pycache__")
        shutil.copytree(ROOT, self.tree, ignore=ignored, copy_function=copy_if_different, dirs_exist_ok=True)
        self.log = place / "log"
        self.prepare(place, files)

    def here(self, text: str) -> str:
        """With the copies in the place of the project and its build, but for what tests read."""
        if text.startswith("-D"):
            return text
        places = f"({re.escape(str(BUILD))})(?![\\w.-])|{re.escape(str(ROOT))}(?![\\w.-])"
        return re.sub(places, lambda match: str(self.build if match[1] else self.tree), text)

    def prepare(self, place: pathlib.Path, files: Set[str]) -> None:
        for stale in (self.build, self.unmutated):
            shutil.rmtree(stale, ignore_errors=True)
        for target, folder in TARGETS.items():
            objects = f"{folder}/CMakeFiles/{target}.dir"
            shutil.copytree(BUILD / objects, self.build / objects)
            commands = self.build / objects / "link.txt"
            if commands.exists():  # not of object libraries
                commands.write_text(self.here(commands.read_text()))
        for library in [p for pattern in ("capi/*.so*", "threads/*.so*", "tests/*.a") for p in BUILD.glob(pattern)]:
            shutil.copy(library, self.build / library.relative_to(BUILD), follow_symlinks=False)
        self.units = [unit for unit in read_units() if (self.build / unit.built).exists()]
        libraries = [unit for unit in self.units if not unit.built.startswith("tests/")]
        self.require(self.compile(libraries), self.build)
        self.require(LINK_LIBRARIES, self.build)
        for program in PROGRAMS:
            self.require(link(program), self.build)
        self.isas = [i for i in INSTRUCTION_SETS if self.run(f"[ $(L1L2_ISA={i} tests/bits/bits isa) = {i} ]") == 0]
        self.subjects = re.findall(r"\[(\w+)\]", self.output("--list-tags"))
        timed = re.findall(r"^(\d+\.\d+) s: (.+)$", self.output("-d", "yes", ALL_TESTS), re.MULTILINE)
        names = set(self.output("--list-test-names-only").splitlines())
        slow = [name for seconds, name in timed if float(seconds) >= 0.1 and name in names]
        self.quick = ALL_TESTS + "".join("~" + quoted(name) for name in slow)
        tests = self.build / "tests"
        self.link_tests = Stage("link", link("unit_tests"), self.build, builds=True)
        self.quick_tests = Stage("quick unit_tests", f"{UNIT_TESTS} {shlex.quote(self.quick)}", tests)
        shutil.copytree(self.build, self.unmutated, symlinks=True)

    def compile(self, units: List[Unit]) -> str:
        """The commands. The optimisation level is -O1, and a warning no error, whatever build/ has."""
        commands = []
        for unit in units:
            wanted = [argument for argument in unit.command if argument != "-Werror"]
            arguments = ["-O1" if argument.startswith("-O") else self.here(argument) for argument in wanted]
            arguments[arguments.index("-o") + 1] = unit.built
            commands.append(shlex.join(arguments))
        return " && ".join(commands)

    def units_of(self, file: str, folders: str) -> List[Unit]:
        return [unit for unit in self.units if file in unit.sources and re.match(folders, unit.built)]

    def output(self, *arguments: str) -> str:
        listed = subprocess.run(["tests/unit_tests", *arguments], cwd=self.build, stdout=subprocess.PIPE, check=False)
        return listed.stdout.decode()

    def run(self, line: str, folder=None, seconds: float = 600) -> int:
        # What waits for ever needs no time of the CPU. On a busy machine it must not be mistaken for what waits its turn.
        seconds = min(seconds, max(0.0, self.end - spent()) + 1)
        bounds = f"ulimit -c 0; ulimit -v {8 << 20}; ulimit -t {math.ceil(seconds)}"
        limits = ["timeout", "--kill-after=1", str(60 + 10 * seconds), "sh", "-c", f"{bounds}; {line}"]
        with self.log.open("w") as log:
            command = subprocess.Popen(limits, cwd=folder or self.build, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            _, status, usage = os.wait4(command.pid, 0)  # which says what this one alone has used
        command.returncode = status
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)  # what a killed test has forked, in the group that timeout makes
        self.used = usage.ru_utime + usage.ru_stime
        return status

    def require(self, command: str, folder) -> None:
        if self.run(command, folder) != 0:
            raise SystemExit(f"fails without a mutant, see {self.log}: {command}")

    def has_same(self, built: str) -> bool:
        return filecmp.cmp(self.build / built, self.unmutated / built, shallow=False)

    def failed_last(self, file: str) -> List[Stage]:
        """The test cases that are most likely to kill the next mutant of a file, too."""
        tests = self.build / "tests"
        return [Stage(f'"{t}"', f"{UNIT_TESTS} {shlex.quote(quoted(t))}", tests) for t in self.failed[file]]

    def instances(self, file: str) -> Stage:
        """Of templates some tests have instances of their own."""
        tests = self.compile(self.units_of(file, "tests/")) or "true"
        return Stage("compile the tests", tests, self.build, builds=True)

    def stages(self, file: str) -> List[Stage]:
        """The tests that a change of a file can fail, those that do soonest first."""
        tests = self.build / "tests"
        threads = [Stage("threads_tests", "./threads_tests -a", tests)]
        if file.startswith("threads/"):
            return threads
        link_tests, quick = [self.link_tests, *self.failed_last(file)], self.quick_tests
        unit_tests = Stage("unit_tests", f"{UNIT_TESTS} '{ALL_TESTS}'", tests)
        allocations = Stage("allocation_tests", "./allocation_tests -a", tests)
        instances = self.instances(file)
        if file.startswith("include/"):
            link_others = Stage("link the others", link("allocation_tests"), self.build, builds=True)
            return [instances, *link_tests, link_others, quick, unit_tests, allocations]
        stem = pathlib.PurePath(file).stem
        family = stem.split("_")[0] + "_"  # of exact_block.hpp the tests of exact sums
        subjects = [s for s in self.subjects if s in os.path.splitext(file)[0] or s.startswith(family)]

        def of_subjects(name: str, those: str) -> List[Stage]:
            tags = shlex.quote(",".join(f"[{s}]{those}" for s in subjects))
            return [Stage(f"{name} of {', '.join(subjects)}", f"{UNIT_TESTS} {tags}", tests)] if subjects else []

        # A kernel's own ones that are slow kill most of its mutants at once.
        own = of_subjects("unit_tests", ALL_TESTS if file.startswith("src/kernels/") else self.quick)
        slower = of_subjects("slow unit_tests", ALL_TESTS)
        others = [instances, self.link_tests, *own, quick] if file.endswith(".hpp") else []
        golden = self.tree / "tests/bits/golden.txt"
        if not file.startswith("src/kernels/"):
            bits = Stage("bits", f"bits/bits '{golden}'", tests)
            return [*link_tests, *own, quick, *slower, *others, allocations, bits, unit_tests]
        # In a process of their own, as they set the instruction set.
        detection = [Stage("detection", "L1L2_ISA=sse2 ./unit_tests -a '[isa]'", tests)] if stem in ("cpu", "dispatch") else []
        isas = [stem] if stem in self.isas else self.isas
        each = [Stage(f"bits, {i}", f"L1L2_ISA={i} bits/bits '{golden}'", tests) for i in isas]
        each += [Stage(f"unit_tests, {i}", f"L1L2_ISA={i} ./unit_tests -a '[isa],[bits]'", tests) for i in isas]
        exhaustive = Stage("exhaustive", "./unit_tests -a '[exhaustive]'", tests)
        return [*link_tests, *own, *detection, quick, *others, *each, unit_tests, exhaustive]

    def soon(self, file: str) -> List[Stage]:
        """What takes less: of l1l2.hpp its own tests, of a kernel its instances in tests, then one instruction set, and
        of what all files include the generic kernels."""
        if file.startswith("include/"):
            build = Stage("l1l2_hpp_test", self.compile(self.units_of(file, ".*/l1l2_hpp_test")), self.build, builds=True)
            return [build, self.link_tests, *self.failed_last(file), self.quick_tests]
        if file.endswith(ELSEWHERE):
            units = self.units_of(file, f"(src|capi)/(?!.*/kernels/({'|'.join(INSTRUCTION_SETS[1:])}))")
            build = Stage("generic", f"{self.compile(units) or 'true'} && {LINK_LIBRARIES}", self.build, builds=True)
            return [build, self.link_tests, *(stage for stage in self.stages(file) if stage.name.endswith(", generic"))]
        if not fnmatch.fnmatch(file, "src/kernels/*.hpp") or "avx2" not in self.isas:
            return []
        build = Stage("avx2", self.compile(self.units_of(file, re.escape(AVX2))), self.build, builds=True)
        archive = Stage("archive", f"ar r capi/libl1l2.a {AVX2}", self.build, builds=True)
        stages = self.stages(file)
        stages = [build, archive, *stages[: stages.index(self.quick_tests)]]
        if not 1 <= len(self.units_of(file, "tests/")) <= 2:
            return stages
        tested = Stage("instances", f"{UNIT_TESTS} {INSTANTIATED}", self.build / "tests")
        return [self.instances(file), self.link_tests, tested, *stages]

    def measure(self, file: str) -> None:
        """How long each stage takes without a mutant, with which it must not fail."""
        for stage in self.soon(file) + self.stages(file)[: self.tries]:
            if stage.name not in self.seconds and not self.is_over():
                failed = self.run(stage.command, stage.folder) != 0
                if failed and not self.is_over():
                    raise SystemExit(f"fails without a mutant, see {self.log}: {stage.command}")
                self.seconds[stage.name] = self.used

    def is_over(self) -> bool:
        return spent() >= self.end

    def remember(self, file: str, _failed: Stage) -> None:
        """The test case that has failed, with which the log ends."""
        for name in re.findall(rb'<TestCase name="([^"]*)"', self.log.read_bytes())[-1:]:
            name = html.unescape(name.decode())
            self.failed[file] = [name, *(other for other in self.failed[file] if other != name)][:2]

    def first_failure(self, file: str, stages: List[Stage]) -> Optional[str]:
        for stage in stages:
            # A recursion of templates may have no end, either.
            limit = 600 if stage.builds else 3 * self.seconds.get(stage.name, 0) + 2
            failed = not self.is_over() and self.run(stage.command, stage.folder, limit) != 0
            if self.is_over():
                return UNDECIDED
            if failed:
                self.remember(file, stage)
                return "not built" if stage.builds else f"killed by {stage.name}"
            if stage.name == "avx2" and self.has_same(AVX2):
                return None
        return None

    def fate(self, mutant: Mutant) -> str:
        names = [stage.name for stage in self.stages(mutant.file)]
        # What comes after these takes minutes, without a mutant as well.
        ends = {names.index(name) + 1 for name in names if name.startswith(("quick unit_tests", "slow unit_tests"))}
        ends = sorted(ends | {len(names)})
        for self.tries in ends[:1] if self.is_quick else ends:
            fate = self.tried(mutant)
            if fate != "survived":
                break
        return fate

    def tried(self, mutant: Mutant) -> str:
        self.measure(mutant.file)
        file = self.tree / mutant.file
        text = file.read_text()
        file.write_text(mutant.apply(text))
        try:
            return self.try_file(mutant.file) or "survived"
        finally:
            file.write_text(text)
            self.restore()

    def restore(self) -> None:
        """What a mutant has changed in the build, so that no other one is killed by it."""
        for path in self.unmutated.rglob("*"):
            built = self.build / path.relative_to(self.unmutated)
            kept = path.is_symlink() or path.is_dir() or (built.exists() and filecmp.cmp(path, built))
            if not kept:
                built.unlink(missing_ok=True)  # no program that still runs can be written
                shutil.copy2(path, built)

    def try_file(self, file: str) -> Optional[str]:
        if not self.units_of(file, ""):
            return "not compiled here"
        soon = self.first_failure(file, self.soon(file))
        if soon is not None:
            return soon
        compile_all = f"{self.compile(self.units_of(file, '(src|capi|threads)/')) or 'true'} && {LINK_LIBRARIES}"
        failed = self.first_failure(file, [Stage("compile", compile_all, self.build, builds=True)])
        if failed is not None:
            return failed
        if not file.startswith("include/") and all(map(self.has_same, ("capi/libl1l2.so", "threads/libl1l2_threads.so"))):
            return "same code"
        return self.first_failure(file, self.stages(file)[: self.tries])


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
        stages = [Stage(f"{language}, {test.name}", self.given + test.command, folder, test.builds) for test in tests]
        last = next((n for n, stage in enumerate(stages) if stage.name in self.failed[file]), 0)
        soonest = [stage for stage in stages[:last] if stage.builds] + stages[last : last + 1]
        return soonest + [stage for stage in stages if stage not in soonest]

    def restore(self) -> None:
        pass  # each test builds what it needs of the file that was put back

    def try_file(self, file: str) -> Optional[str]:
        return self.first_failure(file, self.stages(file))

    def remember(self, file: str, failed: Stage) -> None:
        """The stage that has failed, which is tried first for the next mutant of the file."""
        if not failed.builds:
            self.failed[file] = [failed.name]


def identity(mutant: Mutant) -> str:
    """The same as long as the file is."""
    text = mutant.apply((ROOT / mutant.file).read_text())
    return hashlib.sha256(f"{mutant.file}\0{text}".encode()).hexdigest()[:16]


def known_fates(chosen: List[Mutant]) -> Dict[Mutant, str]:
    """Those that an earlier run has decided. What has survived is tried again."""
    known = dict(line.split("\t") for line in FATES.read_text().splitlines()) if FATES.exists() else {}
    fates = {mutant: known.get(identity(mutant), "survived") for mutant in chosen}
    return {mutant: fate for mutant, fate in fates.items() if fate != "survived"}


def make_workers(wanted: List[Mutant], jobs: int, is_quick: bool) -> List[Worker]:
    print("Building, and running the tests without a mutant", flush=True)
    files = {mutant.file for mutant in wanted}
    kind = BindingsWorker if is_binding(wanted[0].file) else Worker
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda n: kind(ROOT / "build-mutate" / str(n), files, is_quick), range(jobs)))


def try_all(wanted: List[Mutant], workers: List[Worker]) -> Dict[Mutant, str]:
    free: queue.SimpleQueue = queue.SimpleQueue()
    for worker in workers:
        free.put(worker)

    def fate_of(mutant: Mutant) -> str:
        worker = free.get()
        try:
            return worker.fate(mutant)
        finally:
            free.put(worker)

    fates = {}
    with concurrent.futures.ThreadPoolExecutor(len(workers)) as pool:
        for mutant, fate in zip(wanted, pool.map(fate_of, wanted)):
            fates[mutant] = fate
            if fate != UNDECIDED:
                with FATES.open("a") as log:
                    log.write(f"{identity(mutant)}\t{fate}\n")
            print(f"{len(fates)}/{len(wanted)} {fate}: {mutant.file}:{mutant.line}: {mutant.change} | {mutant.code}", flush=True)
    return fates


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--sample", type=int, help="how many mutants to try, chosen at random")
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--file", nargs="+", default=["*"], help="only these files: 'src/kernels/*', 'bindings/rust/*'")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quick", action="store_true", help="only quick tests, of the library")
    parser.add_argument("--seconds", type=int, help="of the CPU, for which mutants are tried")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", action="store_true", help="also those of the list of explained ones")
    arguments = parser.parse_args()

    every, explanations = all_mutants(), read_explanations()
    stale = [e for e in explanations if not any(map(e.covers, every))]
    for e in stale:
        print(f"equivalent.txt: no mutant fits {e.file}: {e.text}: {e.change}")
    if arguments.check:
        return 1 if stale else 0
    of_binding = is_binding(arguments.file[0])
    if of_binding and (arguments.quick or arguments.seconds):
        parser.error("--quick and --seconds are for the library")
    meant = [m for m in every if is_binding(m.file) == of_binding]
    for glob in arguments.file:
        if not any(fnmatch.fnmatchcase(m.file, glob) for m in meant):
            parser.error(f"no mutant fits {glob}")
    wanted = [m for m in meant if any(fnmatch.fnmatchcase(m.file, glob) for glob in arguments.file)]
    if arguments.list:
        for mutant in wanted:
            print(f"{mutant.file}:{mutant.line}: {mutant.change} | {mutant.code}")
        print(f"{len(wanted)} mutants")
        return 0
    excused: Set[Mutant] = {m for m in wanted if any(e.covers(m) for e in explanations)}
    chosen = [m for m in wanted if arguments.all or m not in excused]
    if arguments.sample is not None:
        print(f"A sample with --seed {arguments.seed}")
        chosen = random.Random(arguments.seed).sample(chosen, min(arguments.sample, len(chosen)))
    fates = known_fates(chosen)
    untried = [mutant for mutant in chosen if mutant not in fates]
    if untried:
        if not of_binding:
            if not ((BUILD / "compile_commands.json").exists() and (BUILD / "Makefile").exists()):
                print("there is no build/ with Makefiles: run scripts/test.sh first")
                return 1 if stale else 77
            subprocess.run(["cmake", "--build", BUILD, "--target", *PROGRAMS], stdout=subprocess.DEVNULL, check=True)
        (ROOT / "build-mutate").mkdir(exist_ok=True)
        lock = (ROOT / "build-mutate/lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)  # until another run ends
        workers = make_workers(untried, min(arguments.jobs, len(untried)), arguments.quick)
        if arguments.seconds:
            for worker in workers:
                worker.end = spent() + arguments.seconds
        fates.update(try_all(untried, workers))

    survivors = [m for m, fate in fates.items() if fate == "survived" and m not in excused]
    print("\nSurvivors without an explanation:" if survivors else "\nNo mutant survived without an explanation.")
    for mutant in survivors:
        print(f"{mutant.file}:{mutant.line}: {mutant.change}\n    {mutant.code}")
    counts = collections.Counter(fate.split(" by ")[0] for fate in fates.values())
    summary = ", ".join(f"{count} {fate}" for fate, count in sorted(counts.items()))
    print(summary)
    keep = ["bash", "-c", '. scripts/lib/figures.sh && figure "$@"', "figure"]
    paths = sorted({mutant.file for mutant in wanted}) if arguments.file != ["*"] else []
    figure = [f"mutants of {', '.join(arguments.file)}", f"{len(chosen)} of {len(wanted)}: {summary}", *paths]
    if not (arguments.quick or arguments.seconds or arguments.sample):
        subprocess.run([*keep, *figure], cwd=ROOT, check=True)
    if survivors or stale:
        return 1
    return 77 if counts[UNDECIDED] > len(chosen) / 2 else 0


if __name__ == "__main__":
    sys.exit(main())
