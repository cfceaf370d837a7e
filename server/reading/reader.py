"""From an ask's photo to the text in it: remembered, shared with others, or found now by three engines.

It mirrors core/photo_features.py, with one more way through the decoders' threads between its engines. Lives in the
event loop; the models of a server share it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Engine
from asksight.engine.text_models import TextModels, TextStage, open_text_engine
from asksight.photos.decode import decoding_bytes, decoding_s, open_photo, shrunk
from asksight.photos.errors import PhotoError
from asksight.photos.flaws import Flaw, FlawKind, find_flaws
from asksight.photos.header import PhotoHeader
from asksight.photos.input import SHARPNESS_PX
from asksight.photos.text import (
    READ_PX,
    TextBoxes,
    cut_line,
    detector_input,
    find_boxes,
    line_input,
    on_its_side,
    readable,
    turn_input,
)

from ..asks import Ask
from ..core.batcher import Batcher
from ..core.batching import BatchLimits
from ..core.decoders import Decoders
from ..core.image_ids import refused
from ..core.shared_run import SharedRun, SharedRuns, since_us
from ..errors import Overloaded
from ..limits import Limits
from ..observer import Observer
from .found import FoundText, Line
from .stages import Characters, TextEngineStage, finder_stage, line_stage, turner_stage

LINES_AT_ONCE = 32
CUT_S = 0.02  # about what cutting a photo's lines takes

OpenText = Callable[[TextStage], Engine]


class Looked(NamedTuple):
    """A photo, ready to be searched for text."""

    picture: NDArray[np.uint8]  # [h, w, 3], RGB
    seen: NDArray[np.float32]  # as the finder takes it
    flaws: tuple[Flaw, ...]


class Read(NamedTuple):
    """One ask's photo, read."""

    image_id: str
    text: FoundText
    decode_us: int
    read_us: int
    cached: bool  # this ask needed no run of its own


class Reader:
    """Reads photos with three engines, which are closed with it."""

    def __init__(
        self,
        models: TextModels,
        *,
        open_engine: OpenText,
        loop: asyncio.AbstractEventLoop,
        decoders: Decoders,
        limits: Limits,
        observer: Observer,
        on_health: Callable[[], object],
    ) -> None:
        """Open the engines, warm. Raises EngineError. May be made in any thread; the rest belongs to the loop."""
        self._decoders = decoders
        self._limits = limits
        self._runs: SharedRuns[FoundText] = SharedRuns(
            limits.text_cache_bytes, decoders, limits.photo, observer.text_used
        )
        self.cache = self._runs.cache
        self.in_flight = self._runs.in_flight

        def batcher(
            stage: TextStage, make: Callable[[Engine], TextEngineStage[Any]], at_once: int
        ) -> Batcher[Any, Any]:
            def opened() -> TextEngineStage[Any]:
                made = make(open_engine(stage))
                made.probe()
                return made

            return Batcher(
                str(stage),
                opened(),
                loop=loop,
                limits=BatchLimits(
                    max_batch=at_once,
                    queue_capacity=limits.queue_capacity,
                    longest_wait_s=limits.longest_wait_s,
                ),
                hang_after_s=limits.hang_after_s,
                reopen=opened,
                on_health=on_health,
                observer=observer,
            )

        self.finder: Batcher[NDArray[np.float32], NDArray[np.float32]] = batcher(
            TextStage.FINDER, finder_stage, 1
        )
        self.turner: Batcher[NDArray[np.float32], bool] = batcher(
            TextStage.TURNER, turner_stage, LINES_AT_ONCE
        )
        self.lines: Batcher[NDArray[np.float32], Characters] = batcher(
            TextStage.LINE_READER, lambda engine: line_stage(engine, models.characters), LINES_AT_ONCE
        )
        self._batchers: tuple[Batcher[Any, Any], ...] = (self.finder, self.turner, self.lines)

    async def read(self, ask: Ask) -> Read:
        """Give the text in the ask's photo. Raises AskError: of the photo, of an engine, or for want of room."""

        def make(
            run: SharedRun[FoundText], photo: bytes | memoryview, header: PhotoHeader
        ) -> Coroutine[Any, Any, FoundText]:
            return self._make(run, photo, header, ask.caller)

        def check_room(coming: int) -> None:
            if len(self.in_flight) >= self._limits.reads:
                raise Overloaded(retry_after_s=self.retry_after_s(), what="Too many photos are being read")
            self.finder.check_room(ask.until_s, coming=coming)

        had = await self._runs.have(ask, make, check_room=check_room)
        return Read(had.image_id, had.made, had.decode_us, had.make_us, had.cached)

    async def _make(
        self, reading: SharedRun[FoundText], photo: bytes | memoryview, header: PhotoHeader, caller: str
    ) -> FoundText:
        """Find the lines of text, turn them upright and read them, for all who wait."""
        started_s = time.perf_counter()
        looked = await self._decoders.run(
            partial(_look, photo, header),
            decoding_bytes(header, READ_PX),
            caller=caller,
            estimate_s=decoding_s(header, READ_PX),
        )
        reading.decode_us = since_us(started_s)
        waiting = reading.awaited_by
        found = self.finder.submit(looked.seen, awaited_by=waiting)
        reading.row = found
        seen = await found
        height, width = looked.picture.shape[:2]
        boxes, cut, turn_inputs = await self._decoders.run(
            partial(_cut, looked.picture, seen), caller=caller, estimate_s=CUT_S
        )
        turned = await asyncio.gather(*(self.turner.submit(one, awaited_by=waiting) for one in turn_inputs))
        upright = await self._decoders.run(partial(_upright, cut, turned), caller=caller, estimate_s=CUT_S)
        read = await asyncio.gather(*(self.lines.submit(one, awaited_by=waiting) for one in upright))
        lines = _lines(read, boxes, turned, width, height)
        cut_short = any(one.kind is FlawKind.CUT_SHORT for one in looked.flaws)  # what is gone may hold text
        missed = boxes.faint + len(read) - len(lines) + cut_short
        return FoundText(lines=lines, missed=missed, flaws=looked.flaws, form=width / height)

    @property
    def healthy(self) -> bool:
        """Whether all engines work."""
        return all(one.healthy for one in self._batchers)

    @property
    def stuck(self) -> bool:
        """Whether only a new process helps."""
        return any(one.stuck for one in self._batchers)

    def retry_after_s(self) -> float:
        """When a caller who was refused should come back, by the measured drain rates."""
        return max(one.retry_after_s() for one in self._batchers)

    async def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Finish what was accepted, or fail it with Unavailable, and give the engines' memory back."""
        for one in self._batchers:
            await one.close(drain=drain, timeout_s=timeout_s)


