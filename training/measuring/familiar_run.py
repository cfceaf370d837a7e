"""What a run knows, learned at its end: its own questions and photos are known, those that were held out say how far.

It is kept in the run folder, from where export takes it into the bundle.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle.manifest import Familiar

from ..datasets.photo_sides import smallest_side
from ..errors import TrainingError
from ..learning.runs import Run, write_json
from .asking import FeatureBatches
from .familiar import Asked, PooledPhotos, fit_familiar

MOST_PHOTOS = 4000  # of either kind, evenly spread; pooled, 65 MB where there are 4,096 channels
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class QuestionsAsked:
    """Questions, the number of the photo of each, and what gives features of photos by their numbers."""

    questions: Sequence[str]
    photo_of: NDArray[np.integer[Any]]  # [N]
    features: Callable[[NDArray[np.int64]], NDArray[np.float32]] | None  # None: the question alone
    photo: Callable[[int], Path] | None = None  # where the photo of a number lies; None: nowhere


@dataclass(frozen=True, kw_only=True)
class FamiliarRecord:
    """What bundle.json says of it, familiar.npz, and figures for JSON."""

    familiar: Familiar
    arrays: bytes
    figures: dict[str, Any]


def learn_familiar(
    run: Run, learned: QuestionsAsked, held: QuestionsAsked, answered: NDArray[np.bool_]
) -> None:
    """Write what the run knows into its folder; `answered` says which questions of `held` are ANSWERED, [N]."""
    known = _pooled(learned, None)
    measured = _pooled(held, known.scale)
    pairs = list(zip(held.photo_of.tolist(), held.questions, answered.tolist(), strict=True))
    if measured.rows:  # else photos are not judged
        pairs = [one for one in pairs if one[0] in measured.rows]
    familiar, arrays, figures = fit_familiar(
        Asked(
            questions=list(zip(learned.photo_of.tolist(), learned.questions, strict=True)), photos=known.rows
        ),
        Asked(questions=[(photo, question) for photo, question, _ in pairs], photos=measured.rows),
        known.scale,
        [(photo, question) for photo, question, certain in pairs if certain],
        smallest_side([*_files(learned, known), *_files(held, measured)]),
    )
    run.known.write_bytes(arrays)
    write_json(run.familiar, {"familiar": asdict(familiar), "figures": figures})


def familiar_record(run: Run) -> FamiliarRecord | None:
    """What a run folder says that it knows; None where it says nothing. Raises TrainingError where that is broken."""
    if not run.familiar.exists():
        return None
    try:
        told = json.loads(run.familiar.read_text(encoding="utf-8"))
        return FamiliarRecord(
            familiar=Familiar(**told["familiar"]), arrays=run.known.read_bytes(), figures=told["figures"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{run.familiar} or {run.known.name} is broken ({error}); train again."
        ) from error


def _files(asked: QuestionsAsked, pooled: PooledPhotos) -> list[Path]:
    return [] if asked.photo is None else [asked.photo(number) for number in pooled.rows]


def _pooled(asked: QuestionsAsked, scale: NDArray[np.float32] | None) -> PooledPhotos:
    """Photos of the questions, by number."""

    def batches(numbers: Sequence[int]) -> FeatureBatches:
        if asked.features is None:
            return
        for start in range(0, len(numbers), _AT_ONCE):
            some = list(numbers[start : start + _AT_ONCE])
            yield some, asked.features(np.array(some, np.int64))

    photos = np.unique(asked.photo_of)
    places = np.linspace(0, len(photos) - 1, min(MOST_PHOTOS, len(photos))).astype(np.int64)
    pooled = PooledPhotos(batches, scale)
    deque(pooled(photos[places].tolist()), maxlen=0)
    return pooled
