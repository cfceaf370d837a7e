"""What the assistant tells of its work: events as they happen, for metrics or for nobody.

The assistant knows no metrics library; metrics.py listens where a server wants figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Stage(StrEnum):
    """Where in its way an ask is."""

    PHOTO = "photo"  # identified, waiting for room, being decoded
    ENCODER = "encoder"  # queued for or in the encoder, or sharing another ask's run
    ANSWERER = "answerer"  # queued for or in the answerer


class Reason(StrEnum):
    """Why something was not answered."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SHED = "shed"  # refused for want of room


class CacheUse(StrEnum):
    """What a look into the cache of features brought."""

    HIT = "hit"
    SHARED = "shared"  # joined a run in flight
    MISS = "miss"


class Observer:
    """Listens and does nothing; derive from it. Called in the event loop, and must be quick."""

    def ask_dropped(self, stage: Stage, reason: Reason) -> None:
        """One ask ended without an answer."""

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        """So many rows were taken out of an engine's queue unrun."""

    def queued(self, stage: str, rows: int) -> None:
        """So many rows wait for an engine now."""

    def batch(self, stage: str, *, rows: int, run_s: float, waited_s: Sequence[float]) -> None:
        """An engine ran a batch; `waited_s` says how long each row waited for it."""

    def engine_failed(self, stage: str, kind: str) -> None:
        """A batch failed: `kind` is "error", "hung" or "lost"."""

    def cache_used(self, use: CacheUse) -> None:
        """A look into the cache."""

    def cache_size(self, photos: int, size_bytes: int) -> None:
        """What the cache holds now."""

    def stage_time(self, stage: Stage, seconds: float) -> None:
        """One answered ask spent so long there."""

    def call_started(self, method: str) -> None:
        """A call of VqaService came in."""

    def call_ended(self, method: str, code: str, seconds: float, caller: str) -> None:
        """It was answered; `code` is a gRPC status code's name, `caller` a token's or certificate's name, or ""."""
