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


def fit_familiar(dataset: Dataset, seen: PooledPhotos) -> tuple[Familiar, bytes, dict[str, Any]]:
    """Of the photos that were seen and their questions: what bundle.json says, familiar.npz, and figures for JSON."""
    known, held = _halves(dataset, seen)
    asked = [
        (image_id, question) for image_id, question in zip(dataset.image_ids, dataset.questions, strict=True)
    ]
    first = [question for image_id, question in asked if image_id in known]
    second = [(image_id, question) for image_id, question in asked if image_id in held]
    words = KnownWords(count_words(first), len(first))
    outside = np.array([words.outside(question) for _, question in second])
    question_threshold = _threshold(outside, LOST_QUESTIONS)
    photos, photo_threshold, far = _photos(seen, known, held)
    lost = outside > question_threshold
    lost |= np.array([far[image_id] for image_id, _ in second], bool)
    counts = dict(count_words([*first, *(question for _, question in second)]).most_common(MOST_WORDS))
    familiar = Familiar(
        questions=len(first) + len(second),
        words=len(counts),
        question_threshold=question_threshold,
        photos=0 if photos is None else len(known),
        photo_threshold=photo_threshold,
    )
    told = {
        "held_out_questions": len(second),
        "held_out_photos": len(held),
        "lost": {
            "all": round(float(lost.mean()), 5),
            "question": round(float((outside > question_threshold).mean()), 5),
            "photo": round(float(np.mean([far[image_id] for image_id, _ in second])), 5),
        },
    }
    return familiar, dump_familiarity(counts, photos), told


def keep_measured(bundle: Bundle, dataset: Dataset, seen: PooledPhotos, **about: str) -> Bundle:
    """Write what the bundle knows into it; `about` is kept beside the figures. Raises BundleError."""
    familiar, arrays, told = fit_familiar(dataset, seen)
    return keep_familiar(bundle, familiar, arrays, told | about)


def _halves(dataset: Dataset, seen: PooledPhotos) -> tuple[set[int], set[int]]:
    """Every other photo that was seen; of a single one, the same for both."""
    ids = [image_id for image_id in dict.fromkeys(dataset.image_ids) if image_id in seen.rows]
    return set(ids[::2]), set(ids[1::2] or ids)


def _photos(
    seen: PooledPhotos, known: set[int], held: set[int]
) -> tuple[KnownPhotos | None, float | None, dict[int, bool]]:
    if len(seen.rows) < LEAST_PHOTOS or seen.scale is None:
        return None, None, dict.fromkeys(held, False)
    photos = fit_photos(np.stack([seen.rows[image_id] for image_id in sorted(known)]), seen.scale)
    ids = sorted(held)
    distances = photos.pooled_distances(np.stack([seen.rows[image_id] for image_id in ids]))
    threshold = _threshold(distances, LOST_PHOTOS)
    return photos, threshold, dict(zip(ids, (distances > threshold).tolist(), strict=True))


def _threshold(values: NDArray[np.float64], lost: float) -> float:
    """The least of the values that at most the share `lost` is above."""
    return float(np.quantile(values, 1 - lost, method="higher"))
