"""The events of the demo: a year of real baskets with made-up payments and feedback, or all made up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

MAPPING = "completejourney.yaml"
TABLES = ("completejourney_baskets.parquet", "completejourney_demographics.parquet")
#: The money of the baskets and of what is made up.
CURRENCY = "USD"

_SEED = 1
_EVENTS_PER_CUSTOMER = 60.0
#: Holds the last event of a file.
_TAIL_BYTES = 1 << 16
_READY = "demo-events.json"
_TOPICS = ("customers", "orders", "payments", "feedback")

#: Told what is being done.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoEvents:
    """Event files, each in the order of time: path by topic; and how many events are real and made up."""

    files: dict[str, Path]
    real: int
    made_up: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.real + self.made_up

    @property
    def origin(self) -> str:
        """A sentence that says what is real and what is not."""
        if not self.real:
            return f"all {self.made_up:,} events are made up"
        return (
            f"real: {self.real:,} baskets and registrations of the year 2017 (The Complete Journey, CC0); "
            f"made up: {self.made_up:,} payments, ratings and complaints"
        )

    def span_ms(self) -> tuple[int, int]:
        """When the first and the last event occurred, in ms since 1970."""
        ends = [_ends_ms(path) for path in self.files.values()]
        return min(first for first, _ in ends), max(last for _, last in ends)


def demo_events(folder: Path, customers: int | None, tell: Tell) -> DemoEvents:
    """Make the events ready in a folder, or take those that an earlier demo made there.

    `customers`: so many made-up ones; None for the real households.
    """
    wanted = {"tierline": version("tierline"), "customers": customers, "data": _data_digest(customers)}
    ready, paths = folder / _READY, _paths(folder, customers)
    found = _read(ready)
    if found is not None and found.get("of") == wanted and all(path.is_file() for path in paths.values()):
        tell("the events are those that an earlier demo made ready")
    else:
        ready.unlink(missing_ok=True)
        counts = _import(folder, tell) if customers is None else _generate(folder, customers, tell)
        found = {"of": wanted, **counts}
        ready.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return DemoEvents(paths, int(str(found["real"])), int(str(found["made_up"])))


def _paths(folder: Path, customers: int | None) -> dict[str, Path]:
    """Where the events of each topic are."""
    real = () if customers is not None else ("customers", "orders")
    return {
        topic: folder / ("events" if topic in real else "made-up") / f"{topic}.ndjson" for topic in _TOPICS
    }


def _import(folder: Path, tell: Tell) -> dict[str, int]:
    from workers.generate.extras import generate_extras
    from workers.importer.run import import_tables

    tell("importing a year of real baskets")
    with as_file(files("workers") / "data") as data:
        imported = import_tables(
            data / MAPPING, [data / name for name in TABLES], folder / "events", "ndjson", lambda *_: None
        )
    tell("making up payments, ratings and complaints for them")
    extras = generate_extras(folder / "events", folder / "made-up", "ndjson", _SEED)
    return {"real": sum(imported.events.values()), "made_up": sum(extras.values())}


def _generate(folder: Path, customers: int, tell: Tell) -> dict[str, int]:
    from workers.generate.run import generate
    from workers.generate.settings import Settings

    tell(f"making up a year of {customers:,} customers")
    settings = Settings(
        customers=customers,
        days=365,
        events=round(customers * _EVENTS_PER_CUSTOMER),
        seed=_SEED,
        currency=CURRENCY,
        late=0.0,  # a record's timestamp is the time of its event here, so that nothing can be late
    )
    made = generate(settings, folder / "made-up", "ndjson", lambda *_: None)
    return {"real": 0, "made_up": sum(made.values())}


def _ends_ms(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        first = file.readline()
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        last = file.read().splitlines()[-1]
    times = (json.loads(line)["occurred_at"] for line in (first, last))
    first_ms, last_ms = (int(datetime.fromisoformat(each).timestamp() * 1000) for each in times)
    return first_ms, last_ms


def _data_digest(customers: int | None) -> str:
    """Stands for what the events are made of."""
    if customers is not None:
        return ""
    digest = hashlib.sha256()
    with as_file(files("workers") / "data") as data:
        for name in (MAPPING, *TABLES):
            digest.update((data / name).read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
