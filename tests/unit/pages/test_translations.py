"""Every message has a Chinese translation, and nothing on a page is said without being a message."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment

from tests.unit.pages.messages import CONSOLE, messages
from workers.console.pages.translations import FOLDER, chosen_language, translations

TEMPLATES = sorted(CONSOLE.glob("templates/*.html"))
#: Names are the same in every language; signs are not words.
SAID_BY_ALL = {"Tierline", "CSV", "attr"}
SPOKEN_ATTRIBUTES = {"aria-label", "placeholder", "title", "alt", "label"}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def chinese() -> Catalog:
    with (FOLDER / "zh.po").open("rb") as file:
        return read_po(file, locale="zh")


def test_every_message_is_translated_and_no_translation_is_left_over() -> None:
    written = {message.id for message in chinese() if message.id and all(_texts(message.string))}
    assert written == messages()


def test_no_translation_is_marked_as_doubtful() -> None:
    assert [message.id for message in chinese() if message.fuzzy and message.id] == []


def test_a_translation_has_the_placeholders_of_its_message() -> None:
    for message in chinese():
        if message.id:
            wanted = set(_PLACEHOLDER.findall(_texts(message.id)[-1]))
            for text in _texts(message.string):
                assert set(_PLACEHOLDER.findall(text)) == wanted, message.id


def test_english_is_what_the_code_says() -> None:
    assert translations("en").gettext("Customers") == "Customers"
    assert translations("zh").gettext("Customers") == "客户"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("de-DE,de;q=0.9", "en"),
        ("de,zh-TW;q=0.7,en;q=0.3", "zh"),
        ("", "en"),
        ("zh;q=none", "en"),
        ("*", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_wants_most(accept: str, language: str) -> None:
    assert chosen_language(accept) == language


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_says_nothing_that_is_no_message(path: Path) -> None:
    text = _without_code(path.read_text())
    spoken = _Spoken()
    spoken.feed(text)
    words = {word for part in spoken.parts for word in re.findall(r"[^\W\d_]{2,}", part)}
    assert words <= SAID_BY_ALL


class _Spoken(HTMLParser):
    """Collects what a reader or a screen reader would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _without_code(template: str) -> str:
    """The text of a template without what Jinja runs."""
    kept = (value for _, kind, value in Environment(autoescape=True).lex(template) if kind == "data")
    return "".join(kept)


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
