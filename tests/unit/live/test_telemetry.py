"""What a scrape shows of what a worker was told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from workers.live.telemetry import STATES, Telemetry

PAGE = Path(__file__).parents[3] / "workers" / "live" / "showing.md"


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(clock=lambda: 1_000.0)


def shown(telemetry: Telemetry) -> dict[str, float]:
    """Every series by its name and labels, as a scrape shows it."""
    return {
        sample.name
        + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(telemetry.text().decode())
        for sample in family.samples
    }


def test_events_are_counted_by_topic(telemetry: Telemetry) -> None:
    telemetry.events({"orders": 3, "payments": 1})
    telemetry.events({"orders": 2})
    assert shown(telemetry)["tierline_events_applied_total topic=orders"] == 5
    assert shown(telemetry)["tierline_events_applied_total topic=payments"] == 1


def test_what_changed_nothing_is_counted_by_why(telemetry: Telemetry) -> None:
    telemetry.dropped(duplicates=2, unknown=3)
    telemetry.late(4)
    telemetry.rejections({"schema": 5, "future": 1})
    series = shown(telemetry)
    assert series["tierline_events_duplicate_total"] == 2
    assert series["tierline_events_unknown_total"] == 3
    assert series["tierline_events_late_total"] == 4
    assert series["tierline_events_rejected_total reason=schema"] == 5
    assert series["tierline_events_rejected_total reason=future"] == 1


def test_an_input_that_cannot_be_read_is_shown_with_its_reason_until_it_can(telemetry: Telemetry) -> None:
    telemetry.input_unreadable(1, "orders", "deleted")
    telemetry.input_unreadable(2, "orders", "forbidden")
    telemetry.input_unreadable(1, "payments", "damaged")
    name = "tierline_input_unreadable"
    assert {each for each in shown(telemetry) if each.startswith(name)} == {
        f"{name} reason=damaged shard=1 topic=payments",
        f"{name} reason=forbidden shard=2 topic=orders",
    }
    telemetry.inputs_readable(1)
    telemetry.shard_gone(2)
    assert not any(each.startswith(name) for each in shown(telemetry))


def test_changes_are_counted_by_dimension_category_and_cause(telemetry: Telemetry) -> None:
    telemetry.changes([("value_tier", "gold", "event", 2), ("value_tier", "gold", "time", 1)])
    telemetry.notices({"started": 2})
    telemetry.erased(1)
    series = shown(telemetry)
    assert series["tierline_changes_total category=gold cause=event dimension=value_tier"] == 2
    assert series["tierline_changes_total category=gold cause=time dimension=value_tier"] == 1
    assert series["tierline_notices_total state=started"] == 2
    assert series["tierline_customers_erased_total"] == 1


def test_the_parts_of_a_batch_are_told_apart(telemetry: Telemetry) -> None:
    telemetry.batch(records=300, decode_s=0.001, step_s=0.002, commit_s=0.004, batch_s=0.008)
    series = shown(telemetry)
    assert [
        series[f"tierline_{part}_sum"]
        for part in ("batch_records", "decode_seconds", "step_seconds", "commit_seconds", "batch_seconds")
    ] == [300, 0.001, 0.002, 0.004, 0.008]


def test_transactions_that_failed_are_counted(telemetry: Telemetry) -> None:
    telemetry.transaction_aborted()
    telemetry.fenced()
    series = shown(telemetry)
    assert series["tierline_transactions_aborted_total"] == 1
    assert series["tierline_transactions_fenced_total"] == 1


def test_a_shard_is_in_one_state_at_a_time(telemetry: Telemetry) -> None:
    telemetry.shard_state(3, "restoring")
    telemetry.shard_state(3, "ready")
    series = shown(telemetry)
    assert {state: series[f"tierline_shard_state shard=3 state={state}"] for state in STATES} == {
        "fencing": 0,
        "restoring": 0,
        "ready": 1,
        "failed": 0,
    }


def test_a_state_that_is_none_is_refused(telemetry: Telemetry) -> None:
    with pytest.raises(ValueError, match="`READY` is no state of a shard"):
        telemetry.shard_state(0, "READY")


def test_where_a_shard_stands_is_shown_in_base_units(telemetry: Telemetry) -> None:
    telemetry.lag("orders", 0, 17)
    telemetry.watermark(0, 1_700_000_000_250_000)
    telemetry.held(0, customers=5, pending=2, engine_bytes=4096)
    series = shown(telemetry)
    assert series["tierline_lag_records shard=0 topic=orders"] == 17
    assert series["tierline_watermark_timestamp_seconds shard=0"] == 1_700_000_000.25
    assert series["tierline_customers shard=0"] == 5
    assert series["tierline_pending_moves shard=0"] == 2
    assert series["tierline_engine_memory_bytes shard=0"] == 4096


def test_the_age_of_a_snapshot_is_that_at_the_scrape() -> None:
    now = 1_000.0
    telemetry = Telemetry(clock=lambda: now)
    telemetry.snapshot_made(0, made_at_s=990.0, size_bytes=123)
    telemetry.snapshot_paused(0.02)
    now = 1_060.0
    series = shown(telemetry)
    assert series["tierline_snapshot_age_seconds shard=0"] == 70
    assert series["tierline_snapshot_size_bytes shard=0"] == 123
    assert series["tierline_snapshot_pause_seconds_sum"] == 0.02


def test_restores_are_counted_with_their_time_and_records(telemetry: Telemetry) -> None:
    telemetry.restored(1, seconds=2.0, records=500)
    telemetry.restore_failed(2)
    series = shown(telemetry)
    assert series["tierline_restores_total shard=1"] == 1
    assert series["tierline_restore_records_total"] == 500
    assert series["tierline_restore_seconds_sum"] == 2
    assert series["tierline_restores_failed_total shard=2"] == 1


def test_nothing_is_shown_of_where_a_shard_stands_once_it_is_gone(telemetry: Telemetry) -> None:
    for shard in (0, 1):
        telemetry.shard_state(shard, "ready")
        telemetry.lag("orders", shard, 1)
        telemetry.watermark(shard, 0)
        telemetry.held(shard, customers=1, pending=1, engine_bytes=1)
        telemetry.snapshot_made(shard, made_at_s=0.0, size_bytes=1)
    telemetry.shard_gone(0)
    left = [name for name in shown(telemetry) if "shard=" in name]
    assert left
    assert all("shard=1" in name for name in left)


def test_the_program_and_its_pack_are_named(telemetry: Telemetry) -> None:
    telemetry.describe(version="0.1.0", pack="shop", pack_version="3", fingerprint="ab")
    assert shown(telemetry)["tierline_build_info fingerprint=ab pack=shop pack_version=3 version=0.1.0"] == 1


def test_every_series_has_our_prefix_and_base_units_and_none_names_a_customer(telemetry: Telemetry) -> None:
    families = list(text_string_to_metric_families(telemetry.text().decode()))
    assert len(families) > 20
    for family in families:
        assert re.fullmatch(r"tierline_[a-z_]+", family.name)
        assert family.documentation
        assert not re.search(r"_(ms|us|milliseconds|kb|mb)\b", family.name)
        assert all("customer" not in name for sample in family.samples for name in sample.labels)


def test_the_page_lists_every_figure_with_its_labels_and_no_other(telemetry: Telemetry) -> None:
    told = {
        name: labels
        for names, labels in re.findall(
            r"^\| (`tierline_[^|]+) \| ([^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
        )
        for name in re.findall(r"`(\w+)`", names)
    }
    made = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in telemetry.registry.collect()
    }
    made["tierline_build_info"] = made.pop("tierline_build")
    assert told.keys() == made.keys()
    tell_something_of_each(telemetry)
    for family in telemetry.registry.collect():
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        name = next(name for name, each in made.items() if each.name == family.name)
        assert set(re.findall(r"\w+", told[name])) == labels, name


def tell_something_of_each(telemetry: Telemetry) -> None:
    telemetry.describe(version="1", pack="p", pack_version="1", fingerprint="f")
    telemetry.events({"orders": 1})
    telemetry.rejections({"schema": 1})
    telemetry.input_unreadable(0, "orders", "deleted")
    telemetry.changes([("tier", "gold", "event", 1)])
    telemetry.notices({"started": 1})
    telemetry.shard_state(0, "ready")
    telemetry.lag("orders", 0, 1)
    telemetry.watermark(0, 0)
    telemetry.held(0, customers=1, pending=1, engine_bytes=1)
    telemetry.restored(0, seconds=1.0, records=1)
    telemetry.restore_failed(0)
    telemetry.snapshot_made(0, made_at_s=0.0, size_bytes=1)


def test_two_workers_in_one_process_have_figures_of_their_own() -> None:
    first, second = Telemetry(), Telemetry(CollectorRegistry())
    first.late(1)
    assert shown(second)["tierline_events_late_total"] == 0


def test_the_memory_of_the_process_is_shown_where_asked_for(telemetry: Telemetry) -> None:
    telemetry.watch_process()
    assert shown(telemetry)["process_resident_memory_bytes"] > 0
