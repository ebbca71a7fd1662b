"""The files of a replay, which appear only when all of them are whole, `summary.json` last."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from workers.cli.errors import UserError
from workers.replay.straight import StraightFile
from workers.replay.summary import Summary

CHANGES, NOTICES, ERASED = "changes.ndjson", "pending.ndjson", "erased.ndjson"
DEAD_LETTERS, CUSTOMERS, SUMMARY = "dead-letters.ndjson", "customers.parquet", "summary.json"
FILES = (CHANGES, NOTICES, ERASED, DEAD_LETTERS, CUSTOMERS)
_PARTIAL = ".partial"

#: Where the bodies of the engine's outputs go.
BODY_FILES: dict[Literal["change", "notice", "erased"], str] = {
    "change": CHANGES,
    "notice": NOTICES,
    "erased": ERASED,
}


class ReplayOutputs:
    """The output folder of one replay, as a context manager.

    Files are written under other names. `finish` puts them in place of those of an earlier replay; without
    it, whatever ends the replay, nothing of it stays and the earlier one is untouched.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"`{folder}` is a file: give a folder to write to")
        self.folder = folder
        self._open: list[IO[bytes] | StraightFile] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._open:
            try:
                file.close()
            except OSError:
                continue  # what could not be written is removed in the next step
        for name in (*FILES, SUMMARY):
            self.partial(name).unlink(missing_ok=True)

    def partial(self, name: str) -> Path:
        """Where a file is written until the replay is finished."""
        return self.folder / (name + _PARTIAL)

    def lines(self, name: str) -> IO[bytes]:
        """Open one of the NDJSON files for writing."""
        file = self.partial(name).open("wb")
        self._open.append(file)
        return file

    def many_lines(self, name: str) -> StraightFile:
        """Open one of them for more than the page cache should hold."""
        file = StraightFile(self.partial(name))
        self._open.append(file)
        return file

    def finish(self, summary: Summary) -> None:
        """Put every file in its place; those that were not written become empty lists of lines."""
        for file in self._open:
            file.close()
        text = json.dumps(summary.as_json(), indent=2, ensure_ascii=False) + "\n"
        self.partial(SUMMARY).write_text(text, encoding="utf-8")
        (self.folder / SUMMARY).unlink(missing_ok=True)
        for name in (*FILES, SUMMARY):
            self.partial(name).replace(self.folder / name)
