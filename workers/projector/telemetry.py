"""The figures of a projector for Prometheus; base units, no customer as a label."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_COMMIT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
_RECORDS = (1, 10, 100, 1_000, 3_000, 10_000, 30_000, 100_000)


class Telemetry:
    """The figures of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._records = Counter(
            "tierline_projector_records", "Records read.", ["topic"], registry=self.registry
        )
        self._rows = Counter("tierline_projector_rows", "Rows written.", ["table"], registry=self.registry)
        self._lag = Gauge(
            "tierline_projector_lag_records",
            "Records that are there and not yet projected.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self._commit = Histogram(
            "tierline_projector_commit_seconds",
            "From the begin of a transaction to its commit.",
            registry=self.registry,
            buckets=_COMMIT_S,
        )
        self._batch = Histogram(
            "tierline_projector_batch_records",
            "Records of a transaction.",
            registry=self.registry,
            buckets=_RECORDS,
        )
        self._caught_up = Gauge(
            "tierline_projector_caught_up",
            "1 once everything was projected that was there at the start.",
            registry=self.registry,
        )
        self._last = Gauge(
            "tierline_projector_last_commit_timestamp_seconds",
            "When the latest transaction was committed, since 1970.",
            registry=self.registry,
        )
        self._up = Gauge(
            "tierline_projector_database_up",
            "1 while the database answers.",
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def committed(
        self,
        records_by_topic: Mapping[str, int],
        rows_by_table: Mapping[str, int],
        seconds: float,
        now_s: float,
    ) -> None:
        """A transaction was committed."""
        for topic, count in records_by_topic.items():
            self._records.labels(topic).inc(count)
        for table, count in rows_by_table.items():
            self._rows.labels(table).inc(count)
        self._batch.observe(sum(records_by_topic.values()))
        self._commit.observe(seconds)
        self._last.set(now_s)
        self._up.set(1)

    def lag(self, topic: str, partition: int, records: int) -> None:
        """How far a partition is behind."""
        self._lag.labels(topic, str(partition)).set(records)

    def caught_up(self) -> None:
        """Everything is there that was at the start."""
        self._caught_up.set(1)

    def database_up(self, up: bool) -> None:
        """Whether the database answers."""
        self._up.set(up)
