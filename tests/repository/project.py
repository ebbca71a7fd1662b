"""The files of the project, as its own tests see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("schemas", "rules", "workers", "tests", "deploy", ".ci")
TEXT = {".py", ".md", ".yaml", ".toml", ".txt", ".json", ".css", ".js", ".html", ".sh", ""}

_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text_files(root: Path = ROOT) -> Iterator[Path]:
    """Every text file of the project, without what tools make: in a git worktree `.git` is such a file."""
    yield from (
        path for path in root.iterdir() if path.is_file() and path.suffix in TEXT and path.name != ".git"
    )
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def name_of(path: Path) -> str:
    """The path as people write it."""
    return path.relative_to(ROOT).as_posix()


def shown_commands(page: Path) -> Iterator[str]:
    """The lines of code blocks that run `tierline` or `make`, without prompt and comment."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            command = line.removeprefix("$ ").split("#")[0].strip()
            if command.startswith(("tierline ", "make ")):
                yield command
