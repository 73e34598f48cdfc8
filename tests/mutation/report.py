"""What came out of the mutants: results that are kept, explanations that are known, the summary."""

import collections
import json
import pathlib
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from operators import Mutant
from workers import Outcome

PASSING_SCORE = 0.95


class Results:
    """A line of JSON for each mutant that was tried, written as soon as it was."""

    def __init__(self, path: pathlib.Path, resume: bool):
        self.path = path
        self.outcomes: Dict[Tuple, Outcome] = {}
        if resume and path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                identity = tuple(entry[key] for key in ("file", "code", "nth", "change"))
                self.outcomes[identity] = Outcome(entry["fate"], entry["by"], entry["seconds"])
        else:
            path.write_text("")

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        self.outcomes[mutant.identity] = outcome
        names = ("file", "code", "nth", "change")
        entry = {**dict(zip(names, mutant.identity)), "line": mutant.line, **outcome._asdict()}
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def of(self, mutant: Mutant) -> Optional[Outcome]:
        return self.outcomes.get(mutant.identity)


class Explanation(NamedTuple):
    file: str
    code: str
    nth: Optional[int]  #: None for every line that reads so
    changes: List[str]  #: or * for all
    why: str

    def covers(self, mutant: Mutant) -> bool:
        same_line = self.file == mutant.file and self.code == mutant.code
        return (
            same_line
            and self.nth in (None, mutant.nth)
            and ("*" in self.changes or mutant.change in self.changes)
        )


def read_explanations(path: pathlib.Path) -> List[Explanation]:
    """Paragraphs of: the file, with #N after it if the N-th line is meant of those that read the same;
    the line; changes, one a line, or *; and, after a colon, why no test can tell."""
    explanations = []
    text = path.read_text() if path.exists() else ""
    for paragraph in text.split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines() if line[0] != "#"]
        if not lines:
            continue
        colon = next((i for i in range(3, len(lines)) if lines[i].startswith(": ")), 0)
        if colon == 0:
            raise SystemExit(f"{path}: not a file, a line, changes and a reason: {lines}")
        file, _, nth = lines[0].partition(" #")
        why = " ".join(lines[colon:])[2:]
        explanations.append(
            Explanation(file, lines[1], int(nth) if nth else None, lines[2:colon], why)
        )
    return explanations


def explanation_of(mutant: Mutant, explanations: Iterable[Explanation]) -> Optional[str]:
    return next((e.why for e in explanations if e.covers(mutant)), None)


def stale(explanations: List[Explanation], mutants: List[Mutant]) -> List[Explanation]:
    """Those that speak of nothing that there is."""
    lines = collections.defaultdict(list)
    for mutant in mutants:
        lines[mutant.file, mutant.code].append(mutant)
    return [e for e in explanations if not any(map(e.covers, lines[e.file, e.code]))]


class Count:
    def __init__(self):
        self.fates: collections.Counter = collections.Counter()

    def add(self, fate: str) -> None:
        self.fates[fate] += 1

    @property
    def score(self) -> float:
        killed, survived = self.fates["killed"], self.fates["survived"]
        return killed / (killed + survived) if killed + survived else 1.0

    def row(self, name: str) -> str:
        f = self.fates
        built = f["killed"] + f["survived"] + f["explained"]
        numbers = [built, f["killed"], f["survived"], f["explained"], f["not built"], f["identical"]]
        return f"{name:34}" + "".join(f"{n:>10}" for n in numbers) + f"{self.score:>9.1%}"


HEAD = f"{'':34}" + "".join(
    f"{title:>10}" for title in ("built", "killed", "survived", "explained", "not built", "same code")
) + f"{'score':>9}"


def difference(mutant: Mutant, text: str) -> str:
    before, after = text.splitlines(), mutant.apply(text).splitlines()
    lines = [f"{mutant.file}:{mutant.line}: {mutant.change}"]
    for old, new in zip(before, after):
        if old != new:
            lines += [f"  - {old.strip()}", f"  + {new.strip()}"]
    return "\n".join(lines)


def summarize(
    tried: List[Tuple[Mutant, Outcome]], explained: List[Mutant], texts: Dict[str, str]
) -> bool:
    """Prints it; whether the score is good enough."""
    total, files, operators = Count(), collections.defaultdict(Count), collections.defaultdict(Count)
    fates = [(mutant, outcome.fate) for mutant, outcome in tried]
    # Of the explained ones that were tried all the same, one that was killed is no longer explained.
    known = {mutant.identity for mutant in explained}
    fates = [(m, "explained" if f == "survived" and m.identity in known else f) for m, f in fates]
    seen = {mutant.identity for mutant, _ in fates}
    fates += [(mutant, "explained") for mutant in explained if mutant.identity not in seen]
    for mutant, fate in fates:
        for count in (total, files[mutant.file], operators[mutant.operator]):
            count.add(fate)
    for mutant, fate in fates:
        if fate == "survived":
            print(difference(mutant, texts[mutant.file]))
        if fate == "killed" and mutant.identity in known:
            print(f"{mutant.file}:{mutant.line}: {mutant.change}: explained, and yet killed")
    for counts in (files, operators):
        print("\n" + HEAD)
        for name in sorted(counts):
            print(counts[name].row(name))
    print("\n" + HEAD + "\n" + total.row("all"))
    return total.score >= PASSING_SCORE
