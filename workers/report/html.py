"""HTML that is safe by construction: text is escaped unless it is markup that this module made."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None

_VOID = {"br", "meta"}


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element. Children that are not `Markup` are escaped, None is left out.

    An attribute is named as in Python, `class_` and `aria_label` becoming `class` and `aria-label`; None and
    False leave it out.
    """
    opening = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{"" if value is True else escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Children one after the other."""
    return Markup("".join(_text(child) for child in children if child is not None))


def table(headings: list[str], rows: list[list[Child]], *, numbers: set[int], caption: str) -> Markup:
    """A table that scrolls where it is too wide; `numbers` are the columns that hold numbers."""

    def cells(name: str, row: list[Child]) -> Markup:
        kind = ("number" if index in numbers else None for index in range(len(row)))
        return join(*(element(name, cell, class_=each) for cell, each in zip(row, kind, strict=True)))

    head = element("thead", element("tr", cells("th", list(headings))))
    body = element("tbody", *(element("tr", cells("td", row)) for row in rows))
    whole = element("table", element("caption", caption), head, body, class_=None if numbers else "words")
    return element("div", whole, class_="scroll", tabindex=0)


def _text(child: str | int) -> str:
    return child if isinstance(child, Markup) else escape(str(child))
