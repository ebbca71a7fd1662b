"""Running an import in a test: a mapping, some files, and what came out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.accepting import accepted, open_pack
from workers.importer.run import Imported, import_tables


@dataclass
class Outcome:
    """Events by topic, bad rows, and the counts."""

    events: dict[str, list[dict[str, Any]]]
    bad: list[dict[str, Any]]
    result: Imported

    @property
    def orders(self) -> list[dict[str, Any]]:
        return self.events.get("orders", [])

    def problems(self) -> list[tuple[int, str | None, str]]:
        """Row, column and reason of every bad row."""
        return [(row["row"], row.get("column"), row["reason"]) for row in self.bad]


def run_import(tmp_path: Path, mapping: str, *files: Path) -> Outcome:
    """Import, check what holds for every import, and read what was written."""
    source = tmp_path / "mapping.yaml"
    source.write_text(mapping, encoding="utf-8")
    out = tmp_path / "out"
    result = import_tables(source, list(files), out, "ndjson", lambda *_: None)
    bad = [json.loads(line) for line in (out / "report/bad-rows.ndjson").read_bytes().splitlines()]
    rows = result.rows
    assert rows.read == rows.used + rows.filtered + rows.bad
    assert rows.bad == len({(row["file"], row["row"]) for row in bad})
    assert accepted(out, open_pack()) == result.events
    summary = json.loads((out / "import-summary.json").read_text())
    assert summary["rows"] == rows.to_json()
    events = {
        path.stem: [json.loads(line) for line in path.read_bytes().splitlines()]
        for path in out.glob("*.ndjson")
    }
    return Outcome(events, bad, result)


def csv_file(tmp_path: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    """A file with the text, line ends as they are."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
