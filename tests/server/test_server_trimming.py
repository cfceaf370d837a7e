"""Memory that was freed goes back to the system once the process has grown, and no sooner."""

from __future__ import annotations

import asyncio

import pytest

from asksight.engine.memory import resident_bytes
from asksight.server import trimming
from asksight.server.trimming import GROWN_BYTES, TrimmingGrowth

START = 1 << 30


@pytest.fixture
def trims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    done: list[int] = []
    monkeypatch.setattr(trimming, "AFTER_S", 0.001)
    monkeypatch.setattr(trimming, "trim_memory", lambda: done.append(1))
    return done


async def seen(sizes: list[int]) -> None:
    """Let it see these sizes, one at a time."""
    left = iter(sizes)
    over = asyncio.Event()

    def resident() -> int:
        size = next(left, None)
        if size is None:
            over.set()
        return START if size is None else size

    growth = TrimmingGrowth(resident)
    growth.begin()
    await over.wait()
    growth.end()
    await asyncio.sleep(0.01)  # the executor's thread


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([START, START + GROWN_BYTES - 1, START + GROWN_BYTES - 1], 0),
        ([START, START + GROWN_BYTES, START + GROWN_BYTES], 1),  # what stays is held, and trimmed once
        ([START, START + GROWN_BYTES, START, START + GROWN_BYTES], 2),
        ([START + GROWN_BYTES, START, START + GROWN_BYTES], 1),
    ],
)
def test_it_trims_once_for_each_growth(trims: list[int], sizes: list[int], expected: int) -> None:
    asyncio.run(seen(sizes))
    assert len(trims) == expected


def test_what_is_resident_is_measured() -> None:
    before = resident_bytes()
    held = b"x" * (64 << 20)
    assert resident_bytes() - before > 0.9 * len(held)
