"""A console over a filled database, and a browser that looks at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.surfaces.making import make
from tests.benchmarks.surfaces.paint import BROWSERS, console
from workers.packs import open_pack
from workers.sql.connect import open_database


@dataclass
class Seen:
    """What a page did beside showing itself."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a console that lets everybody in, over a few hundred customers."""
    folder: Path = tmp_path_factory.mktemp("console")
    url = f"sqlite:///{folder / 'tierline.db'}"
    engine = open_database(url)
    make(engine, open_pack("shop"), 300, 6000, lambda _: None)
    engine.dispose()
    with console(url) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser of this machine; the test is skipped where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


def watched(page: Any, site: str) -> Seen:
    """Hear of every error, and of every request that leaves the site."""
    seen = Seen()
    page.on("console", lambda told: seen.errors.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", lambda request: _note(seen, request.url, site))
    return seen


def _note(seen: Seen, url: str, site: str) -> None:
    if not url.startswith((site, "data:", "blob:")):
        seen.elsewhere.append(url)
