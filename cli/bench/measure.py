"""From a target and a load to rows, each said as soon as it is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

from .asker import MAX_KNOWN, Asker
from .figures import StepFigures
from .load import Load
from .material import Material
from .own_server import own_server
from .processor import can_read
from .sweep import sweep
from .table import MeasuredServer, head, row_lines
from .target import Target


def measure(
    target: Target, load: Load, material: Material, say: Callable[[str], None]
) -> tuple[MeasuredServer, list[StepFigures]]:
    """Give what answered and a row for each step; `say` is given the table's lines as they are known.

    Raises AskSightError or BenchError where there is no server, or it does not take these asks.
    """
    from asksight.server.loop_thread import new_loop

    with own_server(target.model) if target.server is None else nullcontext() as own:
        address, pid = (target.server or "", target.pid) if own is None else (own.address, own.pid)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_measure(target, address, pid if can_read() else None, load, material, say))


async def _measure(
    target: Target, address: str, pid: int | None, load: Load, material: Material, say: Callable[[str], None]
) -> tuple[MeasuredServer, list[StepFigures]]:
    asker = Asker(
        address,
        material,
        credentials=target.credentials,
        token=target.token,
        channels=load.channels,
        timeout_s=load.timeout_s,
    )
    try:
        model = await asker.model()
        measured = MeasuredServer(
            address=asker.address,
            model=f"{model.name} {model.version}",
            engine=model.engine,
            precision=model.precision,
            own=target.server is None,
            pid=pid,
        )
        await asker.show(MAX_KNOWN if load.follow_ups else 1)  # one at least: are its photos taken?
        for line in head(measured, load, material):
            say(line)
        rows = []
        async for row in sweep(load, asker, pid):
            rows.append(row)
            for line in row_lines(row):
                say(line)
        return measured, rows
    finally:
        await asker.close()
