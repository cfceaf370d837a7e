"""One step after another: warm up, measure, give a row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from .asker import Asker
from .choices import choices
from .figures import StepFigures, Usage, make_row
from .load import Load
from .loops import closed_loop, open_loop, under_way_limit
from .processor import processor_s
from .schedule import arrivals
from .tally import AskOutcome, Tally


async def sweep(load: Load, asker: Asker, pid: int | None) -> AsyncIterator[StepFigures]:
    """Give the row of each step when it is over; `pid` is the server's process, None where it is not known."""
    for step in load.steps:
        yield await _measure(load, step, asker, pid)


async def _measure(load: Load, step: float, asker: Asker, pid: int | None) -> StepFigures:
    material = asker.material
    chosen = choices(
        photos=len(material.photos),
        known=len(asker.known),
        questions=len(material.questions),
        follow_ups=load.follow_ups,
        seed=load.seed,
    )

    def ask(due_s: float) -> Coroutine[Any, Any, AskOutcome]:
        return asker.ask(next(chosen), due_s)

    began_s = time.monotonic()
    window_s = began_s + load.warm_up_s
    tally = Tally(window_s, window_s + load.seconds, load.timeout_s)
    used = asyncio.create_task(_usage(tally.begins_s, tally.ends_s, pid))
    if load.loop == "closed":
        await closed_loop(int(step), ask, tally)
        return make_row(tally, await used, callers=int(step))
    due = (began_s + one for one in arrivals(step, load.warm_up_s + load.seconds, load.seed))
    await open_loop(due, ask, tally, most=under_way_limit(max(map(len, material.photos))))
    return make_row(tally, await used, rate=step)


async def _usage(begins_s: float, ends_s: float, pid: int | None) -> Usage:
    """Processor time from the window's beginning to its end."""
    await asyncio.sleep(begins_s - time.monotonic())
    began_s, own_s, server_s = _spent(pid)
    await asyncio.sleep(ends_s - time.monotonic())
    ended_s, own_later_s, server_later_s = _spent(pid)
    return Usage(
        lasted_s=ended_s - began_s,
        generator_s=own_later_s - own_s,
        server_s=None if pid is None else max(0.0, server_later_s - server_s),
    )


def _spent(pid: int | None) -> tuple[float, float, float]:
    return time.monotonic(), time.process_time(), 0.0 if pid is None else processor_s(pid)
