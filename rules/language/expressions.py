"""Expressions as text (S6.1): a scan that knows every allowed sign, then Python's own parser.

The scan refuses whatever is no part of the language at its exact place, so that the parser only ever sees a
small subset of Python. Names and kinds are resolved in `rules.language.kinds`.
"""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import dataclass

from rules.language.findings import Code

#: Longer conditions are better split into derived metrics; also a bound on the work an expression can cause.
LENGTH_MAX = 4_000
#: Nesting of an expression's tree, far from the interpreter's limit on recursion.
DEPTH_MAX = 100
#: No number in range needs more characters, even with a fraction.
NUMERAL_LENGTH_MAX = 40

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>(?:[0-9]|\.[0-9])[0-9A-Za-z_.]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<sign>==|!=|<=(?!>)|>=|<(?!>)|>|[-+*/()\[\],.])
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_OWN_WORDS = frozenset({"and", "or", "not", "in"})
_SMALL_WORDS = frozenset({*_OWN_WORDS, "true", "false", "missing", "present", "min", "max"})
_FOREIGN_WORDS = frozenset(keyword.kwlist) - _OWN_WORDS
#: Signs of other languages, longest first, and what to write here.
_HINTS = (
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("<>", "write `!=`"),
    ("=>", "write `>=`"),
    ("=", "compare with `==`"),
    ("!", "write `not`"),
    ("&", "write `and`"),
    ("|", "write `or`"),
    ("%", "write a share as a decimal, such as `0.2`"),
    ("#", "write comments outside the expression"),
    ("{", "write a list in square brackets"),
    ("“", "quote text with `\"` or `'`"),
    ("”", "quote text with `\"` or `'`"),
    ("‘", "quote text with `\"` or `'`"),
    ("’", "quote text with `\"` or `'`"),
    ("≥", "write `>=`"),
    ("≤", "write `<=`"),
    ("≠", "write `!=`"),
)


