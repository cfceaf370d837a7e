"""What is known of a photo that is not wholly read yet: where its lines are, and what was read of them so far.

A run that its deadline ends leaves it here, and the next one goes on. Lives in the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from asksight.photos.text import TextBoxes, line_width_px, on_its_side

from .found import ENTRY_BYTES, LINE_BYTES, Line
from .order import rows
from .stages import Characters

PART_PX = (
    5120  # of lines' widths that are read before it is asked whether there is time for more: 16 short ones
)


class Begun:
    """One photo's lines, in the order in which they are read."""

    def __init__(self, boxes: TextBoxes, on_head: Sequence[bool], width: int, height: int) -> None:
        self.boxes = boxes
        self.on_head = tuple(on_head)
        self._size = (width, height)
        self._read: dict[int, Characters] = {}
        lines = [self._line(place, _UNKNOWN) for place in range(len(on_head))]
        places = {id(line): place for place, line in enumerate(lines)}
        self._order = [places[id(line)] for row in rows(lines, width / height) for line in row]
        # Some 20 characters a line; it does not grow while it is remembered.
        self.size_bytes = ENTRY_BYTES + len(lines) * 2 * LINE_BYTES

    @property
    def left(self) -> list[int]:
        """Places of boxes that were not read yet, in reading order."""
        return [place for place in self._order if place not in self._read]

    @property
    def parts(self) -> list[list[int]]:
        """What is left, in parts of so many px, and of a line at least."""
        parts: list[list[int]] = []
        room_px = 0
        for place in self.left:
            room_px -= self.width_px(place)
            if room_px < 0:
                parts.append([])
                room_px = PART_PX - self.width_px(place)
            parts[-1].append(place)
        return parts

    def width_px(self, place: int) -> int:
        """A line's, as the recogniser takes it."""
        sides = [
            float(np.linalg.norm(self.boxes.corners[place][0] - self.boxes.corners[place][at]))
            for at in (1, 3)
        ]
        return line_width_px(max(sides), max(min(sides), 1.0))

    def keep(self, place: int, reading: asyncio.Future[Characters]) -> None:
        """Keep what becomes of a line, also where nobody waits for it any more."""
        reading.add_done_callback(partial(self._keep, place))

    def _keep(self, place: int, reading: asyncio.Future[Characters]) -> None:
        if not reading.cancelled() and reading.exception() is None:
            self._read[place] = reading.result()

    @property
    def lines(self) -> tuple[Line, ...]:
        """What was read, without boxes in which there are no characters."""
        return tuple(self._line(place, one) for place, one in sorted(self._read.items()) if one.text.strip())

    @property
    def unread_px(self) -> tuple[float, ...]:
        """Heights of what is too faint to be read, holds no characters, or was not read yet."""
        empty = [
            place for place in self._order if (one := self._read.get(place)) is None or not one.text.strip()
        ]
        return (*self.boxes.faint_px, *(self._line(place, _UNKNOWN).height_px for place in empty))

    def _line(self, place: int, read: Characters) -> Line:
        corners, (width, height) = self.boxes.corners[place], self._size
        first, second, third, fourth = ((float(x) / width, float(y) / height) for x, y in corners)
        return Line(
            text=read.text.strip(),
            mean=read.mean,
            least=read.least,
            corners=(first, second, third, fourth),
            height_px=_height_px(corners),
            on_side=on_its_side(corners),
            on_head=self.on_head[place],
        )


_UNKNOWN = Characters("?", 0.0, 0.0)


def _height_px(corners: NDArray[np.float32]) -> float:
    return min(float(np.linalg.norm(corners[0] - corners[place])) for place in (1, 3))
