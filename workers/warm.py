"""Compile everything ahead of its first use: `python -m workers.warm`, as images and test runs do.

Several processes that start at once would otherwise each compile the same functions. Compiling holds one lock
in a process, so a second process makes the decoders and the texts while the first one makes the kernel.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workers.clock import running_seconds
from workers.machine_code import fingerprint, prepare
from workers.settings import machine_code_folder

if TYPE_CHECKING:
    from rules.engine.engine import Engine
    from rules.language.model import Pack

#: One of everything that takes a path of its own through the machine code.
_EVENTS: tuple[dict[str, object], ...] = (
    {"type": "customer.registered", "attributes": {"country": "GB", "unknown": 1}},
    {"type": "order.completed", "order_id": "o", "amount": "120.00", "items": 2, "channel": "web"},
    {"type": "payment.succeeded", "payment_id": "p", "amount": 12.5},
    {"type": "feedback.rating", "feedback_id": "f", "score": 4},
    {"type": "order.refunded", "order_id": "o", "amount": "not a number"},
)


#: What the second process is asked for.
_BESIDE = "--decoders-and-texts"


def main() -> None:
    """Compile, and say what takes so long; nothing where it was done before."""
    prepare()
    if _BESIDE in sys.argv:
        _warm_decoders_and_texts()
        return
    make_ready(lambda text: print(text, flush=True))


def make_ready(tell: Callable[[str], None]) -> None:
    """Compile what is not compiled yet, and tell about it; nothing where it was done before.

    Where no folder can hold machine code, it is compiled when it is first needed, each time.
    """
    folder = machine_code_folder()
    if folder is None:
        return
    # that of the sources as they were before is gone once that of others was made
    done, sources = folder / f"ready-{_checkout()}", fingerprint()
    if _says(done, sources):
        return
    started = running_seconds()
    with _alone(folder, tell):
        if not _says(done, sources):
            tell("preparing machine code; the first time this takes up to a minute")
            warm()
            done.write_text(sources, encoding="ascii")
    tell(f"machine code is ready after {running_seconds() - started:.0f} s")


def _says(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="ascii") == text


@contextmanager
def _alone(folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Let processes that start together compile one after the other: only the first has something to do."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another process is preparing machine code; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def warm() -> None:
    """Compile what a replay of any files and an engine by itself need; quick where that was done before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rules.engine.engine import Engine
    from rules.engine.plan import make_plan
    from workers.packs import open_pack
    from workers.replay.run import replay

    pack = open_pack("shop")
    rows = _rows()
    with _another_process():
        _warm_kernel(pack)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "events.ndjson").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        flat = [{key: _cell(value) for key, value in row.items()} for row in rows]
        columns = {key for row in flat for key in row}
        table = pa.table({key: [row.get(key) for row in flat] for key in sorted(columns)})
        pq.write_table(table, folder / "events.parquet")
        replay(pack, [folder], folder / "out")
        _warm_many(folder)
    Engine(make_plan(pack)).tick(0)
    warm_shard(pack)


def _warm_many(folder: Path) -> None:
    """What only many customers and events take: an index that grows, and tables in files."""
    import numpy as np

    from rules.engine.strings import StringTable
    from workers.replay.shelf import Shelves

    names = np.frombuffer(b"".join(b"%04d" % each for each in range(200)), np.uint8)
    StringTable().intern_spans(names, np.arange(0, names.size, 4), np.full(200, 4, np.int32))
    table = np.arange(4, dtype=np.int64).reshape(2, 2)
    with (folder / "table").open("w+b") as file:
        Shelves(file.fileno()).put(table).rows_into(0, 2, np.empty_like(table))


@contextmanager
def _another_process() -> Iterator[None]:
    """Have another process compile its half meanwhile; where it fails, this one does it afterwards."""
    if machine_code_folder() is None:
        yield
        return
    with subprocess.Popen([sys.executable, "-m", "workers.warm", _BESIDE], stderr=subprocess.DEVNULL):
        yield


def _warm_kernel(pack: Pack) -> None:
    """No events, but all the machine code that they would take."""
    from rules.engine.batches import batch_in_order
    from rules.engine.engine import Engine
    from rules.engine.plan import make_plan
    from rules.intake.columns import no_events

    engine = Engine(make_plan(pack))
    engine.step(batch_in_order(engine, no_events()))
    engine.sight()
    engine.tick(0)


