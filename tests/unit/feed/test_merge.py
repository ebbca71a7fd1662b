"""Several files in one order of time, each in its own."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine.event import Topic
from workers.feed import merge
from workers.feed.merge import Slab, merged
from workers.files.sources import find_event_files

KINDS: dict[Topic, str] = {
    "customers": "customer.registered",
    "orders": "order.completed",
    "payments": "payment.failed",
    "feedback": "feedback.nps",
}


def event(topic: Topic, second: int, name: str) -> dict[str, str]:
    day, rest = divmod(second, 60)
    return {
        "event_id": name,
        "type": KINDS[topic],
        "occurred_at": f"2026-03-{day + 1:02}T00:00:{rest:02}Z",
        "customer_id": f"customer of {name}",
    }


def write(path: Path, events: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in events), encoding="utf-8")
    return path


def values(slab: Slab) -> list[bytes]:
    return [
        slab.text[start : start + length].tobytes()
        for start, length in zip(slab.value_start.tolist(), slab.value_length.tolist(), strict=True)
    ]


def names(paths: list[Path]) -> list[str]:
    slabs = merged(find_event_files(paths), [None] * len(paths))
    return [json.loads(value)["event_id"] for slab in slabs for value in values(slab)]


def test_the_earlier_record_comes_first_and_at_the_same_time_the_topic_decides(tmp_path: Path) -> None:
    orders = write(tmp_path / "a.ndjson", [event("orders", 1, "o1"), event("orders", 3, "o3")])
    payments = write(tmp_path / "b.ndjson", [event("payments", 1, "p1"), event("payments", 2, "p2")])
    customers = write(tmp_path / "c.ndjson", [event("customers", 3, "c3")])
    assert names([payments, customers, orders]) == ["o1", "p1", "p2", "c3", "o3"]


def test_a_late_record_stays_where_it_arrived(tmp_path: Path) -> None:
    orders = write(tmp_path / "a.ndjson", [event("orders", second, f"o{second}") for second in (5, 1, 9)])
    payments = write(tmp_path / "b.ndjson", [event("payments", second, f"p{second}") for second in (3, 7)])
    assert names([orders, payments]) == ["p3", "o5", "o1", "p7", "o9"]


def test_what_cannot_be_read_stays_between_its_neighbours(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [event("orders", 1, "1"), event("orders", 2, "2")])
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([b"not", lines[0], b"{also not", b"", lines[1], b""]))
    (slab,) = merged(find_event_files([path]), ["orders"])
    assert values(slab) == [b"not", lines[0], b"{also not", lines[1]]
    assert slab.key_length.tolist() == [-1, 13, -1, 13]
    assert slab.topic.tolist() == [1, 1, 1, 1]
    assert slab.position.tolist() == [1, 2, 3, 5]
    assert (slab.time_us - slab.time_us[1]).tolist() == [0, 0, 0, 1_000_000]


def test_rows_of_parquet_become_the_json_that_a_line_would_be(tmp_path: Path) -> None:
    events = [event("orders", 1, "o1"), event("payments", 2, "p2")]
    pq.write_table(pa.Table.from_pylist(events), tmp_path / "events.parquet")
    (slab,) = merged(find_event_files([tmp_path]), [None])
    assert [json.loads(value) for value in values(slab)] == events
    assert slab.position.tolist() == [1, 2]


@given(
    files=st.lists(
        st.lists(st.tuples(st.sampled_from(list(KINDS)), st.integers(0, 40)), max_size=12),
        min_size=1,
        max_size=4,
    ),
    piece=st.sampled_from([64, 300, 1 << 20]),
)
def test_however_large_the_pieces_the_order_is_that_of_the_least_head(
    files: list[list[tuple[Topic, int]]], piece: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    paths, expected = [], []
    for number, file in enumerate(files):
        named = [event(topic, second, f"{number}-{place}") for place, (topic, second) in enumerate(file)]
        paths.append(write(folder / f"{number}.ndjson", named))
        greatest = 0
        for place, (_, second) in enumerate(file):
            greatest = max(greatest, second)
            expected.append((greatest, number, place))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "_MEMORY_BYTES", piece)
        patch.setattr(merge, "_PIECE_BYTES_MIN", piece)
        pairs = [name.split("-") for name in names(paths)]
    found = [(int(number), int(place)) for number, place in pairs]
    times = {(number, place): greatest for greatest, number, place in expected}
    assert sorted(found) == sorted(times)
    assert [times[name] for name in found] == sorted(times.values())
    assert all(
        [place for n, place in found if n == number] == sorted(place for n, place in found if n == number)
        for number in range(len(files))
    )
