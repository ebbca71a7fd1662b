"""Event files are found and read as they stand, packed or not, or refused with one clear sentence."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from workers.cli.errors import UserError
from workers.files.chunks import read_chunks
from workers.files.sources import REQUIRED_COLUMNS, find_event_files, read_records
from workers.packs import find_pack

LINES = b'{"a": 1}\r\n\n  \n{"b": 2}\n{"c": 3}'
EXPECTED = [(b'{"a": 1}', 1), (b'{"b": 2}', 4), (b'{"c": 3}', 5)]


def records(path: Path) -> list[tuple[bytes, int]]:
    (file,) = find_event_files([path])
    return [(record.raw, record.position) for record in read_records(file)]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.ndjson", LINES),
        ("packed.ndjson.gz", gzip.compress(LINES, mtime=0)),
        ("two_members.ndjson.gz", gzip.compress(LINES[:12], mtime=0) + gzip.compress(LINES[12:], mtime=0)),
        ("packed.ndjson.zst", zstd(LINES)),
        ("two_frames.ndjson.zst", zstd(LINES[:12]) + zstd(LINES[12:])),
        ("no_ending_that_tells", gzip.compress(LINES, mtime=0)),
    ],
)
def test_lines_keep_their_numbers_and_blank_ones_are_left_out(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert records(tmp_path / name) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.ndjson.gz", gzip.compress(LINES, mtime=0)[:-10]),
        ("cut.ndjson.zst", zstd(LINES)[:-3]),
        ("spoilt.ndjson.zst", zstd(LINES)[:8] + b"\xff\xff\xff\xff" + zstd(LINES)[12:]),
        ("cut.parquet", b"PAR1 and no more"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}` is damaged"):
        records(tmp_path / name)


def test_a_folder_gives_its_event_files_by_name_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.ndjson", "a.jsonl", "c.ndjson.gz", "notes.txt", "Z.ndjson"):
        (tmp_path / name).write_bytes(b"")
    assert [file.name for file in find_event_files([tmp_path])] == [
        "Z.ndjson",
        "a.jsonl",
        "b.ndjson",
        "c.ndjson.gz",
    ]


def test_files_come_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    for name in ("b.ndjson", "a.ndjson"):
        (tmp_path / name).write_bytes(b"")
    files = find_event_files([tmp_path / "b.ndjson", tmp_path / "a.ndjson"])
    assert [file.name for file in files] == ["b.ndjson", "a.ndjson"]


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        find_event_files([tmp_path / "nothing.ndjson"])
    with pytest.raises(UserError, match="holds no event files"):
        find_event_files([tmp_path])


def test_a_table_without_the_columns_of_events_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"event_id": ["e"], "type": ["order.placed"]}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match="no column `occurred_at`"):
        records(tmp_path / "x.parquet")


MEANS_NOON = '"2024-01-31T12:00:00.250000Z"'
NOON = datetime(2024, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "array", "member"),
    [
        ("occurred_at", pa.array([NOON], pa.timestamp("us", tz="UTC")), MEANS_NOON),
        (
            "occurred_at",
            pa.array([NOON], pa.timestamp("ms", tz="Asia/Tokyo")),
            '"2024-01-31T12:00:00.250000Z"',
        ),
        ("occurred_at", pa.array([NOON.replace(tzinfo=None)]), MEANS_NOON),
        ("occurred_at", pa.array([1], pa.timestamp("ns")), '"1970-01-01T00:00:00.000000001Z"'),
        ("occurred_at", pa.array(["2024-01-31t12:00:00z"]), '"2024-01-31t12:00:00z"'),
        ("amount", pa.array([0.1]), "0.1"),
        ("amount", pa.array([1e16]), "1e+16"),
        ("amount", pa.array([Decimal("12.50")]), "12.50"),
        ("amount", pa.array([12]), "12"),
        ("amount", pa.array(["12.5"]), '"12.5"'),
        ("amount", pa.array([float("nan")]), '"nan"'),
        ("items", pa.array([3.0]), "3.0"),
        ("channel", pa.array(["é"]).dictionary_encode(), '"é"'),
        ("until", pa.array([NOON.date()]), '"2024-01-31"'),
        ("attributes", pa.array(['{"vip": null, "level": 1.50}']), '{"vip": null, "level": 1.50}'),
        ("attributes", pa.array(["not an object"]), '"not an object"'),
        ("attributes", pa.array([{"vip": True, "tag": None}]), '{"vip":true}'),
        (
            "attributes",
            pa.array([[("tag", "a"), ("other", None)]], pa.map_(pa.string(), pa.string())),
            '{"tag":"a","other":null}',
        ),
    ],
)
def test_a_row_stands_for_the_json_that_means_the_same(
    tmp_path: Path, column: str, array: pa.Array, member: str
) -> None:
    columns = {"event_id": ["e1"], "type": ["t"], "occurred_at": ["now"], "customer_id": ["C"], "extra": [1]}
    pq.write_table(pa.table({**columns, "currency": [None], column: array}), tmp_path / "x.parquet")
    ((raw, position),) = records(tmp_path / "x.parquet")
    occurred = member if column == "occurred_at" else '"now"'
    more = "" if column == "occurred_at" else f',"{column}":{member}'
    expected = f'{{"event_id":"e1","type":"t","occurred_at":{occurred},"customer_id":"C"{more}}}'
    assert (raw.decode(), position) == (expected, 1)


def test_damage_inside_a_parquet_page_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "spoilt.parquet"
    columns = {name: [f"{name}-{row}" for row in range(500)] for name in REQUIRED_COLUMNS}
    pq.write_table(pa.table(columns), path, use_dictionary=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + b"\0" * 60 + whole[100:])
    with pytest.raises(UserError, match=r"spoilt.parquet` is damaged"):
        records(path)
    with pytest.raises(UserError, match=r"spoilt.parquet` is damaged"):
        list(read_chunks(find_event_files([path])))


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.ndjson"
    os.mkfifo(path)
    with pytest.raises(UserError, match="is not a regular file"):
        find_event_files([path])
    with pytest.raises(UserError, match="is not a regular file"):
        find_pack(path)
