"""The changes that make mutants: each operator looks at one token and says by what it may be replaced."""

import re
from typing import Dict, Iterator, List, NamedTuple, Tuple

from cpp import CLOSING, OPENING, Source

COMPARISONS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
}
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"}
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "++": "--", "--": "++"}
LOGICAL = {"&&": "||", "||": "&&"}
BITS = {"&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<"}
BIT_ASSIGNMENTS = {"&=": "|=", "|=": "&=", "<<=": ">>=", ">>=": "<<="}
UNARY = {"!": "logical", "~": "bits", "-": "arithmetic"}
CALLS = {"min": "max", "max": "min", "all_of": "any_of", "any_of": "all_of"}
INTRINSICS = (
    ("_add_", "_sub_"),
    ("_sub_", "_add_"),
    ("_and_", "_andnot_"),
    ("_andnot_", "_and_"),
    ("_or_", "_and_"),
    ("_mul_", "_add_"),
    ("_unpackhi_", "_unpacklo_"),
    ("_unpacklo_", "_unpackhi_"),
    ("_cmplt_", "_cmpgt_"),
    ("_cmpgt_", "_cmplt_"),
    ("_cmpeq_", "_cmpgt_"),
    ("_cmpunord_", "_cmpord_"),
    ("_srli_", "_slli_"),
    ("_slli_", "_srli_"),
    ("_srai_", "_srli_"),
    ("_max_", "_min_"),
    ("_fmadd_", "_fmsub_"),
    ("_NEQ_UQ", "_EQ_OQ"),
)
#: What may stand before a unary minus.
BEFORE_OPERAND = {"(", "[", "{", ",", "?", ":", "return", "=", "*", "/", "<", ">", "=="}
#: A statement that begins with one of them is no expression, or one that is not deleted.
NO_EXPRESSION = set(
    """alignas asm __asm__ auto break case const constexpr continue default do else enum extern for
    friend goto if inline namespace private protected public return static static_assert struct
    switch template throw try typedef typename using void volatile while""".split()
)
DECLARATION = re.compile(r"[\w:]+(<[^;=]*>)?[&*]?\s+[&*]*\w+\s*([=({\[]|$)")
EFFECT = re.compile(r"\(|\+\+|--|(?<![=<>!])=(?!=)|\bdelete\b")


class Change(NamedTuple):
    operator: str
    start: int
    end: int
    new: str
    label: str  #: names the change beside the line that it is on


class Mutant(NamedTuple):
    file: str
    code: str  #: the line, without the space around it
    nth: int  #: which of the lines of the file that read so
    change: str
    operator: str
    line: int
    start: int
    end: int
    new: str

    @property
    def identity(self) -> Tuple[str, str, int, str]:
        """What finds it again in another version of the file."""
        return (self.file, self.code, self.nth, self.change)

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


def enumerators(sources: List[Source]) -> Dict[str, List[str]]:
    """The names in each `enum class`."""
    found = {}
    for source in sources:
        for name, body in re.findall(r"enum class (\w+)[^{;]*\{([^}]*)\}", source.text):
            body = re.sub(r"//.*", "", body)
            found[name] = re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip())
    return found


def other_numbers(text: str) -> List[str]:
    """Literals beside a literal."""
    text = text.replace("'", "")
    if re.fullmatch(r"0[xX][\dA-Fa-f]+[uUlL]*", text):
        digits, suffix = re.fullmatch(r"0[xX]([\dA-Fa-f]+)(\w*)", text).groups()
        value = int(digits, 16)
        return [f"0x{n:0{len(digits)}X}{suffix}" for n in (value - 1, value + 1) if n >= 0]
    hexadecimal = re.fullmatch(r"(0[xX].*[pP])([+-]?\d+)(\w*)", text)
    if hexadecimal:
        return [f"{hexadecimal[1]}{int(hexadecimal[2]) + 1}{hexadecimal[3]}"]
    if re.fullmatch(r"\d+[uUlL]*", text):
        digits, suffix = re.fullmatch(r"(\d+)(\w*)", text).groups()
        return [f"{n}{suffix}" for n in (int(digits) - 1, int(digits) + 1) if n >= 0]
    number, suffix = re.fullmatch(r"(.*?)([fFlL]?)", text).groups()
    value = float(number)
    return [f"{value * 1.5 if value != 0 else 1.0!r}{suffix}"]


def of_punctuators(source: Source, i: int) -> Iterator[Change]:
    token = source.tokens[i]

    def replaced(operator: str, *others: str) -> Iterator[Change]:
        for other in others:
            yield Change(operator, token.start, token.end, other, f"{token.text} -> {other}")

    if token.text in ASSIGNMENTS:
        yield from replaced("arithmetic", ASSIGNMENTS[token.text])
    elif token.text in BIT_ASSIGNMENTS:
        yield from replaced("bits", BIT_ASSIGNMENTS[token.text])
    elif source.is_binary(i):
        yield from replaced("comparison", *COMPARISONS.get(token.text, ()))
        for operator, others in (("arithmetic", ARITHMETIC), ("logical", LOGICAL), ("bits", BITS)):
            if token.text in others:
                yield from replaced(operator, others[token.text])
    elif token.text in UNARY and (token.text != "-" or source.tokens[i - 1].text in BEFORE_OPERAND):
        yield Change(UNARY[token.text], token.start, token.end, "", f"{token.text} dropped")


