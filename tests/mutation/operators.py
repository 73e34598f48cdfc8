"""The changes that make mutants. They rely on the form that clang-format gives the code: white space on both
sides of a binary operator, and none inside the brackets of a template."""

import re
from typing import Iterator, List, NamedTuple

#: What is left alone: comments, strings, preprocessor lines, attributes, assembly and static_assert.
MASKED = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | R"(\w*)\(.*?\)\1" | "(?:\\.|[^"\\\n])*" | (?<!\w)'(?:\\.|[^'\\\n])+'
      | ^[ \t]*\#(?:[^\n\\]|\\.)* | \[\[.*?\]\] | (?:static_assert|__asm__|__attribute__|\basm)\b[^;]*;""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
#: A pattern, and what may stand in the place of its match.
BINARY = {
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "&&": ["||"], "||": ["&&"],
    "&": ["|"], "|": ["&"], "^": ["|"], "<<": [">>"], ">>": ["<<"],
    "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="], "&=": ["|="], "|=": ["&="], "<<=": [">>="], ">>=": ["<<="],
}  # fmt: skip
WORDS = {
    "true": "false", "false": "true", "++": "--", "--": "++", "std::min": "std::max", "std::max": "std::min",
    "_add_": "_sub_", "_sub_": "_add_", "_and_": "_or_", "_andnot_": "_and_", "_or_": "_and_", "_mul_": "_add_",
    "_unpackhi_": "_unpacklo_", "_unpacklo_": "_unpackhi_", "_cmplt_": "_cmpgt_", "_cmpgt_": "_cmplt_",
    "_cmpeq_": "_cmpgt_", "_srli_": "_slli_", "_slli_": "_srli_", "_srai_": "_srli_", "_max_": "_min_",
    "_fmadd_": "_fmsub_", "_NEQ_UQ": "_EQ_OQ",
}  # fmt: skip
OPERATOR = re.compile(r"(?<=\s)[-+*/%&|^<>=!]{1,3}(?=\s)")
WORD = re.compile("|".join(r"\b%s\b" % w if w[0].isalpha() else re.escape(w) for w in WORDS))
STATUS = re.compile(r"(?<!case )\bL1L2_(OK|ERROR_\w+)\b")
NUMBER = re.compile(r"(?<![\w.])(0[xX][\dA-Fa-f']+|\d[\d']*)(?=[uUlL]*(?![\w.]))|(?<![\w.])\d+\.\d+(?![\w.])")
DROPPED = re.compile(r"(?<=[(\s])[!~](?=[\w(])")
CONDITION = re.compile(r"^\s*(?:\} else )?(?:if|while) \(([^;]*)\) \{$", re.MULTILINE)
#: A call or an assignment on a line of its own.
STATEMENT = re.compile(
    r"^(?!\s*(?:return|throw|using|typedef|delete|const|static|auto|else|case|default)\b)"
    r"\s+(?:\+\+|--|\*)?[\w:.\[\]>-]+(?:<[^;=]*>)?(?: [-+*/%&|^<>]*= |\()[^;\n]*;$|^\s+(?:\+\+|--)\w+;$",
    re.MULTILINE,
)


class Mutant(NamedTuple):
    file: str
    line: int
    code: str  #: the line, without the space around it
    change: str  #: as the list shows it
    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


def other_numbers(text: str) -> List[str]:
    if "." in text:
        return [repr(float(text) * 1.5 if float(text) else 1.0)]
    digits = text.replace("'", "")
    value = int(digits, 0) if digits[:2] in ("0x", "0X") or digits == "0" else int(digits)
    form = f"0x{{:0{len(digits) - 2}X}}" if digits[:2] in ("0x", "0X") else "{}"
    return [form.format(n) for n in (value - 1, value + 1) if n >= 0]


def others(masked: str) -> Iterator[tuple]:
    """Each place that can be changed, with what it may become and a name for that."""
    for match in OPERATOR.finditer(masked):
        for new in BINARY.get(match[0], []):
            yield match.span(), new, f"{match[0]} -> {new}"
    for match in WORD.finditer(masked):
        yield match.span(), WORDS[match[0]], f"{match[0]} -> {WORDS[match[0]]}"
    for match in STATUS.finditer(masked):
        new = "L1L2_ERROR_OUT_OF_MEMORY" if match[1] == "OK" else "L1L2_OK"
        yield match.span(), new, f"{match[0]} -> {new}"
    for match in NUMBER.finditer(masked):
        for new in other_numbers(match[0]):
            yield match.span(), new, f"{match[0]} -> {new}"
    for match in DROPPED.finditer(masked):
        yield match.span(), "", f"{match[0]} dropped"
    for match in CONDITION.finditer(masked):
        if not re.search(r"[<>=!|]|&&", match[1]):
            yield match.span(1), f"!({match[1]})", "condition negated"
    for match in STATEMENT.finditer(masked):
        # Not the end of a statement that began on a line before.
        if masked[: match.start()].rstrip()[-1:] in ";{}:" and match[0].count("(") == match[0].count(")"):
            yield match.span(), "", "deleted"


def mutants(file: str, text: str) -> List[Mutant]:
    masked = MASKED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    lines = text.split("\n")
    result = []
    for (start, end), new, change in sorted(others(masked)):
        if change == "deleted":
            start += len(masked[start:end]) - len(masked[start:end].lstrip())
        line = text.count("\n", 0, start)
        result.append(Mutant(file, line + 1, lines[line].strip(), change, start, end, new))
    return result
