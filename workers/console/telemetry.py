"""The figures of a console for Prometheus; routes by their templates, so that no customer is a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Telemetry:
    """The figures of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "tierline_console_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tierline_console_request_seconds",
            "From a request to the begin of its answer.",
            ["route"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._acts = Counter(
            "tierline_console_acts", "Events and records written by people.", ["act"], registry=self.registry
        )
        self._logins = Counter(
            "tierline_console_logins", "Logins, by how they ended.", ["outcome"], registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def acted(self, act: str, count: int) -> None:
        """So many events of a kind were written."""
        self._acts.labels(act).inc(count)

    def login(self, outcome: str) -> None:
        """A login `ok`, `refused` or `throttled`."""
        self._logins.labels(outcome).inc()

    def text(self) -> bytes:
        """All figures in Prometheus' format."""
        return generate_latest(self.registry)