def _warm_decoders_and_texts() -> None:
    import numpy as np
    import pyarrow as pa

    from rules.engine.engine import Engine
    from rules.engine.plan import make_plan
    from rules.engine.text.render import Triggers, Words, render_changes, render_notices, render_numbers
    from rules.engine.text.template import make_template
    from rules.intake.arrow_columns import decode_table
    from rules.intake.json_columns import decode_records
    from rules.intake.tables import intake_of
    from workers.packs import open_pack

    pack = open_pack("shop")
    intake = intake_of(pack)
    body = json.dumps(_rows()[1]).encode()
    decode_records(np.frombuffer(body, np.uint8), np.zeros(1, np.int64), np.array([len(body)]), intake)
    decode_table(pa.RecordBatch.from_pylist([_rows()[1]]), intake)
    template, out = make_template(pack, 1), Engine(make_plan(pack))._out
    none, text = np.zeros(0, np.int64), np.zeros(0, np.uint8)
    words = Words(text, none)
    numbers = render_numbers(out.evaluations[:0], template)
    triggers = Triggers(text, none, np.zeros(0, np.int32), text)
    render_changes(
        template, out.changes, out.evaluations, none, 0, words, triggers, words, numbers, 0, text, none
    )
    render_notices(template, out.notices, none, 0, words, text, none)


def warm_shard(pack: Pack) -> None:
    """A batch of the live service: its order, its decisions, and what becomes of them."""
    import numpy as np

    from rules.shard.core import Core
    from rules.shard.inbox import Inbox
    from rules.shard.lines import instants
    from rules.shard.records import RecordColumns

    bodies = [json.dumps(row).encode() for row in _rows()]
    starts = np.cumsum([0, *(len(body) for body in bodies)], dtype=np.int64)
    count = len(bodies)
    keys = starts[:-1] + np.array([body.index(b'"c"') + 1 for body in bodies])
    columns = RecordColumns(
        np.frombuffer(b"".join(bodies), np.uint8),
        np.arange(count),
        np.full(count, 1_800_000_000_000),
        keys,
        np.ones(count, np.int64),
        starts[:-1],
        np.diff(starts),
    )
    inbox = Inbox((0, 0, 0, 0))
    for topic in range(4):
        inbox.feed(topic, columns.cut(0, count if topic < 2 else 0), count)
        inbox.hear_end(topic, count, None)
    core = Core(pack)
    records = inbox.take(2 * count).records
    core.step(records, core.decode(records))
    core.categories()
    core.tick(30_000, 0, core.begin_tick(30_000), 1_000)
    instants(np.zeros(1, np.int64))
    _warm_snapshot(core.engine)
    _warm_records(bodies)


def _warm_snapshot(engine: Engine) -> None:
    """A snapshot, written and read."""
    from workers.live.snapshots import Decoder, Encoder

    decoder = Decoder(threads=1)
    for chunk in Encoder(engine.snapshot(), "0" * 32):
        decoder.add(chunk)
    decoder.settle()


def _warm_records(bodies: list[bytes]) -> None:
    """Records of Kafka, written and read."""
    from workers.feed.heads import read_heads
    from workers.kafka.batches import prepared
    from workers.kafka.columns import read_response
    from workers.kafka.messages import Messages, Spans

    values = Spans.of([*bodies])
    headers = (("varying", values),)
    for batch in prepared(Messages("topic", values, values, (("fixed", b"1"),), headers, 0)):
        read_response(batch._build(), 0, ())
    read_heads(*values)


def _rows() -> list[dict[str, object]]:
    return [
        {"event_id": f"e{day}", "customer_id": "c", "occurred_at": f"2024-0{day + 1}-01T12:00:00Z", **event}
        for day, event in enumerate(_EVENTS)
    ]


def _checkout() -> str:
    """Stands for where the sources lie: numba keeps the machine code of another place apart."""
    return hashlib.sha256(bytes(Path(__file__).resolve())).hexdigest()[:12]


def _cell(value: object) -> str | None:
    """A value as a column of texts holds it, attributes as JSON."""
    return json.dumps(value) if isinstance(value, dict) else None if value is None else str(value)


if __name__ == "__main__":
    main()
