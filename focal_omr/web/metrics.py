"""Figures of the server in the text format of Prometheus."""

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
    """What is counted while the server is there."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "focal_omr_requests", "Answers by route and status.", ("route", "status"), registry=self._registry
        )
        self._jobs = Gauge("focal_omr_jobs", "Jobs by status.", ("status",), registry=self._registry)
        self._queue = Gauge("focal_omr_queue_length", "Jobs that wait.", registry=self._registry)
        self._seconds = Histogram(
            "focal_omr_reading_seconds",
            "Seconds that reading a job took.",
            ("result",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def seen(self, scope: Scope, status: int) -> None:
        """Count an answer. Routes are named by their patterns: no client can make up new ones."""
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(route, str(status)).inc()

    def read(self, seconds: float, done: bool) -> None:
        """Count a job that was read, or could not be."""
        self._seconds.labels("read" if done else "failed").observe(seconds)

    def text(self, store: Store) -> bytes:
        """All figures as they are now."""
        counts = store.counts()
        for status, count in counts.items():
            self._jobs.labels(status).set(count)
        self._queue.set(counts["queued"])
        return generate_latest(self._registry)
