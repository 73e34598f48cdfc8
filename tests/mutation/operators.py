"""The changes that make mutants. They rely on the form that clang-format and other formatters give the code:
white space on both sides of a binary operator, and none inside the brackets of a template."""

import pathlib
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Pattern

#: A pattern, and what may stand in the place of its match.
BINARY = {
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
    "===": ["!=="], "!==": ["==="], "//": ["*"],
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "&&": ["||"], "||": ["&&"],
    "&": ["|"], "|": ["&"], "^": ["|"], "<<": [">>"], ">>": ["<<"],
    "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="], "&=": ["|="], "|=": ["&="], "<<=": [">>="], ">>=": ["<<="],
}  # fmt: skip
WORDS = {"true": "false", "false": "true", "++": "--", "--": "++"}
CPP_WORDS = {
    **WORDS, "std::min": "std::max", "std::max": "std::min",
    "_add_": "_sub_", "_sub_": "_add_", "_and_": "_or_", "_andnot_": "_and_", "_or_": "_and_", "_mul_": "_add_",
    "_unpackhi_": "_unpacklo_", "_unpacklo_": "_unpackhi_", "_cmplt_": "_cmpgt_", "_cmpgt_": "_cmplt_",
    "_cmpeq_": "_cmpgt_", "_srli_": "_slli_", "_slli_": "_srli_", "_srai_": "_srli_", "_max_": "_min_",
    "_fmadd_": "_fmsub_", "_NEQ_UQ": "_EQ_OQ",
}  # fmt: skip
PYTHON_WORDS = {
    " and ": " or ", " or ": " and ", " is not ": " is ", " is ": " is not ", " not in ": " in ", "if not ": "if ",
    "True": "False", "False": "True",
}  # fmt: skip
OPERATOR = re.compile(r"(?<=\s)[-+*/%&|^<>=!]{1,3}(?=\s)")
STATUS = re.compile(r"(?<!case )\bL1L2_(OK|ERROR_\w+)\b")
NUMBER = re.compile(r"(?<![\w.])(0[xX][\dA-Fa-f']+|\d[\d']*)(?=(?:[uUlL]*|_[iuf]\w+)(?!\w|\.(?!\.)))|(?<![\w.])\d+\.\d+(?![\w.])")
DROPPED = re.compile(r"(?<=[(\s])[!~](?=[\w(])")
FLAGS = re.MULTILINE | re.DOTALL | re.VERBOSE
COMMENT = r"//[^\n]* | /\*.*?\*/"
STRING = r'"(?:\\.|[^"\\\n])*"'
CHARACTERS = r"(?<!\w)'(?:\\.|[^'\\\n])+'"
PREPROCESSOR = r"^[ \t]*\#(?:[^\n\\]|\\.)*"
CALL = r"[\w:.#!\[\]>-]+(?:<[^;=]*>)?(?: [-+*/%&|^<>]*= |\()[^;\n]*"
#: How a line begins that is no call and no assignment, though it looks like one.
OTHER = r"(?!\s*(?:return|throw|raise|using|typedef|delete|const|static|auto|else|elif|case|default|if|for|function|pub)\b)"


class Form(NamedTuple):
    """What a language writes in a way of its own."""

    masked: Pattern[str]  #: what is left alone
    condition: Pattern[str]
    statement: Pattern[str]  #: a call or an assignment on a line of its own
    negated: str = "!({})"
    deleted: str = ""  #: what stands for a statement
    ends_with_line: bool = False  #: and not with a semicolon
    words: Dict[str, str] = WORDS


def form(masked: str, condition: str, statement: str, **others: Any) -> Form:
    patterns = re.compile(masked, FLAGS), re.compile(condition, re.MULTILINE), re.compile(statement, re.MULTILINE)
    return Form(*patterns, **others)


