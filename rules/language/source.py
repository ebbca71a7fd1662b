"""YAML text as a tree of nodes that know their place.

Only what a pack needs of YAML 1.2: mappings with text keys, sequences and scalars. Anchors, aliases, merge
keys and tags are refused, so that a rule always stands where it is written. Order and quoting are kept;
duplicate keys are findings.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.reader import ReaderError

from rules.language.findings import Code, Finding

#: No pack is longer than this many characters; the largest that the other limits allow is about half of it.
TEXT_MAX = 1_000_000
#: Deeper nesting than any pack needs, and far from the interpreter's own limit.
DEPTH_MAX = 40

Plain = Literal["string", "integer", "number", "boolean", "null", "date"]
Style = Literal["plain", "single", "double", "block"]

_TAG = "tag:yaml.org,2002:"
_PLAIN: dict[str, Plain] = {
    _TAG + "int": "integer",
    _TAG + "float": "number",
    _TAG + "bool": "boolean",
    _TAG + "null": "null",
    _TAG + "timestamp": "date",
}
_STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "block",
    ">": "block",
}
#: A directive before the document, other than the one that says what holds anyway.
_DIRECTIVE = re.compile(r"\ufeff?(?:[ \t]*(?:#[^\r\n]*)?[\r\n]+)*(%(?!YAML 1\.2\s)[^\r\n]*)")
_BREAK = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
#: Escapes for blanks, and the escaped line break that continues a line.
_BLANK_ESCAPES = frozenset(" \t\n\rtnrvfN_LP")


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar. `plain` is what an unquoted scalar looks like to YAML; a quoted one is always a string.

    Where nothing is written after a key, it stands in the place of the key.
    """

    value: str
    plain: Plain
    style: Style
    start: int
    end: int

    @property
    def empty(self) -> bool:
        """Nothing is written where the value should be."""
        return self.plain == "null" and not self.value


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping in its written order; keys are unique."""

    entries: tuple[tuple[Text, Node], ...]
    start: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    start: int


Node = Text | Mapping | Sequence


class Document:
    """The text of a pack and its tree. `root` is None where the text is empty or is not YAML we read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.findings: list[Finding] = []
        self._lines = [0, *(match.end() for match in _BREAK.finditer(text))]
        self.root = self._read()

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1, of a position in the text."""
        line = bisect.bisect_right(self._lines, index) - 1
        column = index - self._lines[line]
        if line == 0 and self.text.startswith("\ufeff"):
            column = max(column - 1, 0)
        return line + 1, column + 1

    def inside(self, text: Text, offset: int) -> int:
        """The position in the pack's text of the character `offset` of a scalar's value.

        Characters other than blanks are found exactly in every style; a blank counts as the next one.
        """
        drawn = self._drawn(text)
        passed = sum(not character.isspace() for character in text.value[:offset])
        if passed < len(drawn):
            return drawn[passed]
        return drawn[-1] + 1 if drawn else text.start

    def _drawn(self, text: Text) -> list[int]:
        """Where each character of the value that is not blank stands, in order."""
        raw = self.text[text.start : text.end]
        if text.style == "block":
            header = _BREAK.search(raw)
            begin = header.end() if header else len(raw)
            return [text.start + at for at in range(begin, len(raw)) if not raw[at].isspace()]
        if text.style == "plain":
            return [text.start + at for at in range(len(raw)) if not raw[at].isspace()]
        places: list[int] = []
        at = 1
        while at < len(raw) - 1:
            size = 1
            if text.style == "single" and raw.startswith("''", at):
                size = 2
            elif text.style == "double" and (escape := _ESCAPE.match(raw, at)):
                size = escape.end() - at
                if _blank(escape.group(1)):
                    at += size
                    continue
            if not raw[at].isspace():
                places.append(text.start + at)
            at += size
        return places

    def _read(self) -> Node | None:
        if len(self.text) > TEXT_MAX:
            self._refuse(Code.LIMIT, 0, f"the pack is longer than {TEXT_MAX} characters: split it")
            return None
        if directive := _DIRECTIVE.match(self.text):
            message = f"`{directive.group(1).strip()}` is not supported: packs are YAML 1.2, remove the line"
            self._refuse(Code.YAML_FEATURE, directive.start(1), message)
            return None
        try:
            root = YAML(typ="safe", pure=True).compose(self.text)
            return self._node(root, 0) if root is not None else None
        except ReaderError as error:
            code = ord(error.character) if isinstance(error.character, str) else error.character
            message = f"the character U+{code:04X} is not allowed here: remove it"
            self._refuse(Code.YAML_SYNTAX, error.position, message)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._refuse(Code.YAML_SYNTAX, mark.index if mark else 0, _syntax_message(error))
        except RecursionError:
            self._refuse(Code.LIMIT, 0, f"the pack is nested deeper than {DEPTH_MAX} levels: flatten it")
        except (YAMLError, ValueError) as error:
            self._refuse(Code.YAML_SYNTAX, 0, f"the pack is not valid YAML: {error}")
        return None

    def _refuse(self, code: Code, index: int, message: str) -> None:
        line, column = self.place(index)
        self.findings.append(Finding(code, "error", line, column, message, ""))

    def _node(self, node: YamlNode, depth: int) -> Node:
        start = node.start_mark.index
        if node.anchor is not None:
            message = f"anchors and aliases are not supported: write `{node.anchor}` out wherever it is meant"
            self._refuse(Code.YAML_FEATURE, start, message)
            return Text("", "string", "plain", start, start)
        if depth > DEPTH_MAX:
            raise RecursionError
        if isinstance(node, ScalarNode):
            return self._text(node)
        if isinstance(node, MappingNode):
            self._check_tag(node, "map")
            return self._mapping(node, depth)
        self._check_tag(node, "seq")
        return Sequence(tuple(self._node(item, depth + 1) for item in node.value), start)

    def _mapping(self, node: MappingNode, depth: int) -> Mapping:
        entries: dict[str, tuple[Text, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                message = "a key must be a plain word: write `key: value`"
                self._refuse(Code.WRONG_SHAPE, key.start_mark.index, message)
                continue
            text = self._text(key)
            if text.value == "<<" and text.style == "plain":
                message = "merge keys are not supported: write the keys out"
                self._refuse(Code.YAML_FEATURE, text.start, message)
                continue
            if text.value in entries:
                first, _ = self.place(entries[text.value][0].start)
                message = f"`{text.value}` is already there in line {first}: remove one of the two"
                self._refuse(Code.DUPLICATE_KEY, text.start, message)
                continue
            read = self._node(value, depth + 1)
            if isinstance(read, Text) and read.empty and read.start == read.end:
                read = Text("", "null", "plain", text.start, text.start)
            entries[text.value] = (text, read)
        return Mapping(tuple(entries.values()), node.start_mark.index)

    def _text(self, node: ScalarNode) -> Text:
        start, end = node.start_mark.index, node.end_mark.index
        style = _STYLES[node.style]
        tag = str(node.tag)
        if node.anchor is not None:
            return Text("", "string", "plain", start, end)
        if not tag.startswith(_TAG) or (style != "plain" and tag != _TAG + "str"):
            self._refuse(Code.YAML_FEATURE, start, f"tags such as `{tag}` are not supported: remove it")
        if any("\ud800" <= character <= "\udfff" for character in node.value):
            message = "half a character (a surrogate escape) is not text: write the character itself"
            self._refuse(Code.YAML_SYNTAX, start, message)
        plain = _PLAIN.get(tag, "string") if style == "plain" else "string"
        return Text(node.value, plain, style, start, end)

    def _check_tag(self, node: YamlNode, expected: str) -> None:
        if str(node.tag) != _TAG + expected:
            message = f"tags such as `{node.tag}` are not supported: remove it"
            self._refuse(Code.YAML_FEATURE, node.start_mark.index, message)


def _blank(escape: str) -> bool:
    if len(escape) > 1:
        return chr(int(escape[1:], 16)).isspace()
    return escape in _BLANK_ESCAPES


def _syntax_message(error: MarkedYAMLError) -> str:
    problem = (error.problem or "").strip()
    if "another document" in problem:
        return "a pack is one document: remove the line `---` and what follows"
    if "mapping values are not allowed" in problem:
        return (
            "not valid YAML: a `:` followed by a blank must be inside quotes, or a line is indented wrongly"
        )
    if "cannot start any token" in problem and "\\t" in problem:
        return "not valid YAML: indent with blanks, not with tabs"
    context = (error.context or "").strip()
    told = f"not valid YAML: {context + ', ' if context else ''}{problem}"
    if "parsing a flow" in context:
        told += "; close every bracket, and put text that holds a comma or bracket in quotes"
    return told
