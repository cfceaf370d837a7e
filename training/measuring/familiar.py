"""What a bundle knows, measured on a data set: the words of its questions, and where its photos' features lie.

Half of the photos say what is known, the other half, with their questions, from where on an ask is unlike it: so that
at most LOST of such asks is taken for unlike.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from .asking import FeatureBatches, Features

LOST_PHOTOS, LOST_QUESTIONS = 0.01, 0.005  # of asks; 2 % are allowed in all, and another sample has others
LEAST_PHOTOS = 200  # of fewer, the distance that one in a hundred exceeds cannot be told


class PooledPhotos:
    """Features on their way to the answerer, pooled and kept by image id. The first batch gives the scale."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self.rows: dict[int, NDArray[np.float32]] = {}  # [C] each
        self.scale: NDArray[np.float32] | None = None

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
    dataset: Dataset, seen: PooledPhotos, answered: Sequence[int] = ()
) -> tuple[Familiar, bytes, dict[str, Any]]:
    """Of the photos that were seen and their questions: what bundle.json says, familiar.npz, and figures for JSON.

    `answered` are the numbers of the questions that are ANSWERED: only of these can any be lost. None: of all.
    """
    known, held = _halves(dataset, seen)
    asked = list(zip(dataset.image_ids, dataset.questions, strict=True))
    first = [question for image_id, question in asked if image_id in known]
    second = [one for one in asked if one[0] in held]
    losable = [asked[number] for number in answered if asked[number][0] in held] or second
    words = KnownWords(count_words(first), len(first))
    outside = np.array([words.outside(question) for _, question in losable])
    question_threshold = _threshold(outside, LOST_QUESTIONS)
    photos, distances = _photos(seen, known, held)
    away = np.array([distances[image_id] for image_id, _ in losable])
    photo_threshold = _threshold(away, LOST_PHOTOS)
    strange, far = outside > question_threshold, away > photo_threshold
    counts = dict(
        count_words([*first, *(question for _, question in second)]).most_common(MOST_WORDS),
    )
    familiar = Familiar(
        questions=len(first) + len(second),
        words=len(counts),
        question_threshold=question_threshold,
        photos=0 if photos is None else len(known),
        photo_threshold=None if photos is None else photo_threshold,
    )
    lost = {"all": strange | far, "question": strange, "photo": far}
    told = {
        "held_out": {"photos": len(held), "questions": len(losable)},
        "lost": {what: round(float(which.mean()), 5) for what, which in lost.items()},
    }
    return familiar, dump_familiarity(counts, photos), told


def keep_measured(
    bundle: Bundle, dataset: Dataset, seen: PooledPhotos, answered: Sequence[int] = (), **about: str
) -> Bundle:
    """Write what the bundle knows into it; `about` is kept beside the figures. Raises BundleError."""
    familiar, arrays, told = fit_familiar(dataset, seen, answered)
    return keep_familiar(bundle, familiar, arrays, told | about)


def _halves(dataset: Dataset, seen: PooledPhotos) -> tuple[set[int], set[int]]:
    """Shuffled: data sets have turns in their order. Of a single photo, the same for both."""
    ids = [image_id for image_id in dict.fromkeys(dataset.image_ids) if image_id in seen.rows]
    np.random.default_rng(0).shuffle(ids)
    return set(ids[::2]), set(ids[1::2] or ids)


def _photos(
    seen: PooledPhotos, known: set[int], held: set[int]
) -> tuple[KnownPhotos | None, dict[int, float]]:
    """The photos that are known, and how far from these each of the others is; None, and 0, where they are too few."""
    if len(seen.rows) < LEAST_PHOTOS or seen.scale is None:
        return None, dict.fromkeys(held, 0.0)
    photos = fit_photos(np.stack([seen.rows[image_id] for image_id in sorted(known)]), seen.scale)
    ids = sorted(held)
    distances = photos.pooled_distances(np.stack([seen.rows[image_id] for image_id in ids]))
    return photos, dict(zip(ids, distances.tolist(), strict=True))


def _threshold(values: NDArray[np.float64], lost: float) -> float:
    """The least of the values that at most the share `lost` is above."""
    return float(np.quantile(values, 1 - lost, method="higher"))
