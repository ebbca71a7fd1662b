"""Import tables into a folder of event files, with a report of every bad row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from rules.engine.event import Topic
from workers.cli.errors import UserError
from workers.files.writing import EventFiles, Format, ndjson
from workers.importer.convert import Converted, Converter, reasons
from workers.importer.read_mapping import read_mapping
from workers.importer.tables import Table

SUMMARY = "import-summary.json"
#: In a folder of its own: a folder of events means all its .ndjson files, and bad rows are no events.
BAD_ROWS = "report/bad-rows.ndjson"


@dataclass(slots=True)
class Counts:
    """What became of the rows; `read` = `used` + `filtered` + `bad`."""

    read: int = 0
    used: int = 0
    filtered: int = 0
    bad: int = 0

    def add(self, converted: Converted) -> None:
        """Count the rows of a chunk."""
        self.read += converted.used + converted.filtered + converted.bad
        self.used += converted.used
        self.filtered += converted.filtered
        self.bad += converted.bad

    def to_json(self) -> dict[str, int]:
        """The counts as in `import-summary.json`."""
        return {"read": self.read, "used": self.used, "filtered": self.filtered, "bad": self.bad}


@dataclass(slots=True)
class Imported:
    """The result of an import: rows in all and by file, events by type, problems by reason."""

    rows: Counts = field(default_factory=Counts)
    files: list[tuple[str, Counts]] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)


def import_tables(
    mapping_path: Path,
    paths: list[Path],
    folder: Path,
    kind: Format,
    progress: Callable[[str, float, Counts], None],
) -> Imported:
    """Write the events of the tables, in the order given, and the report.

    `progress` is told the file, the part of it that is done (0 to 1) and the rows so far. Raises `UserError`
    for a mapping or a file with an error; then nothing is written.
    """
    try:
        source = mapping_path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"`{mapping_path}` is not UTF-8 text: save it as UTF-8") from None
    mapping = read_mapping(source, str(mapping_path))
    tables = [Table(path, mapping.layout) for path in paths]
    twice = [name for name, count in Counter(table.name for table in tables).items() if count > 1]
    if twice:
        raise UserError(
            f"`{twice[0]}` is given more than once: files must differ in name, to tell their rows apart"
        )
    converters = [Converter(mapping, table) for table in tables]
    result = Imported()
    with EventFiles(folder, kind, SUMMARY) as files:
        files.lines(BAD_ROWS)
        for converter in converters:
            _import_table(converter, files, result, progress)
        files.finish(_summary(mapping_path.name, kind, result))
    return result


def _import_table(
    converter: Converter, files: EventFiles, result: Imported, progress: Callable[[str, float, Counts], None]
) -> None:
    name = converter.table.name
    counts = Counts()
    result.files.append((name, counts))
    for chunk in converter.table.chunks():
        converted = converter.convert(chunk)
        _write(files, converted.events.items())
        for frame in converted.events.values():
            result.events.update(dict(frame["type"].value_counts().rows()))
        if converted.problems.height:
            report = converted.problems.select(pl.lit(name).alias("file"), pl.all())
            files.lines(BAD_ROWS).write(ndjson(report.to_arrow(compat_level=pl.CompatLevel.oldest())))
            result.problems.update(reasons(converted.problems))
        counts.add(converted)
        result.rows.add(converted)
        progress(name, chunk.read / max(chunk.size, 1), result.rows)


def _write(files: EventFiles, events: Iterable[tuple[Topic, pl.DataFrame]]) -> None:
    for topic, frame in events:
        files.write(topic, frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


def _summary(mapping: str, kind: Format, result: Imported) -> dict[str, object]:
    return {
        "mapping": mapping,
        "format": kind,
        "rows": result.rows.to_json(),
        "files": [{"file": name, **counts.to_json()} for name, counts in result.files],
        "events": dict(sorted(result.events.items())),
        "problems": dict(sorted(result.problems.items())),
        "bad_rows": BAD_ROWS,
    }
