"""The figures of a worker for Prometheus: what it did, how long it took, and how far behind it is.

Base units (seconds, bytes, records). Labels are words of the pack, topics and shards, never customers, so
that their number stays small. What is shown of a shard goes when the shard does; counts stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from workers.clock import unix_seconds

#: The states of a shard, as labels.
STATES: Final = ("fencing", "restoring", "ready", "failed")

#: A step takes microseconds for a record or two and seconds for a midnight of a million deadlines.
_WORK_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
#: A commit takes 4 ms on an idle broker, 24 ms right after another, and longer only when something is wrong.
_COMMIT_S = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
#: From a few customers to the replay of millions of records.
_RESTORE_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
#: The service stands still while a snapshot is copied; 0.1 s is noticed.
_PAUSE_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_RECORDS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)


class Telemetry:
    """The figures of one worker process. Cheap enough to be told once a batch; not to be told once an event.

    `registry`: a new one if none is given. `clock` gives seconds since 1970-01-01T00:00Z, for ages.
    """

    def __init__(
        self, registry: CollectorRegistry | None = None, clock: Callable[[], float] = unix_seconds
    ) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._clock = clock
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when each series began: as many lines again, and nobody asks
        self._make_counts()
        self._make_times()
        self._make_states()

    def describe(self, *, version: str, pack: str, pack_version: str, fingerprint: str) -> None:
        """Say which program runs which pack."""
        self._build.info(
            {"version": version, "pack": pack, "pack_version": pack_version, "fingerprint": fingerprint}
        )

    def watch_process(self) -> None:
        """Also show the memory, processor time and open files of this process."""
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

    # --- what a batch did -------------------------------------------------------------------------------

    def events(self, applied_by_topic: Mapping[str, int]) -> None:
        """Events of a committed batch that were applied, by topic."""
        for topic, count in applied_by_topic.items():
            self._applied.labels(topic).inc(count)

    def dropped(self, *, duplicates: int = 0, unknown: int = 0) -> None:
        """Events that changed nothing and are no error: seen before, or of a type that is not ours."""
        self._duplicates.inc(duplicates)
        self._unknown.inc(unknown)

    def late(self, count: int) -> None:
        """Applied events that came after their day had been worked through."""
        self._late.inc(count)

    def rejections(self, count_by_code: Mapping[str, int]) -> None:
        """Events that went to the dead letters, by the code of the reason."""
        for code, count in count_by_code.items():
            self._rejections.labels(code).inc(count)

    def changes(self, counts: Iterable[tuple[str, str, str, int]]) -> None:
        """Published changes: (dimension, category entered, cause, count)."""
        for dimension, category, cause, count in counts:
            self._changes.labels(dimension, category, cause).inc(count)

    def notices(self, count_by_state: Mapping[str, int]) -> None:
        """Published notices of pending moves, by state: started, updated, cancelled."""
        for state, count in count_by_state.items():
            self._notices.labels(state).inc(count)

    def erased(self, count: int) -> None:
        """Customers that were erased."""
        self._erased.inc(count)

    def batch(self, *, records: int, decode_s: float, step_s: float, commit_s: float, batch_s: float) -> None:
        """A committed batch: its records and the seconds of its parts; `batch_s` from taking to committed."""
        self._batch_records.observe(records)
        self._decode.observe(decode_s)
        self._step.observe(step_s)
        self._commit.observe(commit_s)
        self._batch.observe(batch_s)

    def transaction_aborted(self) -> None:
        """A transaction was given up, and its batch will be done again."""
        self._aborted.inc()

    def fenced(self) -> None:
        """Another worker has taken over a shard's transactions."""
        self._fenced.inc()

    # --- where a shard stands ---------------------------------------------------------------------------

    def shard_state(self, shard: int, state: str) -> None:
        """The state a shard is in now, one of `STATES`."""
        if state not in STATES:
            raise ValueError(f"`{state}` is no state of a shard: {', '.join(STATES)}")
        for each in STATES:
            self._state.labels(str(shard), each).set(each == state)

    def input_unreadable(self, shard: int, topic: str, reason: str) -> None:
        """An input cannot be read on, whatever the reason; the shard stands still until it can."""
        self.inputs_readable(shard)
        self._unreadable.labels(str(shard), topic, reason).set(1)

    def inputs_readable(self, shard: int) -> None:
        """All inputs of a shard can be read."""
        self._unreadable.remove_by_labels({"shard": str(shard)})

    def lag(self, topic: str, shard: int, records: int) -> None:
        """How many records of an input are committed by others and not yet taken."""
        self._lag.labels(str(shard), topic).set(records)

    def watermark(self, shard: int, instant_us: int) -> None:
        """Up to where every class of the shard is final, microseconds since 1970-01-01T00:00Z."""
        self._watermark.labels(str(shard)).set(instant_us / 1e6)

    def held(self, shard: int, *, customers: int, pending: int, engine_bytes: int) -> None:
        """What a shard's engine holds: known customers, pending moves, bytes of memory."""
        self._customers.labels(str(shard)).set(customers)
        self._pending.labels(str(shard)).set(pending)
        self._engine_bytes.labels(str(shard)).set(engine_bytes)

    def restored(self, shard: int, *, seconds: float, records: int) -> None:
        """A shard's state was restored: how long it took, and how many records were run through again."""
        self._restores.labels(str(shard)).inc()
        self._restore_records.inc(records)
        self._restore.observe(seconds)

    def restore_failed(self, shard: int) -> None:
        """A restore came to no end: the broker was lost, or the journal did not match."""
        self._restores_failed.labels(str(shard)).inc()

    def snapshot_paused(self, seconds: float) -> None:
        """How long the service stood still to copy a shard's state."""
        self._snapshot_pause.observe(seconds)

    def snapshot_made(self, shard: int, *, made_at_s: float, size_bytes: int) -> None:
        """The snapshot a restore would begin with now: seconds since 1970 when copied, bytes as stored."""
        self._snapshot_size.labels(str(shard)).set(size_bytes)
        self._snapshot_age.labels(str(shard)).set_function(lambda: max(0.0, self._clock() - made_at_s))

    def shard_gone(self, shard: int) -> None:
        """The shard is no longer this worker's: what was shown of it is gone with it."""
        for gauge in self._of_shards:
            gauge.remove_by_labels({"shard": str(shard)})

    # --- what there is ----------------------------------------------------------------------------------

    def _make_counts(self) -> None:
        self._applied = self._counter("events_applied", "Events that were applied.", "topic")
        self._duplicates = self._counter("events_duplicate", "Events dropped because they came before.")
        self._late = self._counter("events_late", "Applied events whose day had been worked through.")
        self._unknown = self._counter("events_unknown", "Events skipped for a type that is not ours.")
        self._rejections = self._counter(
            "events_rejected", "Events that went to the dead letters, by reason.", "reason"
        )
        self._changes = self._counter(
            "changes", "Moves of customers, by the category entered.", "dimension", "category", "cause"
        )
        self._notices = self._counter("notices", "Notices of pending moves.", "state")
        self._erased = self._counter("customers_erased", "Customers that were erased.")
        self._aborted = self._counter("transactions_aborted", "Transactions that were given up.")
        self._fenced = self._counter("transactions_fenced", "Shards lost to another worker in the middle.")
        self._restores = self._counter("restores", "Restores that came to their end.", "shard")
        self._restores_failed = self._counter("restores_failed", "Restores that did not.", "shard")
        self._restore_records = self._counter("restore_records", "Records run through again to restore.")

    def _make_times(self) -> None:
        self._batch = self._histogram("batch_seconds", "From taking the records to committed.", _COMMIT_S)
        self._decode = self._histogram("decode_seconds", "Decoding the records of a batch.", _WORK_S)
        self._step = self._histogram("step_seconds", "Deciding a batch: events and ticks.", _WORK_S)
        self._commit = self._histogram("commit_seconds", "From beginning a transaction to done.", _COMMIT_S)
        self._batch_records = self._histogram("batch_records", "Records of a batch.", _RECORDS)
        self._restore = self._histogram("restore_seconds", "From given a shard to its state.", _RESTORE_S)
        self._snapshot_pause = self._histogram(
            "snapshot_pause_seconds", "Standing still to copy a shard's state.", _PAUSE_S
        )

    def _make_states(self) -> None:
        self._build = Info("tierline_build", "The program and the pack it runs.", registry=self.registry)
        self._of_shards: list[Gauge] = []
        self._state = self._gauge("shard_state", "1 for the state a shard is in.", "state")
        self._unreadable = self._gauge(
            "input_unreadable", "1 while an input cannot be read on, and why.", "topic", "reason"
        )
        self._lag = self._gauge("lag_records", "Records that are there and not yet taken.", "topic")
        self._watermark = self._gauge(
            "watermark_timestamp_seconds", "Up to where every class is final, since 1970."
        )
        self._customers = self._gauge("customers", "Known customers.")
        self._pending = self._gauge("pending_moves", "Moves that wait for their day.")
        self._engine_bytes = self._gauge("engine_memory_bytes", "Memory of a shard's state.")
        self._snapshot_age = self._gauge("snapshot_age_seconds", "Age of what a restore would begin with.")
        self._snapshot_size = self._gauge("snapshot_size_bytes", "Size of the latest snapshot as stored.")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tierline_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"tierline_{name}", text, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """A figure of a shard, with labels besides it."""
        gauge = Gauge(f"tierline_{name}", text, ("shard", *labels), registry=self.registry)
        self._of_shards.append(gauge)
        return gauge
