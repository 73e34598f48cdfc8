"""Builds and runs mutants, each worker in a copy of the tree of its own."""

import contextlib
import filecmp
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from typing import Dict, Iterator, List, NamedTuple, Optional, Set

from operators import Mutant

#: The one that the library takes where it can choose stands last.
INSTRUCTION_SETS = ("generic", "sse2", "avx2", "avx512bw")
#: What a test may map; a mutant may ask for any amount.
MEMORY_KIB = 8 << 20
#: Of a change in a header of the kernels this one is compiled first, by itself: it tells most.
FIRST_KERNEL = "avx2"
FIRST_KERNEL_OBJECT = f"kernels/{FIRST_KERNEL}.cpp.o"
KERNEL_HEADERS = re.compile(r"src/kernels/(block_sum|elements|elementwise|kernel_table|avx2)\.hpp")


class Interrupted(Exception):
    pass


class Failure(Exception):
    """A mutant is known for one: by what."""


class Unbuilt(Exception):
    pass


class Stage(NamedTuple):
    name: str
    command: List[str]
    environment: Dict[str, str] = {}


class Outcome(NamedTuple):
    fate: str  #: not built, identical, killed or survived
    by: str
    seconds: float


def copy_tree(source: pathlib.Path, copy: pathlib.Path) -> None:
    """Copies what differs, so that make sees what has changed; that undoes a mutant of a run that was
    killed, too."""
    for folder, folders, files in os.walk(source):
        here = pathlib.Path(folder)
        folders[:] = [f for f in folders if f not in (".git", "__pycache__")]
        if here == source:
            folders[:] = [f for f in folders if not f.startswith("build")]
        there = copy / here.relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        for file in files:
            if not (there / file).exists() or not filecmp.cmp(here / file, there / file, False):
                shutil.copyfile(here / file, there / file)
                shutil.copymode(here / file, there / file)