class ExpressionError(Exception):
    """What is wrong with an expression, and at which character of its text."""

    def __init__(self, code: Code, offset: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.message = message


@dataclass(frozen=True, slots=True)
class Syntax:
    """A parsed expression. `indent` is the number of blanks before it in the text."""

    text: str
    indent: int
    root: ast.expr

    def offset(self, node: ast.expr) -> int:
        """The character of the text at which a node begins."""
        return self.indent + self._characters(node.col_offset)

    def end(self, node: ast.expr) -> int:
        """The character of the text at which a node has ended."""
        return self.indent + self._characters(node.end_col_offset or node.col_offset)

    def written(self, node: ast.expr) -> str:
        """A node as it is written."""
        return self.text[self.offset(node) : self.end(node)]

    def _characters(self, size: int) -> int:
        """The parser counts bytes of UTF-8; this is the same in characters."""
        stripped = self.text[self.indent :]
        return size if stripped.isascii() else len(stripped.encode()[:size].decode(errors="ignore"))


def parse(text: str) -> Syntax:
    """The syntax tree of an expression; raises `ExpressionError` at the first thing S6.1 does not have."""
    if len(text) > LENGTH_MAX:
        message = f"an expression has at most {LENGTH_MAX} characters: split it into derived metrics"
        raise ExpressionError(Code.LIMIT, 0, message)
    if not text.strip():
        raise ExpressionError(Code.EXPRESSION_SYNTAX, 0, "the expression is empty: write one")
    _scan(text)
    flat = re.sub(r"\s", " ", text)
    stripped = flat.lstrip(" ")
    indent = len(flat) - len(stripped)
    too_deep = ExpressionError(
        Code.LIMIT, indent, "the expression is nested too deeply: split it into derived metrics"
    )
    try:
        root = ast.parse(stripped.rstrip(" "), mode="eval").body
    except SyntaxError as error:
        if "too many nested" in error.msg:
            raise too_deep from error
        raise _syntax_error(error, indent, stripped.rstrip(" ")) from error
    except (RecursionError, MemoryError) as error:
        raise too_deep from error
    if _depth(root) > DEPTH_MAX:
        raise too_deep
    return Syntax(text, indent, root)


def _scan(text: str) -> None:
    """Go through the signs of the text and refuse the first that the language does not have."""
    at, before = 0, ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _foreign(text, at)
        token, group = match.group(), match.lastgroup
        if group == "name":
            _check_word(token, at)
        elif group == "number":
            _check_numeral(token, at)
        elif group == "string":
            _check_string(token, at, before)
        at = match.end()
        if group != "blank" or before == "name":
            before = group


def _foreign(text: str, at: int) -> ExpressionError:
    for sign, hint in _HINTS:
        if text.startswith(sign, at):
            message = f"`{sign}` is no part of an expression: {hint}"
            return ExpressionError(Code.EXPRESSION_SYNTAX, at, message)
    if text[at] in "\"'":
        message = f"the text that begins with `{text[at : at + 10]}` has no closing quote: add it"
        return ExpressionError(Code.EXPRESSION_SYNTAX, at, message)
    return ExpressionError(Code.EXPRESSION_SYNTAX, at, f"`{text[at]}` is no part of an expression: remove it")


def _check_word(word: str, at: int) -> None:
    if word.lower() in _SMALL_WORDS and word not in _SMALL_WORDS:
        message = f"`{word}` is no word of an expression: write `{word.lower()}` in small letters"
        raise ExpressionError(Code.EXPRESSION_SYNTAX, at, message)
    if word == "is":
        raise ExpressionError(Code.EXPRESSION_SYNTAX, at, "`is` is no part of an expression: write `==`")
    if word == "None":
        message = f"`{word}` is no value of an expression: write `missing(x)` or `present(x)`"
        raise ExpressionError(Code.EXPRESSION_SYNTAX, at, message)
    if word in _FOREIGN_WORDS:
        raise ExpressionError(Code.EXPRESSION_SYNTAX, at, f"`{word}` is no part of an expression: remove it")


def _check_numeral(numeral: str, at: int) -> None:
    if len(numeral) > NUMERAL_LENGTH_MAX:
        message = f"a number has at most {NUMERAL_LENGTH_MAX} characters: shorten it"
        raise ExpressionError(Code.LITERAL_RANGE, at, message)
    if not _PLAIN_DECIMAL.fullmatch(numeral):
        message = f"`{numeral}` is not a plain decimal: write a number such as `1500` or `0.25`"
        raise ExpressionError(Code.EXPRESSION_SYNTAX, at, message)


def _check_string(string: str, at: int, before: str) -> None:
    if before in ("name", "string"):
        message = (
            f"{string} follows another text or word without a sign between them: put `==` or a comma there"
        )
        raise ExpressionError(Code.EXPRESSION_SYNTAX, at, message)
    for match in re.finditer(r"\\(.)|[\x00-\x1f\x7f]", string, re.DOTALL):
        if match.group(1) not in ("\\", '"', "'"):
            message = (
                "text in an expression knows only the escapes `\\\\`, `\\\"` and `\\'`: write it plainly"
            )
            raise ExpressionError(Code.EXPRESSION_SYNTAX, at + match.start(), message)


def _syntax_error(error: SyntaxError, indent: int, text: str) -> ExpressionError:
    offset = min(error.offset - 1, len(text)) if error.offset else len(text)
    said = error.msg.split("(")[0].strip() if "Perhaps" in error.msg else error.msg
    if "was never closed" in said:
        message = (
            f"{said.replace(chr(39), '`')}: close it, and put an expression that holds a comma in quotes"
        )
    elif offset >= len(text) or "EOF" in said:
        message = "the expression ends too early: write what follows"
    else:
        rest = text[offset : offset + 20]
        message = f"the expression cannot be read from `{rest}` on: check what stands before it"
    return ExpressionError(Code.EXPRESSION_SYNTAX, indent + offset, message)


def _depth(root: ast.expr) -> int:
    deepest = 0
    waiting: list[tuple[ast.AST, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return deepest
