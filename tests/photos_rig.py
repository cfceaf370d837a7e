"""Photos' features, with decoders and an encoder whose every step is taken by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
from loop_rig import soon, turns
from numpy.typing import NDArray

from asksight.photos.input import PhotoInput
from asksight.server.asks import Ask
from asksight.server.core.cache import Encoded
from asksight.server.core.decoders import Decoders
from asksight.server.core.photo_features import Photos, Pictures, Seen
from asksight.server.core.row_queue import Awaited
from asksight.server.core.shared_run import Second
from asksight.server.core.stages import PhotoRow
from asksight.server.errors import AskError
from asksight.server.limits import Limits
from asksight.server.observer import CacheUse, Observer

FEATURES = np.arange(4, dtype=np.float32)
ROW = PhotoRow(FEATURES, far=False)
SIDE = 32
INPUT = PhotoInput.of(SIDE, SIDE, "uint8", {})


class Submitted(NamedTuple):
    picture: Mapping[str, NDArray[Any]]
    awaited_by: Awaited
    future: asyncio.Future[PhotoRow]


class Encoder:
    """Of a batcher what Photos sees; its rows are answered by hand."""

    def __init__(self) -> None:
        self.rows: list[Submitted] = []
        self.asked_for_room: list[tuple[float, int]] = []
        self.full: AskError | None = None

    def check_room(self, deadline_s: float, *, coming: int) -> None:
        self.asked_for_room.append((deadline_s, coming))
        if self.full is not None:
            raise self.full

    def submit(self, picture: Mapping[str, NDArray[Any]], *, awaited_by: Awaited) -> asyncio.Future[PhotoRow]:
        self.rows.append(Submitted(picture, awaited_by, asyncio.get_running_loop().create_future()))
        return self.rows[-1].future


class Job(NamedTuple):
    do: Callable[[], Any]
    size_bytes: int
    future: asyncio.Future[Any]
    caller: str
    estimate_s: float

    def through(self) -> None:
        self.future.set_result(self.do())


class ByHand:
    """Of the decoders what Photos sees; its jobs are done by hand."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def run(
        self, do: Callable[[], Any], size_bytes: int = 0, *, caller: str = "", estimate_s: float = 0.0
    ) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.jobs.append(Job(do, size_bytes, future, caller, estimate_s))
        return await self.jobs[-1].future


class Bench(Observer):
    """Photos, with what they decode and encode by."""

    def __init__(self, limits: Limits | None = None, second: Second[Encoded] | None = None) -> None:
        self.encoder = Encoder()
        self.decoders = ByHand()
        self.uses: list[CacheUse] = []
        self.heard_decoded = 0
        self.photos = Photos(
            cast(Pictures, self.encoder),
            INPUT,
            cast(Decoders, self.decoders),
            limits or Limits(),
            self,
            second=second,
        )

    def cache_used(self, use: CacheUse) -> None:
        self.uses.append(use)

    def see(self, file: bytes | None = None, **more: Any) -> asyncio.Task[Seen]:
        return asyncio.create_task(self.photos.see(Ask(question="what?", photo=file, **more), self._decoded))

    def _decoded(self) -> None:
        self.heard_decoded += 1

    async def decoded(self) -> None:
        """Let the last photo be decoded, and its row come."""
        await turns()
        rows = len(self.encoder.rows)
        self.decoders.jobs[-1].through()
        await soon(lambda: len(self.encoder.rows) > rows)