class Worker:
    def __init__(self, source: pathlib.Path, place: pathlib.Path, log):
        self.tree, self.build = place / "tree", place / "build"
        self.log = log
        self.stopped = threading.Event()
        self.process: Optional[subprocess.Popen] = None
        self.times: Dict[str, float] = {}
        self.instruction_sets: List[str] = []
        self.unmutated = b""
        self.last_file = ""
        copy_tree(source, self.tree)
        self.configure()

    # Processes

    def run(self, command: List[str], cwd=None, timeout=None, environment=None) -> int:
        """The status of a command, whose children and whose output are gone when it returns; that of
        one that takes too long is negative, as that of one that a signal ends."""
        if self.stopped.is_set():
            raise Interrupted
        limited = ["sh", "-c", f'ulimit -c 0 -v {MEMORY_KIB}; exec "$@"', "sh", *command]
        self.process = subprocess.Popen(
            limited,
            cwd=cwd or self.build,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = -signal.SIGALRM
        finally:
            self.end_processes()
        if self.stopped.is_set():
            raise Interrupted
        return status

    def end_processes(self) -> None:
        process = self.process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        self.stopped.set()
        self.end_processes()

    def require(self, command: List[str], cwd=None) -> None:
        if self.run(command, cwd) != 0:
            raise SystemExit(f"failed, in {cwd or self.build}: {shlex.join(command)}")

    # Before the mutants

    def configure(self) -> None:
        self.build.mkdir(parents=True, exist_ok=True)
        self.require(
            ["cmake", "-S", str(self.tree), "-B", str(self.build), "-G", "Unix Makefiles"]
            + ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
            + ["-DL1L2_BUILD_THREADS=OFF", "-DL1L2_BUILD_BENCH=OFF"]
            + [f"-DCMAKE_CXX_COMPILER_LAUNCHER={self.tree}/tests/support/at_level.sh;-O1"]
        )

    def compiled_lines(self) -> Dict[str, Set[int]]:
        """Of each file of the library the lines of which the preprocessor leaves something."""
        entries = json.loads((self.build / "compile_commands.json").read_text())
        commands = {entry["file"]: entry for entry in entries}
        lines: Dict[str, Set[int]] = {}
        for file, entry in commands.items():
            folder = os.path.relpath(file, self.tree).split(os.sep)[0]
            if folder in ("src", "capi"):
                words = shlex.split(entry["command"])
                words[words.index("-o") : words.index("-o") + 2] = ["-E"]
                output = subprocess.check_output(words, cwd=entry["directory"], text=True)
                self.read_lines(output, lines)
        return lines

    def read_lines(self, preprocessed: str, lines: Dict[str, Set[int]]) -> None:
        current, number = set(), 0
        for line in preprocessed.splitlines():
            marker = re.match(r'# (\d+) "(.*?)"', line)
            if marker:
                name = os.path.relpath(marker[2], self.tree)
                current, number = lines.setdefault(name, set()), int(marker[1]) - 1
            elif line.strip():
                current.add(number)
            number += 1

    def prepare(self) -> None:
        """Builds all that is needed, and sees and times it pass without a mutant."""
        self.log(f"{self.tree}: builds and tests what is not mutated")
        for target in ("l1l2_shared", "unit_tests", "allocation_tests", "loading_test"):
            self.require(self.make(target))
        self.link_black_box_tests()
        self.compile_program("conformance/conformance.c", "cc", "-std=gnu11", "-pthread")
        if self.has_bits():
            self.compile_program("bits/bits.cpp", "c++", "-std=c++17", "-pthread")
        self.instruction_sets = [isa for isa in INSTRUCTION_SETS if self.has(isa)]
        self.unmutated = self.library_digest()
        builds = [self.first_kernel_build(), self.shared_build(), self.tests_build()]
        isas = self.instruction_sets
        for stage in [*builds, *self.shared_tests(isas), *self.unit_tests(isas)]:
            start = time.monotonic()
            if self.run(stage.command, environment=stage.environment) != 0:
                raise SystemExit(f"without a mutant fails: {stage.name}: {shlex.join(stage.command)}")
            self.times[stage.name] = time.monotonic() - start
        for build in builds:  # up to date, they took no time
            self.times[build.name] = 60

    def link_black_box_tests(self) -> None:
        """Links those of the unit tests that use the C API alone with the shared library. They are the
        same for each mutant."""
        tests = self.build / "tests"
        words = shlex.split((tests / "CMakeFiles/unit_tests.dir/link.txt").read_text())
        words[words.index("-o") + 1] = "black_box_tests"
        library = self.build / "capi/libl1l2.so"
        internal = f"{self.tree}/src/"
        linked = [f"-Wl,-rpath,{library.parent}"]
        for word in words:
            depends = tests / f"{word}.d"
            if word.endswith(".o") and internal in depends.read_text():
                continue
            linked.append(str(library) if word.endswith("libl1l2.a") else word)
        self.require(linked[1:] + linked[:1], tests)

    def compile_program(self, source: str, compiler: str, *options: str) -> None:
        file = self.tree / "tests" / source
        self.require(
            [compiler, *options, "-O1", f"-I{self.tree}/include", str(file), f"-L{self.build}/capi"]
            + ["-ll1l2", f"-Wl,-rpath,{self.build}/capi", "-o", str(self.build / file.stem)]
        )

    def has_bits(self) -> bool:
        return all((self.tree / "tests/bits" / file).exists() for file in ("bits.cpp", "golden.txt"))

    def has(self, isa: str) -> bool:
        """Whether this CPU has an instruction set."""
        environment = {**os.environ, "L1L2_ISA": isa}
        command = [str(self.build / "conformance"), "isa"]
        return subprocess.check_output(command, env=environment, text=True).strip() == isa

    # Stages

    def make(self, target: str, folder: str = "") -> List[str]:
        return ["make", "-s", "-C", str(self.build / folder), target]

    def first_kernel_build(self) -> Stage:
        script = f"{shlex.join(self.make(FIRST_KERNEL_OBJECT, 'src'))} && cd capi && "
        script += "cmake -E cmake_link_script CMakeFiles/l1l2_shared.dir/link.txt"
        return Stage(f"build of {FIRST_KERNEL}", ["sh", "-c", script])

    def shared_build(self) -> Stage:
        return Stage("build", self.make("l1l2_shared"))

    def tests_build(self) -> Stage:
        return Stage("build of the tests", self.make("unit_tests"))

    def isas_of(self, file: str) -> List[str]:
        """The instruction sets that a change in a file can be seen in: that of a kernel's own file, each
        for what the kernels share, and the one that this CPU takes by itself for all else."""
        name = pathlib.PurePath(file).stem
        if not file.startswith("src/kernels/"):
            return self.instruction_sets[-1:]
        return [name] if name in self.instruction_sets else self.instruction_sets

    def vectors(self, isas: List[str]) -> Iterator[Stage]:
        file = self.tree / "tests/conformance/vectors.txt"
        for isa in isas:
            command = ["./conformance", "vectors", str(file)]
            yield Stage(f"vectors, {isa}", command, {"L1L2_ISA": isa})

    def bits(self, isas: List[str]) -> Iterator[Stage]:
        file = self.tree / "tests/bits/golden.txt"
        for isa in isas if self.has_bits() else ():
            yield Stage(f"bits, {isa}", ["./bits", str(file)], {"L1L2_ISA": isa})

    def shared_tests(self, isas: List[str]) -> Iterator[Stage]:
        yield from self.vectors(isas)
        yield Stage("allocation tests", ["tests/allocation_tests", "-a"])
        library = str(self.build / "capi/libl1l2.so")
        yield Stage("loading, rounds", ["tests/loading_test", "rounds", library])
        if self.instruction_sets[-1] in isas:
            yield Stage("black-box tests", ["tests/black_box_tests", "-a"])
        yield from self.bits(isas)

    def unit_tests(self, isas: List[str]) -> Iterator[Stage]:
        yield Stage("unit tests", ["tests/unit_tests", "~[locale]~[isa]", "-a"])
        for isa in isas:
            command = ["tests/unit_tests", "[isa],[bits]", "-a"]
            yield Stage(f"unit tests, {isa}", command, {"L1L2_ISA": isa})

    # A mutant

    def try_mutant(self, mutant: Mutant) -> Outcome:
        start = time.monotonic()
        file = self.tree / mutant.file
        if mutant.file != self.last_file:
            # What the mutants of another file have left in the objects.
            self.require(self.make("l1l2_shared"))
            if self.library_digest() != self.unmutated:
                raise SystemExit(f"{self.tree}: mutants have left something behind")
            self.last_file = mutant.file
        text = file.read_text()
        fate, by = "survived", ""
        try:
            file.write_text(mutant.apply(text))
            fate, by = self.fate_of(mutant)
        finally:
            file.write_text(text)
        return Outcome(fate, by, round(time.monotonic() - start, 1))

    def fate_of(self, mutant: Mutant):
        isas = self.isas_of(mutant.file)
        try:
            if KERNEL_HEADERS.fullmatch(mutant.file) and FIRST_KERNEL in isas:
                self.attempt(self.first_kernel_build(), Unbuilt)
                self.attempt_all(self.vectors([FIRST_KERNEL]))
            self.attempt(self.shared_build(), Unbuilt)
            if self.library_digest() == self.unmutated:
                return "identical", ""
            self.attempt_all(self.shared_tests(isas))
            self.attempt_all([self.tests_build(), *self.unit_tests(isas)])
        except Unbuilt as failure:
            if "signal" in str(failure):
                raise SystemExit(f"{mutant.file}:{mutant.line}: {mutant.change}: {failure}")
            return "not built", ""
        except Failure as failure:
            return "killed", str(failure)
        return "survived", ""

    def attempt(self, stage: Stage, exception=Failure) -> None:
        timeout = 5 * self.times[stage.name] + 10
        status = self.run(stage.command, timeout=timeout, environment=stage.environment)
        if status != 0:
            raise exception(stage.name + (f" (signal {-status})" if status < 0 else ""))

    def attempt_all(self, stages) -> None:
        for stage in stages:
            self.attempt(stage)

    def library_digest(self) -> bytes:
        return hashlib.sha256((self.build / "capi/libl1l2.so").read_bytes()).digest()
