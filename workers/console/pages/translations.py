"""What pages say, in the languages there are: English in the code, the others in `.po` files."""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent.parent / "i18n"
#: Languages by the code used in cookies and addresses, each in its own words.
LANGUAGES = {"en": "English", "zh": "中文"}
#: The locale by which Babel writes numbers and dates.
LOCALES = {"en": "en_GB", "zh": "zh_CN"}

T = TypeVar("T", bound=str)


def N_(message: T) -> T:  # noqa: N802 - the name that gettext's tools know
    """Mark a message to be translated where it is shown."""
    return message


@cache
def translations(language: str) -> NullTranslations:
    """The messages of a language; English ones are the messages themselves."""
    path = FOLDER / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalog = read_po(file, locale=LOCALES[language].partition("_")[0])
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)


def chosen_language(accept: str) -> str:
    """The language for an `Accept-Language` header, whatever is in it; English if it names none of ours."""
    wanted = []
    for part in accept[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((float(weight or 1), tag.strip().partition("-")[0].lower()))
        except ValueError:
            continue
    names = [tag for _, tag in sorted(wanted, key=lambda each: -each[0]) if tag]
    return negotiate_locale(names, list(LANGUAGES)) or "en"
