"""What a bundle knows: whether a photo and a question are like those that its certainty was measured on."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import refused
from .files import RESTORE
from .known_photos import KnownPhotos
from .known_words import KnownWords
from .manifest import FAMILIAR, Familiar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .load import Bundle

# Of the smallest known side: a photo below it is enlarged more than any that was learned from, and shows less.
LEAST_SIDE = 0.75
PHOTO_ARRAYS = ("scale", "middle", "directions", "weights")


class Unfamiliar(StrEnum):
    """What is unlike anything that the model has learned about."""

    PHOTO = "photo"
    QUESTION = "question"


_NAMED = {
    (False, False): (),
    (True, False): (Unfamiliar.PHOTO,),
    (False, True): (Unfamiliar.QUESTION,),
    (True, True): (Unfamiliar.PHOTO, Unfamiliar.QUESTION),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Familiarity:
    """Judges photos and questions. Read-only, thread-safe."""

    told: Familiar
    known_words: KnownWords
    known_photos: KnownPhotos | None

    def unfamiliar(self, questions: Sequence[str], far: Sequence[bool]) -> list[tuple[Unfamiliar, ...]]:
        """What is unlike, of each question and of its photo, which is `far` or not."""
        return [_NAMED[is_far, self.strange(text)] for text, is_far in zip(questions, far, strict=True)]

    def strange(self, question: str) -> bool:
        """Whether too much of the question is on words that no known question has."""
        return self.known_words.outside(question) > self.told.question_threshold

    def far(self, features: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether photos are too far from those that were measured on, [N]."""
        if self.known_photos is None or self.told.photo_threshold is None:
            return np.zeros(len(features), bool)
        return self.known_photos.beyond(features, self.told.photo_threshold)

    def too_small(self, short_side_px: int) -> bool:
        """Whether a photo, by its shorter side as it was sent, is much smaller than all known ones."""
        least_px = least_side(self.told)
        return least_px is not None and short_side_px < least_px


def least_side(told: Familiar) -> int | None:
    """The least px that the shorter side of a photo must have to be known; None where that is not judged."""
    return None if told.smallest_side is None else math.ceil(LEAST_SIDE * told.smallest_side)


def familiarity_of(bundle: Bundle) -> Familiarity | None:
    """What the bundle says that it knows, None where it says nothing. Raises BundleError where that does not fit it."""
    if bundle.familiar is None:
        return None
    return read_familiarity(bundle.familiar, bundle.path / FAMILIAR, bundle.feature_shape[-1])


def read_familiarity(told: Familiar, path: Path, channels: int) -> Familiarity:
    """What is said to be known, with its arrays in familiar.npz. Raises BundleError where they do not fit."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
    except Exception as error:  # zipfile and NumPy raise many kinds on a hostile file
        raise refused(path, expected="what the bundle knows", found=str(error), advice=RESTORE) from error
    if (found := _misfit(arrays, told, channels)) is not None:
        raise refused(path, expected="what this bundle knows", found=found, advice=RESTORE)
    counts = dict(zip(arrays["words"].tolist(), arrays["counts"].tolist(), strict=True))
    photos = None
    if told.photo_threshold is not None:
        photos = KnownPhotos(**{name: arrays[name] for name in PHOTO_ARRAYS}, rest=float(arrays["rest"]))
    return Familiarity(told=told, known_words=KnownWords(counts, told.questions), known_photos=photos)


def _misfit(arrays: Mapping[str, NDArray[Any]], told: Familiar, channels: int) -> str | None:
    words, counts = arrays.get("words"), arrays.get("counts")
    if words is None or counts is None or words.dtype.kind != "U" or counts.dtype != np.int64:
        return "no words and counts of them"
    if words.shape != (told.words,) or counts.shape != words.shape:
        return f"words {words.shape} and counts {counts.shape}"
    if told.words and (counts.min() < 1 or counts.max() > told.questions):
        return f"counts of {counts.min()} to {counts.max()} of {told.questions} questions"
    if told.photo_threshold is None:
        return None
    directions = arrays.get("directions", np.empty(0))
    kept = directions.shape[-1]
    shapes = {
        "scale": (channels,),
        "middle": (channels,),
        "directions": (channels, kept),
        "weights": (kept,),
        "rest": (),
    }
    for name, shape in shapes.items():
        array = arrays.get(name)
        if array is None or array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
            return f"{name} that is not finite float32 {shape}"
    if (arrays["scale"] <= 0).any():
        return "a scale that is not over 0"
    return None


def dump_familiarity(counts: Mapping[str, int], photos: KnownPhotos | None) -> bytes:
    """The content of familiar.npz."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {
        "words": np.array(list(counts), np.str_),
        "counts": np.array(list(counts.values()), np.int64),
    }
    if photos is not None:
        arrays |= {name: getattr(photos, name) for name in PHOTO_ARRAYS}
        arrays["rest"] = np.float32(photos.rest)
    np.savez_compressed(file, **arrays)
    return file.getvalue()
