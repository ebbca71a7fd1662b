"""What a worker says of itself at `/metrics`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """Sums over the shards of a worker; `watermark_s` is the least of them, seconds since 1970."""

    applied: int = 0
    not_applied: int = 0
    lag: int = 0
    watermark_s: float | None = None
    states: Counter[str] = field(default_factory=Counter)
    pending: int = 0

    @property
    def taken(self) -> int:
        """Events that are through: applied, refused, dropped."""
        return self.applied + self.not_applied


async def ask_worker(session: aiohttp.ClientSession, address: str) -> WorkerFigures | None:
    """The figures of the worker at an address; None while it does not answer."""
    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with session.get(f"{address}/metrics", timeout=timeout) as answer:
            return read_figures(await answer.text())
    except (TimeoutError, aiohttp.ClientError):
        return None


def read_figures(text: str) -> WorkerFigures:
    """The figures in Prometheus' text format."""
    sums: Counter[str] = Counter()
    states: Counter[str] = Counter()
    watermarks = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] += int(sample.value) if sample.value == sample.value else 0
            if sample.name == "tierline_shard_state" and sample.value:
                states[sample.labels["state"]] += 1
            if sample.name == "tierline_watermark_timestamp_seconds":
                watermarks.append(sample.value)
    dropped = ("events_duplicate", "events_unknown", "events_rejected")
    return WorkerFigures(
        applied=sums["tierline_events_applied_total"],
        not_applied=sum(sums[f"tierline_{name}_total"] for name in dropped),
        lag=sums["tierline_lag_records"],
        watermark_s=min(watermarks, default=None),
        states=states,
        pending=sums["tierline_pending_moves"],
    )
