"""Templates to HTML, in the language of the one who looks.

Everything that customers, events and packs bring is escaped by Jinja; no template marks such text as safe.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import category
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rules.language.model import Pack
from workers.clock import unix_seconds
from workers.console.pages.assets import asset, charts_script, charts_style_ids
from workers.console.pages.formats import Formats
from workers.console.pages.names import Names, treatments
from workers.console.pages.terms import CAUSES, EVENTS, REJECTIONS, ROLES, in_language
from workers.console.pages.translations import LANGUAGES, translations

FOLDER = Path(__file__).parent.parent / "templates"
THEMES = ("auto", "light", "dark")
#: Controls, formats, surrogates, private and unassigned characters, line and paragraph ends.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_TERMS = {"events": EVENTS, "causes": CAUSES, "rejections": REJECTIONS, "roles": ROLES}


class Pages:
    """The templates for one pack, in all languages."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self.names = Names(pack)
        self.formats = {language: Formats(language, pack) for language in LANGUAGES}
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def html(self, name: str, *, language: str, theme: str, path: str, **context: object) -> str:
        """A page; `path` is the address it is shown at with its query, to come back to."""
        template = self._environments[language].get_template(name)
        return template.render(
            language=language,
            theme=theme,
            path=path,
            now=datetime.fromtimestamp(unix_seconds(), UTC),
            **context,
        )

    def sayer(self, language: str) -> Callable[..., str]:
        """What says a message in a language: `say("%(count)s ids", count=3)`."""
        get = translations(language).gettext

        def say(message: str, **values: object) -> str:
            return get(message) % values if values else get(message)

        return say

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            extensions=["jinja2.ext.i18n"],
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            translations(language), newstyle=True
        )
        environment.filters.update(self.formats[language].filters())
        environment.filters["segment"] = segment
        environment.filters["visible"] = visible
        environment.filters["json_data"] = json_data
        environment.filters["treatments"] = treatments
        environment.globals.update(
            asset=asset,
            charts_script=charts_script,
            charts_style_ids=charts_style_ids,
            names=self.names,
            languages=LANGUAGES,
            query=query,
            pack=self._pack,
            **{name: in_language(terms, language) for name, terms in _TERMS.items()},
        )
        return environment


def visible(text: str) -> str:
    """An id with characters that show nothing or turn the text around, such as U+202E, as their numbers."""
    return "".join(f"⟨{ord(each):04X}⟩" if category(each) in _UNSEEN else each for each in text)


def segment(text: str) -> str:
    """Any text as one segment of a path: slashes, dots and all."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if set(text) == {"."} else quoted


def query(parameters: object = None, /, **changed: object) -> str:
    """A query with some parameters changed, lists as repeated ones; None leaves one out."""
    merged = {**(parameters if isinstance(parameters, dict) else {}), **changed}
    kept = {key: value for key, value in merged.items() if value not in (None, "", [], ())}
    return f"?{urlencode(kept, doseq=True)}" if kept else "?"


def json_data(value: object) -> Markup:
    """Data for a script, inside `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - whatever HTML would see as its own is escaped above
