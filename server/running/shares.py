"""What one of several processes has of what a setting gives to the whole server: of memory and cores, its part."""

from __future__ import annotations

from dataclasses import replace

from asksight.engine.cores import available_cores

from .settings import LEAST_RECEIVING_MB, Settings

# Of each process at least.
LEAST_QUEUE_MB = 32
LEAST_DECODING_MB = 64  # 16 megapixels; a photo that takes more is decoded alone


def of_each(settings: Settings) -> Settings:
    """The settings of each of `processes`. Those that count calls, asks or connections are of each as they are."""
    count = settings.processes

    def part(whole: int, least: int) -> int:
        return max(min(whole, least), whole // count)

    return replace(
        settings,
        processes=1,
        threads=settings.threads or max(1, available_cores() // count),
        cache_mb=part(settings.cache_mb, 1),
        queue_mb=part(settings.queue_mb, LEAST_QUEUE_MB),
        decoding_mb=part(settings.decoding_mb, LEAST_DECODING_MB),
        receiving_mb=part(settings.receiving_mb, LEAST_RECEIVING_MB),
    )
