"""A reader whose three engines are fakes: each photo has lines of "ab", and any engine can be held or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import FakeEngine
from asksight.engine.base import Arrays, EngineSpec, TensorSpec
from asksight.engine.text_models import TextModels, TextStage
from asksight.server.asks import Ask
from asksight.server.core.decoders import Decoders
from asksight.server.errors import AskError
from asksight.server.limits import Limits
from asksight.server.observer import CacheUse, Observer
from asksight.server.reading.reader import Read, Reader

CHARACTERS = ("a", "b")


def _map(lines: int, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """One line between a quarter of the photo and its half, or several over all of it."""
    rows, _, height, width = arrays["x"].shape
    seen = np.zeros((rows, 1, height, width), np.float32)
    for line in range(lines):
        top = height // 4 if lines == 1 else line * height // lines
        seen[:, :, top : top + height // 4 // lines + 3, width // 4 : 3 * width // 4] = 1
    return {"y": seen}


def _upright(arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {"y": np.tile(np.array([[1, 0]], np.float32), (len(arrays["x"]), 1))}


def _characters(arrays: Arrays) -> dict[str, NDArray[Any]]:
    steps = np.zeros((len(arrays["x"]), 5, 3), np.float32)
    for step, best in enumerate((0, 1, 1, 0, 2)):  # nothing, a, a still, nothing, b
        steps[:, step, best] = 1
    return {"y": steps}


class ReaderRig(Observer):
    """In the running loop; close it in the end."""

    def __init__(self, limits: Limits | None = None, *, lines: int = 1) -> None:
        loop = asyncio.get_running_loop()
        taken = TensorSpec(name="x", shape=(None, 3, None, None), dtype=np.dtype(np.float32))
        given = TensorSpec(name="y", shape=(None,), dtype=np.dtype(np.float32))
        spec = EngineSpec(inputs=(taken,), outputs=(given,), max_batch=32)
        does: tuple[Callable[[Arrays], dict[str, NDArray[Any]]], ...] = (
            partial(_map, lines),
            _upright,
            _characters,
        )
        self.engines = {stage: FakeEngine(spec, do) for stage, do in zip(TextStage, does, strict=True)}
        self.uses: list[CacheUse] = []
        self.decoders = Decoders(2, 2**30, loop)
        self.reader = Reader(
            TextModels(folder=Path(), characters=CHARACTERS),
            open_engine=self.engines.__getitem__,
            loop=loop,
            decoders=self.decoders,
            limits=limits or Limits(),
            observer=self,
            on_health=lambda: None,
        )
        for engine in self.engines.values():  # what it was tried with
            engine.batch_sizes.clear()
            engine.entered.clear()

    def text_used(self, use: CacheUse) -> None:
        self.uses.append(use)

    def read(self, photo: bytes | None = None, **more: Any) -> asyncio.Task[Read]:
        ask = Ask(question="Read this", photo=photo, **more)
        return asyncio.create_task(self.reader.read(ask))

    async def close(self) -> None:
        for engine in self.engines.values():
            if engine.gate is not None:
                engine.gate.set()
        await self.reader.close()
        self.decoders.end()


async def outcome(task: asyncio.Task[Read]) -> Read | AskError:
    try:
        return await task
    except AskError as error:
        return error
