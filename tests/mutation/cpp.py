"""A light tokenizer of C++: enough to find what can be changed in a file that clang-format has laid out."""

import re
from typing import List, NamedTuple, Set

TOKEN = re.compile(
    r"""
    (?P<preprocessor> ^[ \t]*\#(?:[^\n\\]|\\.)*)
  | (?P<comment> //[^\n]* | /\*.*?\*/)
  | (?P<string> (?:u8|[uUL])?R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)" | (?:u8|[uUL])?"(?:\\.|[^"\\\n])*")
  | (?P<character> '(?:\\.|[^'\\\n])+')
  | (?P<number> \.?\d(?:[eEpP][+-]|'?[\w.])*)
  | (?P<name> [A-Za-z_]\w*)
  | (?P<punctuator> <<=|>>=|\.\.\.|::|->|\+\+|--|&&|\|\||[-+*/%&|^<>=!]=|<<|>>|[^\s])
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)

OPENING, CLOSING = "([{", ")]}"


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class Source:
    """A file and its tokens, without comments and preprocessor lines."""

    def __init__(self, path: str, text: str):
        self.path = path
        self.text = text
        self.tokens: List[Token] = [
            Token(match.lastgroup, match.group(), match.start(), match.end())
            for match in TOKEN.finditer(text)
            if match.lastgroup not in ("preprocessor", "comment")
        ]
        self.left_alone = self._left_alone()

    def is_binary(self, i: int) -> bool:
        """Whether a token that may be binary, unary, a bracket or part of a type is binary: then there
        is white space on both sides of it."""
        token = self.tokens[i]
        return self.text[token.start - 1].isspace() and self.text[token.end].isspace()

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1

    def slice(self, first: int, last: int) -> str:
        """The text from token `first` up to, but without, token `last`, with no space at its end."""
        return self.text[self.tokens[first].start : self.tokens[last - 1].end]

    def closing(self, i: int) -> int:
        """The token that closes the bracket at i."""
        depth = 0
        for j in range(i, len(self.tokens)):
            depth += self.tokens[j].text in OPENING
            depth -= self.tokens[j].text in CLOSING
            if depth == 0:
                return j
        raise ValueError(f"{self.path}:{self.line_of(self.tokens[i].start)}: a bracket is not closed")

    def _left_alone(self) -> Set[int]:
        """Tokens of attributes, of assembly and of what the compiler alone checks."""
        result: Set[int] = set()
        for i, token in enumerate(self.tokens[:-1]):
            following = self.tokens[i + 1].text
            if token.text == "[" and following == "[":
                result.update(range(i, self.closing(i)))
            elif token.text in ("static_assert", "__asm__", "__attribute__"):
                while self.tokens[i].text != "(":
                    i += 1
                result.update(range(i, self.closing(i)))
        return result
