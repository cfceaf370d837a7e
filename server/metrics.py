"""What is told of the work, as Prometheus metrics: gRPC's conventional names, and `asksight_` for what is ours.

In a server of several processes the client library keeps its values in files of a common folder (it finds it in
PROMETHEUS_MULTIPROC_DIR when it is imported); gauges then are sums over the living.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from asksight.engine.pick import Cause

from .asks import ModelInfo
from .observer import CacheUse, Observer, Reason, Stage

SERVICE = "asksight.v1.VqaService"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics(Observer):
    """Counts what it is told, in a registry of its own. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._children: dict[tuple[Any, ...], Any] = {}
        self._told: dict[str, tuple[str, ...]] = {}  # what was said last of each name
        of: dict[str, Any] = {"registry": self.registry}
        grpc_labels = ["grpc_service", "grpc_method", "grpc_type"]
        self._started = Counter("grpc_server_started", "Calls that came in.", grpc_labels, **of)
        self._handled = Counter(
            "grpc_server_handled", "Calls by their code.", [*grpc_labels, "grpc_code"], **of
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "From a call's message to its answer.",
            grpc_labels,
            buckets=SECONDS,
            **of,
        )
        self._inside = Gauge(
            "asksight_calls_in_flight", "Calls under way.", multiprocess_mode="livesum", **of
        )
        self._callers = Counter("asksight_caller_calls", "Calls of named callers.", ["caller", "code"], **of)
        self._queue = Gauge(
            "asksight_queue_rows",
            "Rows that wait for an engine.",
            ["stage"],
            multiprocess_mode="livesum",
            **of,
        )
        self._waits = Histogram(
            "asksight_queue_wait_seconds", "A row's wait for its engine.", ["stage"], buckets=SECONDS, **of
        )
        self._rows = Histogram(
            "asksight_batch_rows", "Rows in one engine call.", ["stage"], buckets=ROWS, **of
        )
        self._runs = Histogram("asksight_batch_seconds", "One engine call.", ["stage"], buckets=SECONDS, **of)
        self._stages = Histogram(
            "asksight_stage_seconds", "An answered ask in each stage.", ["stage"], buckets=SECONDS, **of
        )
        self._asks_dropped = Counter(
            "asksight_asks_dropped",
            "Asks that ended unanswered, by where and why.",
            ["stage", "reason"],
            **of,
        )
        self._rows_dropped = Counter(
            "asksight_rows_dropped", "Rows taken out of a queue unrun.", ["stage", "reason"], **of
        )
        self._failures = Counter("asksight_engine_failures", "Failed batches.", ["stage", "kind"], **of)
        self._cache = Counter("asksight_cache_lookups", "Looks for a photo's features.", ["result"], **of)
        self._photos = Gauge("asksight_cache_photos", "Photos held.", multiprocess_mode="livesum", **of)
        self._bytes = Gauge("asksight_cache_bytes", "Bytes they take.", multiprocess_mode="livesum", **of)
        self._models = Gauge(
            "asksight_model_info",
            "What is served has the value 1, what was served before has 0.",
            ["served_as", "name", "version", "architecture", "engine", "precision"],
            multiprocess_mode="livemax",
            **of,
        )
        self._fallbacks = Gauge(
            "asksight_engine_fallback",
            "1 where a plan of the stage could not be taken, for this reason; GetModel says more.",
            ["served_as", "stage", "reason"],
            multiprocess_mode="livemax",
            **of,
        )
        self._swaps = Counter("asksight_model_reloads", "Bundles read again.", ["served_as", "result"], **of)

    def _of(self, metric: Any, *labels: str) -> Any:
        """The metric's child of those labels; `labels()` itself takes longer than counting."""
        child = self._children.get((metric, *labels))
        if child is None:
            child = self._children[metric, *labels] = metric.labels(*labels)
        return child

    def call_started(self, method: str) -> None:
        self._of(self._started, SERVICE, method, "unary").inc()
        self._inside.inc()

    def call_ended(self, method: str, code: str, seconds: float, caller: str) -> None:
        self._inside.dec()
        self._of(self._handled, SERVICE, method, "unary", code).inc()
        self._of(self._seconds, SERVICE, method, "unary").observe(seconds)
        if caller:
            self._of(self._callers, caller, code).inc()

    def ask_dropped(self, stage: Stage, reason: Reason) -> None:
        self._of(self._asks_dropped, stage, reason).inc()

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        self._of(self._rows_dropped, stage, reason).inc(count)

    def queued(self, stage: str, rows: int) -> None:
        self._of(self._queue, stage).set(rows)

    def batch(self, stage: str, *, rows: int, run_s: float, waited_s: Sequence[float]) -> None:
        self._of(self._rows, stage).observe(rows)
        self._of(self._runs, stage).observe(run_s)
        waits = self._of(self._waits, stage)
        for wait_s in waited_s:
            waits.observe(wait_s)

    def engine_failed(self, stage: str, kind: str) -> None:
        self._of(self._failures, stage, kind).inc()

    def cache_used(self, use: CacheUse) -> None:
        self._of(self._cache, use).inc()

    def cache_size(self, photos: int, size_bytes: int) -> None:
        self._photos.set(photos)
        self._bytes.set(size_bytes)

    def stage_time(self, stage: Stage, seconds: float) -> None:
        self._of(self._stages, stage).observe(seconds)

    def serves(self, served_as: str, model: ModelInfo) -> None:
        """Note what is served under a name; to be called again whenever that may have changed."""
        labels = (model.name, model.version, model.architecture, model.engine, model.precision)
        before = self._told.get(served_as)
        if before not in (None, labels):
            self._models.labels(served_as, *before).set(0)
        self._told[served_as] = labels
        self._models.labels(served_as, *labels).set(1)
        fallen = {(one.stage, one.cause) for one in model.fallbacks}
        for stage in (Stage.ENCODER, Stage.ANSWERER):
            for cause in Cause:
                self._fallbacks.labels(served_as, stage, cause).set((stage, cause) in fallen)

    def reloaded(self, served_as: str, *, ok: bool) -> None:
        """Note that a bundle was read again, or was refused."""
        self._swaps.labels(served_as, "ok" if ok else "refused").inc()
