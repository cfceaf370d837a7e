"""What is found written in a photo."""

from __future__ import annotations

from dataclasses import dataclass, field

from asksight.photos.flaws import Flaw

ENTRY_BYTES = 600  # the key, the objects and the table's share
LINE_BYTES = 500  # its numbers and objects

Point = tuple[float, float]  # in parts of the photo, 0 to 1: from the left, from the top


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of text."""

    text: str
    mean: float  # of its characters' probabilities, as the recogniser gives them
    least: float  # of the least certain character
    corners: tuple[Point, Point, Point, Point]  # left top, right top, right bottom, left bottom
    height_px: float  # in the photo that was read
    on_side: bool = False  # it runs up or down
    on_head: bool = False  # it stands on its head; for one on its side, after it was laid down to the left

    @property
    def left(self) -> float:
        return min(x for x, _ in self.corners)

    @property
    def top(self) -> float:
        return min(y for _, y in self.corners)

    @property
    def right(self) -> float:
        return max(x for x, _ in self.corners)

    @property
    def bottom(self) -> float:
        return max(y for _, y in self.corners)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FoundText:
    """All of it, in no order yet, and what is wrong with the photo."""

    lines: tuple[Line, ...]
    unread_px: tuple[float, ...] = ()  # heights of places that may hold text in which nothing could be read
    rest: int = 0  # lines that were found, and not read yet: who asks again has them
    flaws: tuple[Flaw, ...] = ()
    form: float = 1.0  # the photo's width over its height
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        held = sum(LINE_BYTES + 4 * len(line.text) for line in self.lines) + 32 * len(self.unread_px)
        object.__setattr__(self, "size_bytes", ENTRY_BYTES + held)
