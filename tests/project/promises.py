#!/usr/bin/env python3
"""Whether the tests that docs/testing.md names are there.

    tests/project/promises.py [BUILD]

A table with the head "| promise | test |" has in its second column files, each a link, and after a
colon tests, separated by "; ": the names of test cases of that file, or in backticks names of ctest's,
of which braces stand for several as in a shell: `isa_{sse2,avx2}`. Each test case must be in its file,
which must be compiled by a CMakeLists.txt, and each of the others be made by one. With a build folder,
ctest must know them there, too, but those that a CMakeLists.txt makes under a condition. Every link of
the page to a file must lead to one. Exits with 1 and says what is missing.
"""
import itertools
import pathlib
import re
import subprocess
import sys
from typing import Dict, Iterator, List, Set, Tuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "testing.md"
HEAD = ["promise", "test"]
STRING = r'"(?:[^"\\\n]|\\.)*"'
CASE = re.compile(r"^(?:TEMPLATE_)?TEST_CASE\(\s*((?:%s\s*)+)" % STRING, re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
Argument = Tuple[str, bool]  #: of a command of CMake's, and whether it is quoted
Command = Tuple[str, List[Argument]]


def cases_of(file: pathlib.Path) -> Set[str]:
    """The names of a file's test cases."""
    cases = set()
    for literals in CASE.findall(file.read_text(encoding="utf-8")):
        name = "".join(literal[1:-1] for literal in re.findall(STRING, literals))
        cases.add(re.sub(r"\\(.)", r"\1", name))
    return cases


class CMake:
    """What the CMakeLists.txt of the tests add, as far as sets, lists and loops say it."""

    ARGUMENT = re.compile(r'#[^\n]*|"((?:[^"\\]|\\.)*)"|([^\s()"#]+)|([()])')

    def __init__(self, folder: pathlib.Path):
        self.tests: Dict[str, bool] = {}  #: by their names, whether under a condition
        self.sources: Set[pathlib.Path] = set()  #: what looks like one
        self.values: Dict[str, List[str]] = {}  #: those of the index reach the folders
        for file in sorted(folder.glob("**/CMakeLists.txt")):
            self.folder = file.parent
            self.run(list(self.commands(file.read_text(encoding="utf-8"))), 0)

    def commands(self, text: str) -> Iterator[Command]:
        name, depth = "", 0
        arguments: List[Argument] = []
        for match in self.ARGUMENT.finditer(text):
            quoted, word, parenthesis = match.groups()
            if parenthesis == "(":
                depth += 1
            elif parenthesis == ")":
                depth -= 1
                if depth == 0:
                    yield name.lower(), arguments
                    arguments = []
            elif depth == 0:
                name = word or name
            elif quoted is not None:
                arguments.append((re.sub(r"\\(.)", r"\1", quoted), True))
            elif word is not None:
                arguments.append((word, False))

    def expand(self, argument: Argument) -> List[str]:
        text = re.sub(r"\$\{(\w+)\}", lambda m: ";".join(self.values.get(m.group(1), [])), argument[0])
        return [text] if argument[1] else [part for part in text.split(";") if part]

    def run(self, commands: List[Command], conditions: int) -> None:
        at = 0
        while at < len(commands):
            name, quotable = commands[at]
            at += 1
            if name == "foreach":
                end = self.end_of_loop(commands, at)
                variable, *items = [word for each in quotable for word in self.expand(each)]
                if items[:2] == ["IN", "LISTS"]:
                    items = [item for each in items[2:] for item in self.values.get(each, [])]
                for item in items:
                    self.values[variable] = [item]
                    self.run(commands[at:end], conditions)
                at = end + 1
                continue
            conditions += {"if": 1, "endif": -1}.get(name, 0)
            arguments = [word for each in quotable for word in self.expand(each)]
            if name == "set" and arguments:
                self.values[arguments[0]] = arguments[1:]
            elif name == "file" and arguments[:1] == ["STRINGS"]:
                self.values[arguments[2]] = (self.folder / arguments[1]).read_text().split()
            elif name == "add_test" and arguments[:1] == ["NAME"]:
                self.tests[arguments[1]] = conditions > 0
            elif name in ("add_executable", "add_library", "target_sources"):
                self.sources |= {(self.folder / word).resolve() for word in arguments}

    @staticmethod
    def end_of_loop(commands: List[Command], at: int) -> int:
        depth = 1
        while depth > 0:
            depth += {"foreach": 1, "endforeach": -1}.get(commands[at][0], 0)
            at += 1
        return at - 1


def names_of(pattern: str) -> Iterator[str]:
    """The names that a pattern with braces stands for."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    return map("".join, itertools.product(*choices))


def rows_of(page: str) -> Iterator[Tuple[str, str]]:
    """Promises and their tests."""
    inside = False
    for line in page.splitlines():
        cells = [re.sub(r"\\\|", "|", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        inside = cells == HEAD or (inside and line.startswith("|"))
        if inside and cells != HEAD and set("".join(cells)) != {"-"}:
            yield cells[0], cells[1] if len(cells) == 2 else ""


def entries_of(tests: str) -> Iterator[Tuple[str, List[str]]]:
    """The files of a row, each with its tests."""
    links = list(LINK.finditer(tests))
    for link, following in zip(links, links[1:] + [None]):
        rest = tests[link.end() : following.start() if following else None].strip(" :.")
        yield link.group(1), [name.strip() for name in rest.split(";")] if rest else []


def ctest_names(build: str) -> Set[str]:
    listing = subprocess.run(["ctest", "--test-dir", build, "-N"], check=True, stdout=subprocess.PIPE)
    return set(re.findall(r"^ *Test *#\d+: (.*)$", listing.stdout.decode(), re.MULTILINE))


def missing(build: str) -> Iterator[str]:
    """What is not there."""
    page = PAGE.read_text(encoding="utf-8")
    for link in sorted(set(LINK.findall(page))):
        if "://" not in link and link[0] != "#" and not (PAGE.parent / link.split("#")[0]).exists():
            yield f"there is no {link}"
    rows = list(rows_of(page))
    if not rows:
        yield "there is no promise"
    made = CMake(ROOT / "tests")
    known = ctest_names(build) if build else set()
    for promise, tests in rows:
        entries = list(entries_of(tests))
        if not promise or not entries:
            yield f"there is no test of: {promise}"
        for link, names in entries:
            file = (PAGE.parent / link).resolve()
            for name in names:
                if re.fullmatch(r"`[^`]+`", name):
                    for each in names_of(name[1:-1]):
                        if each not in made.tests:
                            yield f"ctest has no test {each}"
                        elif build and not made.tests[each] and each not in known:
                            yield f"ctest has no test {each} in {build}"
                elif not file.is_file() or name not in cases_of(file):
                    yield f"{file.name} has no test case: {name}"
                elif file not in made.sources:
                    yield f"no CMakeLists.txt compiles {file.name}"


def main() -> int:
    if len(sys.argv) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    mistakes = list(dict.fromkeys(missing(sys.argv[1] if len(sys.argv) == 2 else "")))
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    if not mistakes:
        print(f"{len(list(rows_of(PAGE.read_text(encoding='utf-8'))))} promises, whose tests are there")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
