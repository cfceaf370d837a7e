"""The events that the assistant reports while it works; metrics may listen, and nobody has to.

The assistant knows no metrics library; metrics.py listens where a server wants figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Stage(StrEnum):
    """How far an ask has come."""

    PHOTO = "photo"  # identified, waiting for room, being decoded
    ENCODER = "encoder"  # queued for or in the encoder, or sharing another ask's run
    ANSWERER = "answerer"  # queued for or in the answerer
    READER = "reader"  # being read, or sharing another ask's reading


class Reason(StrEnum):
    """Why something was not answered."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SHED = "shed"  # refused for want of room


class CacheUse(StrEnum):
    """Whether a photo's features were in the cache."""

    HIT = "hit"
    SHARED = "shared"  # joined a run in flight
    MISS = "miss"


class Observer:
    """Listens and does nothing; derive from it. Called in the event loop, and must be quick."""

    def ask_dropped(self, stage: Stage, reason: Reason) -> None:
        """One ask ended without an answer."""

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        """`count` rows left an engine's queue without having run."""

    def queued(self, stage: str, rows: int) -> None:
        """The length of an engine's queue has changed to `rows`."""

    def batch(self, stage: str, *, rows: int, run_s: float, waited_s: Sequence[float]) -> None:
        """An engine ran a batch; `waited_s` says how long each row waited for it."""

    def engine_failed(self, stage: str, kind: str) -> None:
        """A batch failed: `kind` is "error", "hung" or "lost"."""

    def cache_used(self, use: CacheUse) -> None:
        """An ask looked for its photo's features in the cache."""

    def text_used(self, use: CacheUse) -> None:
        """An ask that wants to be read to looked for its photo's text in the cache."""

    def cache_size(self, photos: int, size_bytes: int) -> None:
        """The cache has changed and holds this much now."""

    def stage_time(self, stage: Stage, seconds: float) -> None:
        """An answered ask spent `seconds` in this stage."""

    def call_started(self, method: str) -> None:
        """A call came in, of a method of one of the services that need a token."""

    def call_ended(self, method: str, code: str, seconds: float, caller: str) -> None:
        """A call was answered; `code` is a gRPC status code's name, `caller` a token's or certificate's name, or ""."""
