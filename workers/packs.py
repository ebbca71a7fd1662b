"""Packs by path or by the name of one in the catalog, as every command takes them."""

from __future__ import annotations

import importlib.resources
import re
from dataclasses import dataclass
from pathlib import Path

from rules.language.findings import PackError, listed
from rules.language.load import load_pack
from rules.language.model import Pack
from rules.language.source import TEXT_MAX
from workers.cli.errors import UserError

#: The file of a pack inside its folder, beside its cases.
PACK_FILE = "pack.yaml"

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
#: Findings shown where a pack was only meant to be used; `tierline rules check` shows all.
_SHOWN_MAX = 10


@dataclass(frozen=True, slots=True)
class PackText:
    """The text of a pack file, and its path as messages show it."""

    text: str
    source: str


def open_pack(name_or_path: str | Path) -> Pack:
    """The checked pack of a file, a folder that holds one, or the catalog.

    Raises `UserError` where there is none, it cannot be read, or it has errors.
    """
    found = read_pack(name_or_path)
    try:
        return load_pack(found.text, found.source)
    except PackError as error:
        errors = [finding for finding in error.findings if finding.severity == "error"]
        lines = [finding.located(error.source) for finding in errors[:_SHOWN_MAX]]
        count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
        message = "\n".join([f"the pack `{name_or_path}` has {count}", *lines])
        raise UserError(message, f"`tierline rules check {name_or_path}` shows each in its place") from error


def read_pack(name_or_path: str | Path) -> PackText:
    """The text of a pack; raises `UserError` where there is none or it cannot be read."""
    path = find_pack(name_or_path)
    try:
        with path.open("rb") as file:
            raw = file.read(4 * TEXT_MAX + 1)
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise UserError(f"the pack `{path}` cannot be read: {reason}") from error
    if len(raw) > 4 * TEXT_MAX:
        raise UserError(f"`{path}` is too large for a pack: name a YAML file of rules")
    try:
        return PackText(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(f"`{path}` is not UTF-8 text in line {line}: save it as UTF-8") from error


def find_pack(name_or_path: str | Path) -> Path:
    """The file of a pack; a file or folder of the name wins over the catalog. Raises `UserError`."""
    path = Path(name_or_path)
    if path.is_dir() and (path / PACK_FILE).is_file():
        return path / PACK_FILE
    if path.exists() and not path.is_dir():
        if not path.is_file():
            raise UserError(f"`{name_or_path}` is not a regular file: write the path of a pack file")
        return path
    known = catalog()
    name = str(name_or_path)
    if name in known:
        return known[name]
    if _NAME.fullmatch(name) and not path.is_dir():
        names = f": write its path, or one of {listed(known)}" if known else ": write its path"
        raise UserError(f"there is no pack `{name}`{names}")
    if path.is_dir():
        raise UserError(f"the folder `{name}` holds no `{PACK_FILE}`: write the path of a pack file")
    raise UserError(f"there is no file `{name}`: write the path of a pack file")


def catalog() -> dict[str, Path]:
    """The packs that come with the project, by name."""
    folder = Path(str(importlib.resources.files("rules"))) / "catalog"
    return {path.parent.name: path for path in sorted(folder.glob(f"*/{PACK_FILE}"))}
