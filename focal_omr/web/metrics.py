"""Prometheus metrics of the server."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import Scope

from focal_omr.web.store import Store

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_BUCKETS_S = (0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600)  # a page takes 0.5 to 2


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._responses = Counter(
            "focal_omr_requests",
            "Responses by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self._jobs = Gauge("focal_omr_jobs", "Jobs by status.", ("status",), registry=self._registry)
        self._queue = Gauge("focal_omr_queue_length", "Queued jobs.", registry=self._registry)
        self._seconds = Histogram(
            "focal_omr_reading_seconds",
            "Seconds taken to read a job.",
            ("result",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def count_response(self, scope: Scope, status: int) -> None:
        """Count a response by its route's pattern, so that clients cannot create new labels."""
        route = getattr(scope.get("route"), "path", "other")
        self._responses.labels(route, str(status)).inc()

    def count_job(self, seconds: float, done: bool) -> None:
        """Count a job that was read or that failed."""
        self._seconds.labels("read" if done else "failed").observe(seconds)

    def text(self, store: Store) -> bytes:
        """All metrics in the Prometheus text format."""
        counts = store.counts()
        for status, count in counts.items():
            self._jobs.labels(status).set(count)
        self._queue.set(counts["queued"])
        return generate_latest(self._registry)