def of_literals(source: Source, i: int) -> Iterator[Change]:
    token = source.tokens[i]
    others = []
    if token.kind == "number":
        others = other_numbers(token.text)
    elif token.kind == "character":
        # The next one in ASCII; of \0 and its like any other.
        others = [f"'{chr(ord(token.text[1]) + 1)}'"] if len(token.text) == 3 else ["'x'"]
    elif token.text in ("true", "false"):
        others = ["false" if token.text == "true" else "true"]
    for other in others:
        yield Change("constant", token.start, token.end, other, f"{token.text} -> {other}")


def of_names(source: Source, i: int, enums: Dict[str, List[str]]) -> Iterator[Change]:
    token = source.tokens[i]
    before = [source.tokens[j].text if j >= 0 else "" for j in (i - 3, i - 2, i - 1)]

    def replaced(operator: str, other: str) -> Change:
        return Change(operator, token.start, token.end, other, f"{token.text} -> {other}")

    if token.text in CALLS and before[1:] == ["std", "::"]:
        yield replaced("bound", CALLS[token.text])
    elif token.text == "L1L2_OK":
        yield replaced("status", "L1L2_ERROR_OUT_OF_MEMORY")
    elif token.text.startswith("L1L2_ERROR_") and before[2] != "case":
        yield replaced("status", "L1L2_OK")
    elif before[2] == "::" and token.text in enums.get(before[1], ()) and before[0] != "case":
        names = enums[before[1]]
        yield replaced("status", names[(names.index(token.text) + 1) % len(names)])
    elif token.text.startswith(("_mm", "_CMP_")):
        for part, other in INTRINSICS:
            if part in token.text:
                yield replaced("intrinsic", token.text.replace(part, other))
                break


def of_ternaries(source: Source, i: int) -> Iterator[Change]:
    """a ? b : c  becomes  a ? c : b."""
    if source.tokens[i].text != "?":
        return
    depth, nested, colon = 0, 0, 0
    for j in range(i + 1, len(source.tokens)):
        text = source.tokens[j].text
        if depth == 0 and (text in CLOSING or text in ",;"):
            break
        depth += (text in OPENING) - (text in CLOSING)
        if depth == 0 and not colon:
            nested += text == "?"
            nested -= text == ":"
            if nested < 0:
                colon = j
    if not colon:
        return
    first, second = source.slice(i + 1, colon), source.slice(colon + 1, j)
    between = source.text[source.tokens[colon - 1].end : source.tokens[colon + 1].start]
    start, end = source.tokens[i + 1].start, source.tokens[j - 1].end
    yield Change("ternary", start, end, second + between + first, "branches swapped")


def of_conditions(source: Source, i: int) -> Iterator[Change]:
    """Negates a condition in which no other operator has anything to change."""
    if source.tokens[i].text not in ("if", "while") or source.tokens[i + 1].text != "(":
        return
    last = source.closing(i + 1)
    inner = source.tokens[i + 2 : last]
    if not any(t.text in COMPARISONS or t.text in LOGICAL or t.text in "!;" for t in inner):
        start, end = inner[0].start, inner[-1].end
        yield Change("condition", start, end, f"!({source.text[start:end]})", "condition negated")


def is_code(source: Source, first: int, brace: int, parent: bool) -> bool:
    """Whether an opening brace begins statements, given the tokens since the last statement."""
    head = [token.text for token in source.tokens[first:brace]]
    if head and head[0] in ("class", "struct", "enum", "namespace"):
        return False
    return parent or ")" in head


def is_expression(source: Source, first: int, last: int) -> bool:
    if first >= last or first in source.left_alone:
        return False
    text = source.slice(first, last)
    head = source.tokens[first]
    begins = head.text in ("*", "++", "--") or (head.kind == "name" and head.text not in NO_EXPRESSION)
    is_declaration = DECLARATION.match(text) and head.text != "delete"
    return bool(begins and EFFECT.search(text) and not is_declaration)


def deletions(source: Source) -> Iterator[Change]:
    """Statements that are a call or an assignment."""
    scopes, first = [(False, 0)], 0
    depth = 0
    for i, token in enumerate(source.tokens):
        depth += token.text in "(["
        depth -= token.text in ")]"
        if token.text == "{":
            scopes.append((is_code(source, first, i, scopes[-1][0]), depth))
            depth, first = 0, i + 1
        elif token.text == "}":
            depth, first = scopes.pop()[1], i + 1
        elif token.text == ";" and depth == 0:
            if scopes[-1][0] and is_expression(source, first, i):
                start, end = source.tokens[first].start, source.tokens[i - 1].end
                lines = source.text.count("\n", start, end)
                yield Change("deletion", start, end, "\n" * lines, "deleted")
            first = i + 1


def changes(source: Source, enums: Dict[str, List[str]]) -> Iterator[Change]:
    for i, token in enumerate(source.tokens):
        if i in source.left_alone:
            continue
        if token.kind == "punctuator":
            yield from of_punctuators(source, i)
            yield from of_ternaries(source, i)
        else:
            yield from of_literals(source, i)
        if token.kind == "name":
            yield from of_names(source, i, enums)
            yield from of_conditions(source, i)
    yield from deletions(source)


def mutants(source: Source, enums: Dict[str, List[str]]) -> Iterator[Mutant]:
    """All of a file, in the order of its lines."""
    lines = [line.strip() for line in source.text.split("\n")]
    labels: Dict[Tuple[int, str], int] = {}
    for change in sorted(changes(source, enums), key=lambda c: (c.start, c.end, c.new)):
        line = source.line_of(change.start)
        code = lines[line - 1]
        labels[line, change.label] = labels.get((line, change.label), 0) + 1
        count = labels[line, change.label]
        label = change.label + (f" ({count})" if count > 1 else "")
        nth = lines[:line].count(code)
        yield Mutant(source.path, code, nth, label, change.operator, line, *change[1:4])
