"""From an ask's photo to the text in it: remembered, shared with others, or found now by three engines.

It mirrors core/photo_features.py, with one more way through the decoders' threads between its engines. Lives in the
event loop; the models of a server share it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Engine
from asksight.engine.plans.pick_text import open_text_stage
from asksight.engine.text_models import TextModels, TextStage
from asksight.photos.decode import decoding_bytes, decoding_s, open_photo, shrunk
from asksight.photos.errors import PhotoError
from asksight.photos.flaws import Flaw, find_flaws
from asksight.photos.header import PhotoHeader
from asksight.photos.input import SHARPNESS_PX
from asksight.photos.text import (
    READ_PX,
    TextBoxes,
    cut_line,
    detector_input,
    find_boxes,
    line_input,
    readable,
    turn_input,
)

from ..asks import Ask
from ..core.batcher import Batcher
from ..core.batching import BatchLimits
from ..core.cache import PhotoCache
from ..core.decoders import Decoders
from ..core.image_ids import refused
from ..core.row_queue import NEVER_S
from ..core.shared_run import SharedRun, SharedRuns, since_us
from ..errors import Overloaded
from ..limits import Limits
from ..observer import Observer
from .begun import Begun
from .found import FoundText
from .stages import Characters, TextEngineStage, finder_stage, line_stage, turner_stage

LINES_AT_ONCE = 32
CUT_S = 0.02  # about what cutting a photo's lines takes
BEGUN_SHARE = 8  # of the cache's room, how little photos have that are not wholly read yet
SLOWER = 1.5  # than the lines so far, by which those that come may be

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
            limits.text_cache_bytes,
            decoders,
            limits.photo,
            observer.text_used,
            whole=lambda found: not found.rest,
        )
        self._begun: PhotoCache[Begun] = PhotoCache(limits.text_cache_bytes // BEGUN_SHARE)
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
            run: SharedRun[FoundText], image_id: str, photo: bytes | memoryview, header: PhotoHeader
        ) -> Coroutine[Any, Any, FoundText]:
            return self._make(run, image_id, photo, header, ask.caller)

        def check_room(coming: int) -> None:
            if len(self.in_flight) >= self._limits.reads:
                raise Overloaded(retry_after_s=self.retry_after_s(), what="Too many photos are being read")
            self.finder.check_room(ask.until_s, coming=coming)

        had = await self._runs.have(ask, make, check_room=check_room)
        return Read(had.image_id, had.made, had.decode_us, had.make_us, had.cached)

    async def _make(
        self,
        reading: SharedRun[FoundText],
        image_id: str,
        photo: bytes | memoryview,
        header: PhotoHeader,
        caller: str,
    ) -> FoundText:
        """Find the lines of text, turn them upright and read them, for all who wait, or go on where a run ended.

        Where there are more lines than can be read in time, those that were are given, with how many are left.
        """
        started_s = time.perf_counter()
        looked = await self._decoders.run(
            partial(_look, photo, header),
            decoding_bytes(header, READ_PX),
            caller=caller,
            estimate_s=decoding_s(header, READ_PX),
        )
        reading.decode_us = since_us(started_s)
        begun = self._begun.find(image_id)
        if begun is None:
            begun = await self._find_lines(reading, looked, caller)
            self._begun.remember(image_id, begun)
        await self._read_lines(reading, begun, looked.picture, caller)
        height, width = looked.picture.shape[:2]
        return FoundText(
            lines=begun.lines,
            unread_px=begun.unread_px,
            rest=len(begun.left),
            flaws=looked.flaws,
            form=width / height,
        )

    async def _find_lines(self, reading: SharedRun[FoundText], looked: Looked, caller: str) -> Begun:
        """Find where lines are, and which of them stand on their head."""
        found = self.finder.submit(looked.seen, awaited_by=reading.awaited_by)
        reading.row = found
        seen = await found
        boxes, inputs = await self._decoders.run(
            partial(_turn_inputs, looked.picture, seen), caller=caller, estimate_s=CUT_S
        )
        turned = [self.turner.submit(one, awaited_by=reading.awaited_by) for one in inputs]
        height, width = looked.picture.shape[:2]
        return Begun(boxes, await asyncio.gather(*turned), width, height)

    async def _read_lines(
        self, reading: SharedRun[FoundText], begun: Begun, picture: NDArray[np.uint8], caller: str
    ) -> None:
        """Read the lines that are left, part by part, as long as the most patient of those who wait has time."""
        started_s, read_px = time.monotonic(), 0
        for part in begun.parts:
            part_px = sum(map(begun.width_px, part))
            now_s = time.monotonic()
            needed_s = SLOWER * (now_s - started_s) * part_px / max(read_px, 1)
            if read_px and now_s + needed_s > max(reading.awaited_by.values(), default=NEVER_S):
                return
            read_px += part_px
            inputs = await self._decoders.run(
                partial(_line_inputs, picture, begun, part), caller=caller, estimate_s=CUT_S
            )
            lines = [self.lines.submit(one, awaited_by=reading.awaited_by) for one in inputs]
            reading.row = lines[-1] if lines else reading.row
            for place, line in zip(part, lines, strict=True):
                begun.keep(place, line)
            await asyncio.gather(*lines)

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


def opening(models: TextModels, engine: str, threads: int | None, root: Path | None = None) -> OpenText:
    """How the engines are opened; `root` is the folder of a bundle, in which plans of them may lie."""

    def opened(stage: TextStage) -> Engine:
        return open_text_stage(models, stage, engine, root=root, max_batch=LINES_AT_ONCE, threads=threads)

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


def _turn_inputs(
    picture: NDArray[np.uint8], seen: NDArray[np.float32]
) -> tuple[TextBoxes, list[NDArray[np.float32]]]:
    """In a decoder's thread: boxes, and their lines as the turner takes them."""
    boxes = find_boxes(seen, picture.shape[1], picture.shape[0])
    return boxes, [turn_input(cut_line(picture, corners)) for corners in boxes.corners]


def _line_inputs(
    picture: NDArray[np.uint8], begun: Begun, places: Sequence[int]
) -> list[NDArray[np.float32]]:
    """In a decoder's thread: lines as the recogniser takes them, on their feet."""
    cut = [(cut_line(picture, begun.boxes.corners[place]), begun.on_head[place]) for place in places]
    return [line_input(np.ascontiguousarray(np.rot90(line, 2)) if on_head else line) for line, on_head in cut]
