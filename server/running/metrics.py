"""What the observer reports, as Prometheus metrics: gRPC's conventional names, and `asksight_` for what is ours.

What is told is added up here, and handed to the client library when somebody looks, or a few times a second: telling
it each time took a sixth of what a follow-up costs. In a server of several processes the library keeps its values in
files of a common folder (it finds it in PROMETHEUS_MULTIPROC_DIR when it is imported); gauges then are sums over the
living.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from asksight.engine.plans.pick import Cause

from ..asks import ModelInfo
from ..observer import CacheUse, Observer, Reason, SecondUse, SecondWrite, Stage
from ..open_inference.inference_messages import SERVICE as OPEN_INFERENCE

SERVICE = "asksight.v1.VqaService"
STREAMED = {"Converse": "bidi_stream"}  # each question of it counts; all other methods are unary
# The other service's; no name is in both.
OPEN_INFERENCE_METHODS = frozenset(("ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer"))
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Sums(Histogram):
    """A histogram that takes many values at once."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """So many values in each bucket, of that sum."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)


class Values:
    """Values to add to a histogram."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.counts = [0] * (len(bounds) + 1)  # the last for what is beyond all bounds
        self.total = 0.0
        self._bounds = bounds

    def add(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Metrics(Observer):
    """Counts what it is told, in a registry of its own. Thread-safe."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._lock = Lock()
        self._counts: dict[tuple[Any, ...], float] = defaultdict(float)  # by metric and labels
        self._seconds_of: dict[tuple[Any, ...], Values] = defaultdict(lambda: Values(SECONDS))
        self._rows_of: dict[tuple[Any, ...], Values] = defaultdict(lambda: Values(ROWS))
        self._queued: dict[str, int] = {}
        self._told: dict[str, tuple[str, ...]] = {}  # what was said last of each name
        of: dict[str, Any] = {"registry": self._registry}
        grpc_labels = ["grpc_service", "grpc_method", "grpc_type"]
        self._started = Counter("grpc_server_started", "Calls that came in.", grpc_labels, **of)
        self._handled = Counter(
            "grpc_server_handled", "Calls by their code.", [*grpc_labels, "grpc_code"], **of
        )
        self._seconds = Sums(
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
        for stage in (Stage.ENCODER, Stage.ANSWERER):
            self._queue.labels(stage)  # 0 from the start: who scales by it takes a missing series for a fault
        self._waits = Sums(
            "asksight_queue_wait_seconds", "A row's wait for its engine.", ["stage"], buckets=SECONDS, **of
        )
        self._rows = Sums("asksight_batch_rows", "Rows in one engine call.", ["stage"], buckets=ROWS, **of)
        self._runs = Sums("asksight_batch_seconds", "One engine call.", ["stage"], buckets=SECONDS, **of)
        self._stages = Sums(
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
        self._reads = Counter(
            "asksight_reads", "Asks for text: whether a photo's was known.", ["result"], **of
        )
        self._photos = Gauge("asksight_cache_photos", "Photos held.", multiprocess_mode="livesum", **of)
        self._bytes = Gauge("asksight_cache_bytes", "Bytes they take.", multiprocess_mode="livesum", **of)
        self._second = Counter(
            "asksight_features_cache_looks", "Looks into the cache that servers share.", ["result"], **of
        )
        self._second_writes = Counter("asksight_features_cache_writes", "Writes into it.", ["result"], **of)
        self._second_seconds = Sums(
            "asksight_features_cache_seconds", "A look into it.", buckets=SECONDS, **of
        )
        self._second_up = Gauge(
            "asksight_features_cache_up",
            "1 while it is asked, 0 while it fails, or where there is none.",
            multiprocess_mode="livemin",
            **of,
        )
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

        self._lines_dropped = Counter(
            "asksight_log_lines_dropped", "Lines of the log that nobody read in time.", **of
        )
        self._token_fault = Gauge(
            "asksight_token_file_fault",
            "1 while the file of tokens is missing, cannot be read or has a wrong line.",
            multiprocess_mode="livemax",
            **of,
        )
        self._lines_told = 0

    @property
    def registry(self) -> CollectorRegistry:
        """With all that was told until now."""
        self.hand_over()
        return self._registry

    def hand_over(self) -> None:
        """Tell the client library what was added up."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(float)
            values = [*self._seconds_of.items(), *self._rows_of.items()]
            self._seconds_of.clear()
            self._rows_of.clear()
        for (metric, *labels), count in counts.items():
            (metric.labels(*labels) if labels else metric).inc(count)
        for (metric, *labels), told in values:
            (metric.labels(*labels) if labels else metric).add(told.counts, told.total)

    def _count(self, *metric_and_labels: Any, by: float = 1) -> None:
        with self._lock:
            self._counts[metric_and_labels] += by

    def _time(self, seconds: float, *metric_and_labels: Any) -> None:
        with self._lock:
            self._seconds_of[metric_and_labels].add(seconds)

    def call_started(self, method: str) -> None:
        self._count(self._started, _service(method), method, STREAMED.get(method, "unary"))
        self._count(self._inside)

    def call_ended(self, method: str, code: str, seconds: float, caller: str) -> None:
        self._count(self._inside, by=-1)
        service, kind = _service(method), STREAMED.get(method, "unary")
        self._count(self._handled, service, method, kind, code)
        self._time(seconds, self._seconds, service, method, kind)
        if caller:
            self._count(self._callers, caller, code)

    def ask_dropped(self, stage: Stage, reason: Reason) -> None:
        self._count(self._asks_dropped, stage, reason)

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        self._count(self._rows_dropped, stage, reason, by=count)

    def queued(self, stage: str, rows: int) -> None:
        before = self._queued.get(stage, 0)
        if rows != before:
            self._queued[stage] = rows
            self._count(self._queue, stage, by=rows - before)

    def batch(self, stage: str, *, rows: int, run_s: float, waited_s: Sequence[float]) -> None:
        with self._lock:
            self._rows_of[self._rows, stage].add(rows)
            self._seconds_of[self._runs, stage].add(run_s)
            waits = self._seconds_of[self._waits, stage]
            for wait_s in waited_s:
                waits.add(wait_s)

    def engine_failed(self, stage: str, kind: str) -> None:
        self._count(self._failures, stage, kind)

    def cache_used(self, use: CacheUse) -> None:
        self._count(self._cache, use)

    def text_used(self, use: CacheUse) -> None:
        self._count(self._reads, use)

    def second_looked(self, use: SecondUse, seconds: float) -> None:
        self._count(self._second, use)
        if seconds:
            self._time(seconds, self._second_seconds)

    def second_written(self, result: SecondWrite) -> None:
        self._count(self._second_writes, result)

    def second_up(self, up: bool) -> None:
        self._second_up.set(up)

    def cache_size(self, photos: int, size_bytes: int) -> None:
        self._photos.set(photos)
        self._bytes.set(size_bytes)

    def stage_time(self, stage: Stage, seconds: float) -> None:
        self._time(seconds, self._stages, stage)

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

    def lines_dropped(self, since_start: int) -> None:
        """Note how many lines of the log were dropped until now."""
        with self._lock:
            more, self._lines_told = since_start - self._lines_told, since_start
        self._count(self._lines_dropped, by=more)

    def token_file(self, *, fault: bool) -> None:
        """Note whether something is wrong with the file of tokens."""
        self._token_fault.set(fault)

    def reloaded(self, served_as: str, *, ok: bool) -> None:
        """Note that a bundle was read again, or was refused."""
        self._swaps.labels(served_as, "ok" if ok else "refused").inc()


def _service(method: str) -> str:
    return OPEN_INFERENCE if method in OPEN_INFERENCE_METHODS else SERVICE