def opening(models: TextModels, engine: str, threads: int | None) -> OpenText:
    """How the engines are opened."""

    def opened(stage: TextStage) -> Engine:
        return open_text_engine(models, stage, engine, max_batch=LINES_AT_ONCE, threads=threads)

    return opened


def _look(photo: bytes | memoryview, header: PhotoHeader) -> Looked:
    """In a decoder's thread."""
    try:
        picture, missing = open_photo(photo, header, smallest_px=READ_PX)
    except PhotoError as error:
        raise refused(error) from error
    measured = shrunk(picture, SHARPNESS_PX)
    flaws = find_flaws(measured, short_side_px=min(header.width, header.height), missing=missing)
    pixels = np.asarray(readable(picture))
    return Looked(pixels, detector_input(pixels), flaws)


def _cut(
    picture: NDArray[np.uint8], seen: NDArray[np.float32]
) -> tuple[TextBoxes, list[NDArray[np.uint8]], list[NDArray[np.float32]]]:
    """In a decoder's thread: boxes, their lines, and these as the turner takes them."""
    boxes = find_boxes(seen, picture.shape[1], picture.shape[0])
    lines = [cut_line(picture, corners) for corners in boxes.corners]
    return boxes, lines, [turn_input(line) for line in lines]


def _upright(lines: Sequence[NDArray[np.uint8]], turned: Sequence[bool]) -> list[NDArray[np.float32]]:
    """In a decoder's thread: lines as the recogniser takes them."""
    return [
        line_input(np.ascontiguousarray(np.rot90(line, 2)) if on_head else line)
        for line, on_head in zip(lines, turned, strict=True)
    ]


def _lines(
    read: Sequence[Characters], boxes: TextBoxes, turned: Sequence[bool], width: int, height: int
) -> tuple[Line, ...]:
    """What was read, with where it is; boxes in which there are no characters are left out."""
    lines = []
    for one, corners, on_head in zip(read, boxes.corners, turned, strict=True):
        if text := one.text.strip():
            first, second, third, fourth = ((float(x) / width, float(y) / height) for x, y in corners)
            across, down = (float(np.linalg.norm(corners[0] - corners[place])) for place in (1, 3))
            lines.append(
                Line(
                    text=text,
                    mean=one.mean,
                    least=one.least,
                    corners=(first, second, third, fourth),
                    height_px=min(across, down),
                    on_side=on_its_side(corners),
                    on_head=on_head,
                )
            )
    return tuple(lines)
