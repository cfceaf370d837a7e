"""What the reader's three engines do with a batch: pictures → maps of text, lines → turned or not, lines → characters.

Rows of one size run together, and what becomes of a row does not depend on those beside it. Each runs in its engine's
worker; a row of NaN fails alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Engine

from ..errors import AskError, InternalError

AT_ONCE_PX = 2560  # of lines' widths: the recogniser gives 9.4 KB for each, and more is no quicker
CERTAIN_TURN = 0.9

Given = TypeVar("Given")
Picture = NDArray[np.float32]  # [3, H, W]


class Characters(NamedTuple):
    """One line, read."""

    text: str
    mean: float  # probability of its characters
    least: float


class TextEngineStage(Generic[Given]):
    """One engine, whose one input takes rows of several sizes."""

    def __init__(
        self, engine: Engine, make: Callable[[NDArray[Any]], Sequence[Given]], probe: Picture, at_once_px: int
    ) -> None:
        """`make` gives a row for each of the engine's; `probe` is a row to try it with."""
        self.engine = engine
        self._make = make
        self._probe = probe
        self._at_once_px = at_once_px

    def __call__(self, pictures: Sequence[Picture]) -> list[Given | AskError]:
        outcomes: list[Given | AskError] = [InternalError()] * len(pictures)
        for places in self._runs(pictures):
            (given,) = self.engine.infer(
                {self.engine.spec.inputs[0].name: np.stack([pictures[place] for place in places])}
            ).values()
            finite = [bool(np.isfinite(row).all()) for row in given]
            for place, row, good in zip(places, self._make(given), finite, strict=True):
                outcomes[place] = (
                    row if good else InternalError("The reader gave no usable numbers for this photo.")
                )
        return outcomes

    def _runs(self, pictures: Sequence[Picture]) -> Iterator[list[int]]:
        """Places of rows that have one size, as many as run at once."""
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for place, picture in enumerate(pictures):
            by_shape.setdefault(picture.shape, []).append(place)
        for shape, places in by_shape.items():
            rows = max(1, self._at_once_px // shape[-1])
            yield from (places[at : at + rows] for at in range(0, len(places), rows))

    def probe(self) -> None:
        self([self._probe])

    def close(self) -> None:
        self.engine.close()


def finder_stage(engine: Engine) -> TextEngineStage[NDArray[np.float32]]:
    """Pictures → maps [H, W], one at a time: each keeps all cores busy."""
    return TextEngineStage(engine, lambda given: [row[0].copy() for row in given], _probe(64, 64), 1)


def turner_stage(engine: Engine) -> TextEngineStage[bool]:
    """Lines [3, 48, 192] → whether each stands on its head."""
    return TextEngineStage(
        engine, lambda given: [bool(row[1] > CERTAIN_TURN) for row in given], _probe(48, 192), AT_ONCE_PX
    )


def line_stage(engine: Engine, characters: Sequence[str]) -> TextEngineStage[Characters]:
    """Lines [3, 48, W] → their characters; `characters[i]` is class i + 1."""
    return TextEngineStage(
        engine, lambda given: [characters_of(row, characters) for row in given], _probe(48, 320), AT_ONCE_PX
    )


def characters_of(row: NDArray[np.float32], characters: Sequence[str]) -> Characters:
    """The likeliest class of each step [T, classes], repeats and the empty class 0 left out (CTC, Graves 2006)."""
    best = row.argmax(axis=1)
    kept = (best != 0) & (best != np.concatenate([[-1], best[:-1]]))
    if not kept.any():
        return Characters("", 0.0, 0.0)
    sure = row[np.flatnonzero(kept), best[kept]]
    text = "".join(characters[int(one) - 1] for one in best[kept])
    return Characters(text, float(sure.mean()), float(sure.min()))


def _probe(height: int, width: int) -> Picture:
    return np.zeros((3, height, width), np.float32)
