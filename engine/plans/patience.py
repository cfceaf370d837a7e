"""How many samples engines are compared on: all, or, of a model that takes a second a photo, as many as tell enough.

64 photos and 512 questions of BLIP take onnxruntime about three minutes on two cores, and are run four times.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..base import Engine
from ..bundle.load import Bundle
from ..bundle.samples import Samples
from .parity import answer, encode, question_batches

PATIENCE_S = 30.0  # for one pass over the photos, and for one over the questions
LEAST_PHOTOS, LEAST_QUESTIONS = 8, 200  # one answer more or less is then 0.5 %, as much as may be lost


def enough(
    bundle: Bundle,
    samples: Samples,
    encoder: Engine,
    answerer: Engine,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Samples:
    """The first of the samples: as many as these engines do within the patience, by how long a few of them take."""
    few = samples.first(photos=2, questions=4)
    started_s = clock()
    features = encode(encoder, few)
    encoded_s = clock()
    size = min(len(few.lengths), answerer.spec.max_batch)
    answer(bundle, answerer, question_batches(bundle, few, features, size))
    answered_s = clock()
    return samples.first(
        photos=_within((encoded_s - started_s) / len(few.photos), LEAST_PHOTOS),
        questions=_within((answered_s - encoded_s) / len(few.lengths), LEAST_QUESTIONS),
    )


def _within(each_s: float, least: int) -> int:
    return max(least, int(PATIENCE_S / max(each_s, 1e-9)))
