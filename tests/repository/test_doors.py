"""The world comes in by few doors: one place reads the clock, one the environment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.repository.project import ROOT, name_of

MODULES = sorted((ROOT / "workers").rglob("*.py"))

#: What tells the time, or lets it pass, and who may use it.
CLOCKS = {
    ("time", None),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
CLOCK_DOOR = "workers/clock.py"
ENVIRONMENT = {("os", "environ"), ("os", "environb"), ("os", "getenv"), ("os", "putenv")}
ENVIRONMENT_DOOR = "workers/settings/"


def _used(path: Path) -> set[tuple[str, str]]:
    """Names that a module takes from others, as it writes them: (`os`, `environ`)."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add((node.value.id, node.attr))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {(node.module, name.name) for name in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_clock_reads_the_clock(path: Path) -> None:
    if name_of(path) != CLOCK_DOOR:
        told = {(module, name) for module, name in _used(path) if {(module, None), (module, name)} & CLOCKS}
        assert told == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_settings_read_the_environment(path: Path) -> None:
    if not name_of(path).startswith(ENVIRONMENT_DOOR):
        assert _used(path) & ENVIRONMENT == set()
