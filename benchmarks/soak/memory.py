"""Memory growth per ask after a warm-up, with fake and with real engines; a leak made on purpose must be found."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from soak_fakes import TimeLeft, end, fake_assistant, new_photo, promise, rss_mb, short_form

from asksight.server.asks import Ask
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant

CALLERS = 8
LIMITS = Limits(cache_bytes=200_000)  # so small that the cache is full after the warm-up
AT_MOST_MB = 1.0  # per 100,000 asks


def slope(name: str, local: LocalAssistant, asks: int, after: Callable[[], object] = lambda: None) -> float:
    """MB per 100,000 asks: the slope of a line fitted to 40 readings, after the first quarter of the asks."""
    readings: list[tuple[int, float]] = []
    done = 0
    progress = TimeLeft(name, asks)
    with ThreadPoolExecutor(CALLERS) as callers:
        while done < asks:
            part = min(asks // 50, asks - done)

            def call(number: int) -> None:
                local.ask(Ask(question=f"what is number {number % 1000}?", photo=new_photo(number // 20)))
                after()

            list(callers.map(call, range(done, done + part)))
            done += part
            readings.append((done, rss_mb()))
            progress.at(done, f"({readings[-1][1]:.1f} MB)")
    late = [(count, mb) for count, mb in readings if count > asks / 4]
    counts, sizes = np.array(late).T
    return float(np.polyfit(counts, sizes, 1)[0] * 100_000)


def main() -> None:
    short = short_form()
    # Allocators grow for some tens of thousands of asks, which a short run would mistake for a leak.
    allowed = 20 * AT_MOST_MB if short else AT_MOST_MB
    kept: list[bytes] = []
    with fake_assistant(row_s=0, limits=LIMITS) as local:
        asks = 10_000 if short else 1_000_000
        found = slope("fake engines", local, asks)
        promise(f"fake engines, {asks} asks", found < allowed, f"{found:.2f} MB per 100,000")
        leak = slope("with a leak", local, max(5000, asks // 10), lambda: kept.append(bytes(1000)))
        promise("a planted leak of 1 kB an ask", leak > 50 and leak > allowed, f"{leak:.2f} MB per 100,000")
    with LocalAssistant.open("scenes", limits=LIMITS) as local:
        asks = 3000 if short else 100_000
        found = slope("real engines", local, asks)
        promise(
            f"real engines, {asks} asks", found < (60 if short else AT_MOST_MB), f"{found:.2f} MB per 100,000"
        )


if __name__ == "__main__":
    main()
    end()
