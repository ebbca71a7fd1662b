"""A snapshot belongs to its pack and its layout, and to nobody who changes the engine afterwards."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from rules.engine.engine import Engine
from rules.engine.plan import make_plan
from rules.engine.snapshot import LAYOUT_VERSION, Room, Snapshot
from rules.language.load import load_pack
from rules.language.model import Pack
from tests.properties.kernel_host import KernelHost
from tests.properties.strategies import seeded_history

TEXT = """
name: orders
version: "1"
timezone: UTC
currency: USD
metrics:
  orders: {agg: count, of: order.completed, window: 30d}
dimensions:
  tier: {kind: ladder, categories: {low: {}, high: {enter: "orders >= 2"}}}
"""


def pack_of(text: str) -> Pack:
    return load_pack(text, "orders.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("30d", "31d"), "remembers other things: rebuild the state from history"),
        ((">= 2", ">= 3"), "made under other rules than those of `orders` version `1`"),
    ],
)
def test_a_snapshot_of_another_pack_is_refused(change: tuple[str, str], message: str) -> None:
    snapshot = Engine(make_plan(pack_of(TEXT))).snapshot()
    with pytest.raises(ValueError, match=message):
        Engine.restore(make_plan(pack_of(TEXT.replace(*change))), snapshot)


def test_a_snapshot_of_another_layout_is_refused() -> None:
    plan = make_plan(pack_of(TEXT))
    snapshot = replace(Engine(plan).snapshot(), layout=LAYOUT_VERSION + 1)
    with pytest.raises(ValueError, match=f"this version reads layout {LAYOUT_VERSION}: rebuild"):
        Engine.restore(plan, snapshot)


def same(left: Snapshot, right: Snapshot) -> bool:
    return all(
        np.array_equal(getattr(left, each.name), getattr(right, each.name)) for each in fields(Snapshot)
    )


def test_a_restored_engine_gives_the_same_snapshot_and_neither_reaches_into_the_other() -> None:
    history = seeded_history(1)
    host = KernelHost(history.pack)
    half = len(history.inputs) // 2
    host.run(history.inputs[:half])
    snapshot, again = host.engine.snapshot(), host.engine.snapshot()
    restored = Engine.restore(host.plan, snapshot)
    assert same(restored.snapshot(), snapshot)
    host.run(history.inputs[half:])
    assert same(snapshot, again)
    assert same(restored.snapshot(), again)
    assert not same(host.engine.snapshot(), again)


def test_a_snapshot_taken_into_a_room_is_the_same_also_where_the_engine_has_outgrown_it() -> None:
    history = seeded_history(1)
    host = KernelHost(history.pack)
    small = host.engine.room()
    host.run(history.inputs)
    assert same(host.engine.snapshot(host.engine.room()), host.engine.snapshot())
    assert same(host.engine.snapshot(small), host.engine.snapshot())
    outgrown = Room(*(array[:1] for array in small))
    assert same(host.engine.snapshot(outgrown), host.engine.snapshot())
