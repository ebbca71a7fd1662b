"""Reading typed values from nodes, one finding for each thing that is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf

from rules.calendar import DAYS_MAX
from rules.language.findings import Code, Finding, Severity, listed, suggestion
from rules.language.keys import ID_LENGTH_MAX, TEXT_LENGTH_MAX, Keys
from rules.language.source import Document, Mapping, Node, Sequence, Text

_ID = re.compile(r"[a-z][a-z0-9_]*")
_DAYS = re.compile(r"(0|[1-9][0-9]{0,9})d")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

#: Free text for people is cut off by nobody, but a pack is not a book.
PROSE_LENGTH_MAX = 4_000


_LOOKS = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "date": "a date",
    "null": "nothing",
}


class Reader:
    """A document and the findings made while reading it.

    `places` holds the key of every part read so far, by its path. Methods that read a value return None after
    making a finding, so that the caller can go on and find more.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: list[Finding] = list(document.findings)
        self.places: dict[str, Text] = {}

    def error(self, code: Code, at: Node, path: str, message: str, offset: int | None = None) -> None:
        """Note an error at a node, or at a character of the value of a scalar."""
        self._note("error", code, at, path, message, offset)

    def warning(self, code: Code, at: Node, path: str, message: str, offset: int | None = None) -> None:
        """Note a warning at a node, or at a character of the value of a scalar."""
        self._note("warning", code, at, path, message, offset)

    def _note(
        self, severity: Severity, code: Code, at: Node, path: str, message: str, offset: int | None
    ) -> None:
        index = at.start
        if offset is not None and isinstance(at, Text):
            index = self.document.inside(at, offset)
        line, column = self.document.place(index)
        self.findings.append(Finding(code, severity, line, column, message, path))

    def mapping(self, node: Node, path: str, what: str) -> Mapping | None:
        """A mapping with keys of the author's choosing; nothing written counts as an empty one."""
        if isinstance(node, Mapping):
            self.places.update((join(path, key.value), key) for key, _ in node.entries)
            return node
        if isinstance(node, Text) and node.empty:
            return Mapping((), node.start)
        self.error(Code.WRONG_SHAPE, node, path, f"{what} must be a mapping: write `key: value` lines")
        return None

    def part(self, node: Node, path: str, what: str, keys: Keys) -> dict[str, tuple[Text, Node]] | None:
        """A mapping with known keys; unknown and missing ones are findings. Unknown ones are left out."""
        mapping = self.mapping(node, path, what)
        if mapping is None:
            return None
        found: dict[str, tuple[Text, Node]] = {}
        for key, value in mapping.entries:
            if key.value in keys.all:
                found[key.value] = (key, value)
            else:
                hint = suggestion(key.value, keys.all) or f": it knows {listed(keys.all, 'and')}"
                message = f"{what} has no key `{key.value}`{hint}"
                self.error(Code.UNKNOWN_KEY, key, join(path, key.value), message)
        for name in keys.required:
            if name not in found:
                self.error(Code.MISSING_KEY, node, path, f"{what} needs the key `{name}`: add it")
        return found

    def text(
        self, node: Node, path: str, what: str, *, longest: int = TEXT_LENGTH_MAX, blank: bool = False
    ) -> str | None:
        """Text; what looks like a number, date or boolean must be quoted (S13)."""
        if not isinstance(node, Text):
            self.error(Code.WRONG_SHAPE, node, path, f"{what} must be text")
            return None
        if node.plain == "null" and node.empty:
            self.error(Code.WRONG_SHAPE, node, path, f"{what} is empty: write a value, or leave the key out")
            return None
        if node.plain != "string":
            kind = _LOOKS[node.plain]
            message = f'{what} looks like {kind}: put it in quotes, `"{node.value}"`'
            self.error(Code.UNQUOTED, node, path, message)
            return None
        if not blank and not node.value.strip():
            self.error(Code.BAD_VALUE, node, path, f"{what} is empty: write a value")
            return None
        if len(node.value) > longest:
            self.error(Code.LIMIT, node, path, f"{what} is longer than {longest} characters: shorten it")
            return None
        return node.value

    def line(self, node: Node, path: str, what: str, *, longest: int = TEXT_LENGTH_MAX) -> str | None:
        """Text on one line, without control characters."""
        value = self.text(node, path, what, longest=longest)
        if value is not None and _CONTROL.search(value):
            self.error(Code.BAD_VALUE, node, path, f"{what} holds a control character: remove it")
            return None
        return value

    def prose(self, part: dict[str, tuple[Text, Node]], key: str, path: str) -> str | None:
        """The `title` or `description` of a part."""
        if key not in part:
            return None
        return self.text(part[key][1], join(path, key), f"`{key}`", longest=PROSE_LENGTH_MAX)

    def choice(self, node: Node, path: str, what: str, options: Iterable[str]) -> str | None:
        """One of some words."""
        known = tuple(options)
        value = self.text(node, path, what)
        if value is None or value in known:
            return value
        hint = suggestion(value, known) or f": write {listed(known)}"
        self.error(Code.BAD_VALUE, node, path, f"{what} cannot be `{value}`{hint}")
        return None

    def days(self, node: Node, path: str, what: str, lowest: int = 0, hint: str = "") -> int | None:
        """A number of days written `30d`, from `lowest` to `DAYS_MAX`."""
        if not isinstance(node, Text):
            self.error(Code.WRONG_SHAPE, node, path, f"{what} must be a number of days: write `30d`{hint}")
            return None
        match = _DAYS.fullmatch(node.value)
        if match is None:
            number = node.value if re.fullmatch(r"[1-9][0-9]{0,4}|0", node.value) else "30"
            message = f"{what} must be a number of days: write `{number}d`{hint}"
            self.error(Code.BAD_VALUE, node, path, message)
            return None
        days = int(match.group(1))
        if not lowest <= days <= DAYS_MAX:
            message = f"{what} must be from `{lowest}d` to `{DAYS_MAX}d`, not `{node.value}`"
            self.error(Code.LIMIT, node, path, message)
            return None
        return days

    def words(self, node: Node, path: str, what: str) -> list[Text] | None:
        """One text or a list of at least one; each is a scalar that is still to be read as text."""
        if isinstance(node, Text):
            return [node]
        if not isinstance(node, Sequence) or not node.items:
            self.error(Code.WRONG_SHAPE, node, path, f"{what} must be one value or a list of values")
            return None
        items: list[Text] = []
        for item in node.items:
            if isinstance(item, Text):
                items.append(item)
            else:
                self.error(Code.WRONG_SHAPE, item, path, f"each of {what} must be one value")
        return items if len(items) == len(node.items) else None

    def distinct(self, nodes: SequenceOf[Text], path: str, what: str) -> list[Text]:
        """The texts, each value once; a repeated one is a warning."""
        kept: dict[str, Text] = {}
        for node in nodes:
            if node.value in kept:
                message = f"{what} lists `{node.value}` twice: remove one"
                self.warning(Code.LISTED_TWICE, node, path, message)
            else:
                kept[node.value] = node
        return list(kept.values())

    def identifier(self, node: Text, path: str, what: str) -> bool:
        """Whether a key is an id of S13; if not, that is a finding."""
        if node.plain == "string" and len(node.value) <= ID_LENGTH_MAX and _ID.fullmatch(node.value):
            return True
        if node.plain != "string" and _ID.fullmatch(node.value):
            message = f'`{node.value}` looks like {_LOOKS[node.plain]}: put it in quotes, `"{node.value}"`'
            self.error(Code.UNQUOTED, node, path, message)
            return False
        if len(node.value) > ID_LENGTH_MAX:
            message = f"the {what} `{node.value[:20]}…` is longer than {ID_LENGTH_MAX} characters: shorten it"
        else:
            better = re.sub(r"[^a-z0-9_]+", "_", node.value.lower()).strip("_")
            better = better if _ID.fullmatch(better) else f"{what[0]}_{better}".rstrip("_")
            message = (
                f"`{node.value}` cannot be the {what}: use small letters, digits and `_`, starting with a "
                f"letter, such as `{better}`"
            )
        self.error(Code.BAD_ID, node, path, message)
        return False


def join(path: str, key: str) -> str:
    """The path of a key within a part."""
    return f"{path}.{key}" if path else key
