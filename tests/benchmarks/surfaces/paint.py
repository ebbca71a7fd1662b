"""How soon a browser shows the pages of a console over many customers."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.figures import Figure
from tests.benchmarks.process import FailedError
from tests.benchmarks.surfaces.making import id_of
from workers.settings import environment_with

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ROUNDS = 5
_LOOK_AGAIN_MS = 20
_WINDOW = {"width": 1280, "height": 900}
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def pages() -> dict[str, str]:
    """The pages that are looked at, by name."""
    return {
        "overview": "/",
        "customers": "/customers?in.value_tier=gold&sort=-revenue",
        "a customer": f"/customers/{id_of(7)}",
        "changes": "/changes",
        "moves to come": "/pending",
        "flows": "/flows?first=2025-01-01&last=2025-12-31",
        "value": "/value?measure=revenue",
        "rules": "/rules",
    }


def first_paints(title: str, url: str) -> list[Figure]:
    """Milliseconds until the first content is painted, for each page in a window that has kept nothing.

    Raises FailedError where no browser is installed.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise FailedError("no Chromium is installed here: first paint cannot be measured")
    from playwright.sync_api import sync_playwright

    taken: dict[str, list[float]] = {name: [] for name in pages()}
    with console(url) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for _ in range(ROUNDS):
            for name, path in pages().items():
                context = browser.new_context(viewport=_WINDOW)  # type: ignore[arg-type]
                page = context.new_page()
                page.goto(site + path)
                while not (painted := page.evaluate(_FIRST_PAINT)):
                    page.wait_for_timeout(_LOOK_AGAIN_MS)
                taken[name].append(float(painted))
                context.close()
        browser.close()
    every = [each for values in taken.values() for each in values]
    return [
        *(Figure(f"{title}: first paint, {name}", values, "ms", 1500, 500) for name, values in taken.items()),
        Figure(f"{title}: first paint, all pages", [statistics.median(every)], "ms", 1500, 500),
    ]


@contextmanager
def console(url: str) -> Iterator[str]:
    """A console over a database that lets everybody in; its address."""
    words = ["console", "--rules", "shop", "--database", url, "--console-open", "--console-port", "0"]
    variables = {"TIERLINE_CONSOLE_WORKERS": "http://127.0.0.1:9", "TIERLINE_LOG_FORMAT": "json"}
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli.main", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=environment_with(variables),
    )
    try:
        assert process.stderr is not None
        told = next((json.loads(line) for line in process.stderr if '"console starts"' in line), None)
        if told is None:
            raise FailedError("the console does not start")
        yield str(told["web"])
    finally:
        process.terminate()
        process.communicate(timeout=20)
