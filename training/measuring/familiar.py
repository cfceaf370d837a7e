"""What a model knows, measured: the words of questions, and where the features of their photos lie.

Some photos, with their questions, say what is known; others say from where on an ask is unlike it, so that at most
LOST of such asks is taken for unlike. Training gives its own photos and those that were held out; of a data set that is
calibrated on, either is a half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle
from asksight.engine.bundle.familiar import dump_familiarity
from asksight.engine.bundle.known_photos import KnownPhotos, channel_scale, fit_photos, pooled
from asksight.engine.bundle.known_words import MOST_WORDS, KnownWords, count_words
from asksight.engine.bundle.manifest import Familiar
from asksight.engine.bundle.rewrite import keep_familiar

from ..datasets import Dataset
from ..datasets.photo_sides import smallest_side
from .asking import FeatureBatches, Features

LOST_PHOTOS, LOST_QUESTIONS = 0.01, 0.005  # of asks; 2 % are allowed in all, and another sample has others
MOST_OUTSIDE = (
    0.99  # of a question's weight: one of which no word is known has 1, and is unlike, however many are so
)
LEAST_PHOTOS = 100  # of either kind; of fewer, the distance that one in a hundred exceeds cannot be told


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Questions, and the pooled features of the photos that they are about; photos without features may be missing."""

    questions: Sequence[tuple[int, str]]  # the photo's number, and the text
    photos: Mapping[int, NDArray[np.float32]]  # [C] of each


class PooledPhotos:
    """Features on their way to the answerer, pooled and kept by image id. The first batch gives the scale."""

    def __init__(self, features: Features, scale: NDArray[np.float32] | None = None) -> None:
        self._features = features
        self.rows: dict[int, NDArray[np.float32]] = {}  # [C] each
        self.scale = scale

    def __call__(self, image_ids: Sequence[int]) -> FeatureBatches:
        batches = self._features(image_ids)
        try:
            for some, features in batches:
                if self.scale is None:
                    self.scale = channel_scale(features)
                self.rows |= zip(some, pooled(features, self.scale), strict=True)
                yield some, features
        finally:
            batches.close()


def fit_familiar(
    known: Asked,
    held: Asked,
    scale: NDArray[np.float32] | None,
    answered: Sequence[tuple[int, str]] = (),
    side: int | None = None,
) -> tuple[Familiar, bytes, dict[str, Any]]:
    """What bundle.json says, familiar.npz, and figures for JSON.

    `answered` are the questions of `held` that are ANSWERED: only of these can any be lost. None: of all. `side` is the
    shorter one of the smallest photo of both, px, so that its size loses none; None: not known.
    """
    texts = [question for _, question in known.questions]
    words = KnownWords(count_words(texts), len(texts))
    losable = answered or held.questions
    outside = np.array([words.outside(question) for _, question in losable])
    question_threshold = min(MOST_OUTSIDE, _threshold(outside, LOST_QUESTIONS))
    photos = _photos(known, held, scale)
    distances = {} if photos is None else _distances(photos, held)
    away = np.array([distances.get(photo, 0.0) for photo, _ in losable])
    photo_threshold = _threshold(away, LOST_PHOTOS)
    strange, far = outside > question_threshold, away > photo_threshold
    counts = dict(
        count_words([*texts, *(question for _, question in held.questions)]).most_common(MOST_WORDS)
    )
    familiar = Familiar(
        questions=len(texts) + len(held.questions),
        words=len(counts),
        question_threshold=question_threshold,
        photos=0 if photos is None else len(known.photos),
        photo_threshold=None if photos is None else photo_threshold,
        smallest_side=side,
    )
    lost = {"all": strange | far, "question": strange, "photo": far}
    told = {
        "held_out": {"photos": len({photo for photo, _ in held.questions}), "questions": len(losable)},
        "lost": {what: round(float(which.mean()), 5) for what, which in lost.items()},
    }
    return familiar, dump_familiarity(counts, photos), told


def keep_measured(
    bundle: Bundle, dataset: Dataset, seen: PooledPhotos, answered: Sequence[int] = (), **about: str
) -> Bundle:
    """Write what the bundle knows into it, by both halves of a data set; `about` is kept beside the figures.

    `answered` are the numbers of the questions that are ANSWERED. Raises BundleError.
    """
    first, second = _halves(dataset, seen)
    asked = list(zip(dataset.image_ids, dataset.questions, strict=True))

    def half(ids: set[int]) -> Asked:
        return Asked(
            questions=[one for one in asked if one[0] in ids], photos={one: seen.rows[one] for one in ids}
        )

    certain = [asked[number] for number in answered if asked[number][0] in second]
    side = None if dataset.photos is None else smallest_side(map(dataset.photo, first | second))
    familiar, arrays, told = fit_familiar(half(first), half(second), seen.scale, certain, side)
    return keep_familiar(bundle, familiar, arrays, told | about)


def _halves(dataset: Dataset, seen: PooledPhotos) -> tuple[set[int], set[int]]:
    """Shuffled: data sets have turns in their order. Of a single photo, the same for both."""
    ids = [image_id for image_id in dict.fromkeys(dataset.image_ids) if image_id in seen.rows]
    np.random.default_rng(0).shuffle(ids)
    return set(ids[::2]), set(ids[1::2] or ids)


def _photos(known: Asked, held: Asked, scale: NDArray[np.float32] | None) -> KnownPhotos | None:
    """The photos that are known; None where they are too few."""
    if scale is None or min(len(known.photos), len(held.photos)) < LEAST_PHOTOS:
        return None
    return fit_photos(np.stack([row for _, row in sorted(known.photos.items())]), scale)


def _distances(photos: KnownPhotos, held: Asked) -> dict[int, float]:
    rows = np.stack(list(held.photos.values()))
    return dict(zip(held.photos, photos.pooled_distances(rows).tolist(), strict=True))


def _threshold(values: NDArray[np.float64], lost: float) -> float:
    """The least of the values that at most the share `lost` is above."""
    return float(np.quantile(values, 1 - lost, method="higher"))
