"""Generate into a folder: the events by topic, and `generate.json` with the parameters and the counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rules.engine.event import TYPES
from workers.files.writing import EventFiles, Format
from workers.generate.columns import topic_tables
from workers.generate.settings import Settings
from workers.generate.stream import stream

SUMMARY = "generate.json"


def generate(
    settings: Settings, folder: Path, kind: Format, progress: Callable[[int, int, int], None]
) -> dict[str, int]:
    """Write the events and return the number of events by type.

    `progress` is told the events so far, the days done and the days in all. Raises `UserError` for a folder
    that holds other files.
    """
    counts = np.zeros(len(TYPES), np.int64)
    with EventFiles(folder, kind, SUMMARY) as files:
        for piece in stream(settings):
            for topic, table in topic_tables(piece.events, settings).items():
                files.write(topic, table)
            counts += np.bincount(piece.events["type"], minlength=len(TYPES))
            progress(int(counts.sum()), piece.done, piece.total)
        by_type = {name: int(count) for name, count in zip(TYPES, counts, strict=True) if count}
        files.finish(
            {"parameters": _parameters(settings, kind), "events": sum(by_type.values()), "types": by_type}
        )
    return by_type


def _parameters(settings: Settings, kind: Format) -> dict[str, object]:
    return {
        "customers": settings.customers,
        "days": settings.days,
        "events": settings.events,
        "seed": settings.seed,
        "start": settings.start.isoformat(),
        "currency": settings.currency,
        "late": settings.late,
        "duplicates": settings.duplicates,
        "format": kind,
    }