C = form(
    rf"""{COMMENT} | R"(\w*)\(.*?\)\1" | {STRING} | {CHARACTERS} | {PREPROCESSOR} | \[\[.*?\]\]
         | (?:static_assert|__asm__|__attribute__|\basm)\b[^;]*;""",
    r"^\s*(?:\} else )?(?:if|while) \(([^;]*)\) \{$",
    rf"^{OTHER}\s+(?:\+\+|--|\*)?{CALL};$|^\s+(?:\+\+|--)\w+;$",
)
CPP = C._replace(words=CPP_WORDS)
FORMS = {
    ".c": C,
    ".h": C,
    # A quote also begins a lifetime.
    ".rs": form(
        rf"{COMMENT} | {STRING} | '(?:\\[^']+|[^'\\])' | {PREPROCESSOR}",
        r"^\s*(?:\} else )?(?:if|while) ([^;{\n]*) \{$",
        rf"^{OTHER}\s+\*?{CALL}; *$",
    ),
    # The C code of cgo is a comment.
    ".go": form(
        rf"`[^`]*` | //[^\n]* | /\*(?!\n\#cgo).*?\*/ | {STRING} | {CHARACTERS} | {PREPROCESSOR}",
        r"^\s*(?:\} else )?(?:if|for) (?:[^;{\n]*; )?([^;{\n]*) \{$",
        rf"^{OTHER}\s+(?:defer )?\*?{CALL}(?<=[\w)\]}}]);? *$",
        ends_with_line=True,
    ),
    ".js": form(
        rf"`(?:\\.|[^`\\])*` | {COMMENT} | {STRING} | {CHARACTERS} | (?<=\()/(?:\\.|[^/\n])+/",
        r"^\s*(?:\} else )?(?:if|while) \(((?:[^()\n]|\([^()\n]*\))*)\)",
        rf"^{OTHER}\s+(?:await )?{CALL}; *$",
    ),
    # Alternatives of types are written as those of numbers.
    ".py": form(
        rf"""\"{{3}}.*?\"{{3}} | \#[^\n]* | {STRING} | {CHARACTERS} | \|\ (?=[a-zA-Z"]+[],\ :=)[])""",
        r"^\s*(?:if|elif|while) ([^:\n]*):$",
        rf"^{OTHER}\s+{CALL}(?<=[\w)\]}}]) *$",
        negated="not ({})",
        deleted="pass",
        ends_with_line=True,
        words=PYTHON_WORDS,
    ),
    # A quote behind a name transposes it.
    ".jl": form(
        r"""\"{3}.*?\"{3} | \#=.*?=\# | \#[^\n]* | "(?:\\.|[^"\\])*" | (?<![\w\])}'])'(?:\\.|[^'\\])'""",
        r"^\s*(?:if|elseif|while) (.*)$",
        rf"^{OTHER}\s+{CALL}(?<=[\w)\]}}]) *$",
        ends_with_line=True,
    ),
}


class Mutant(NamedTuple):
    file: str
    line: int
    code: str  #: the line, without the space around it
    column: int  #: in code
    preceding: str  #: the two lines before, likewise, with " ↵ " between them
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


def others(form: Form, masked: str) -> Iterator[tuple]:
    """Each place that can be changed, with what it may become and a name for that."""
    for match in OPERATOR.finditer(masked):
        for new in BINARY.get(match[0], []):
            yield match.span(), new, f"{match[0]} -> {new}"
    words = "|".join(rf"\b{w}\b" if w[0].isalpha() else re.escape(w) for w in form.words)
    for match in re.finditer(words, masked):
        yield match.span(), form.words[match[0]], f"{match[0]} -> {form.words[match[0]]}"
    for match in STATUS.finditer(masked):
        new = "L1L2_ERROR_OUT_OF_MEMORY" if match[1] == "OK" else "L1L2_OK"
        yield match.span(), new, f"{match[0]} -> {new}"
    for match in NUMBER.finditer(masked):
        for new in other_numbers(match[0]):
            yield match.span(), new, f"{match[0]} -> {new}"
    for match in DROPPED.finditer(masked):
        yield match.span(), "", f"{match[0]} dropped"
    for match in form.condition.finditer(masked):
        if not re.search(r"[<>=!|]|&&|\b(?:and|or|not|is)\b", match[1]):
            yield match.span(1), form.negated.format(match[1]), "condition negated"
    for match in form.statement.finditer(masked):
        # Not the end of a statement that began on a line before.
        before = masked[: match.start()].rstrip()[-1:]
        begins = before not in "([,.=+-*/%&|^<>?" if form.ends_with_line else before in ";{}:"
        if begins and match[0].count("(") == match[0].count(")"):
            yield match.span(), form.deleted, "deleted"


def mutants(file: str, text: str) -> List[Mutant]:
    form = FORMS.get(pathlib.PurePath(file).suffix, CPP)
    masked = form.masked.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    lines = text.split("\n")
    result = []
    for (start, end), new, change in sorted(others(form, masked)):
        if change == "deleted":
            start += len(masked[start:end]) - len(masked[start:end].lstrip())
        line = text.count("\n", 0, start)
        code = lines[line].strip()
        column = start - text.rfind("\n", 0, start) - 1 - lines[line].index(code)
        preceding = " ↵ ".join(lines[n].strip() for n in (line - 2, line - 1))
        result.append(Mutant(file, line + 1, code, column, preceding, change, start, end, new))
    return result
