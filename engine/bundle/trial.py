"""Running a new bundle once, before it replaces anything: what shapes and hashes cannot show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays
from ..errors import EngineError, refused
from .load import Bundle
from .samples import made_up_samples
from .spelled import Speller

PHOTOS = 2
TOLERANCE = 1e-3  # of the largest number; float32 sums in another order differ by about 1e-6
INFERENCE = "Put its layers into inference mode, and export again."
MASK = "Mask the question by `lengths` in the answerer, and export again."
MEND = "Mend the graph and export again."


def try_bundle(bundle: Bundle) -> None:
    """Raises BundleError unless both graphs run, give numbers, and answer a row alone as they do in a batch.

    A question alone is also less padded than in a batch: the answerer must not see that either. One graph is open at a
    time, since either may have gigabytes of weights.
    """
    photos = made_up_samples(bundle, photos=PHOTOS, questions=1).photo_arrays(slice(None))
    encoded = _run(bundle.encoder_path, [photos, {name: array[:1] for name, array in photos.items()}])
    features, features_alone = (given["features"] for given in encoded)
    path = bundle.encoder_path
    _check_finite(path, features)
    _compare(path, "the same features of a photo in any batch", features, features_alone, INFERENCE)
    question, lengths = _questions(bundle)
    asked = {"question": question, "lengths": lengths, "features": features}
    alone = {name: array[:1] for name, array in asked.items()} | {"question": question[:1, : lengths[0]]}
    path = bundle.answerer_path
    scores, scores_alone = _run(path, [asked, alone])
    if bundle.spelling is None:
        _check_finite(path, scores["logits"])
        expected = "the same logits however far padded"
        _compare(path, expected, scores["logits"], scores_alone["logits"], MASK)
    else:
        _compare_texts(bundle, scores, scores_alone)


def _run(path: Path, batches: Sequence[Arrays]) -> list[Arrays]:
    from ..runtimes.onnxruntime_engine import (
        OnnxRuntimeEngine,  # imported late: who reads bundles runs no graph
    )

    try:
        with closing(OnnxRuntimeEngine(path, max_batch=PHOTOS)) as engine:
            return [engine.infer(batch) for batch in batches]
    except EngineError as error:
        raise refused(path, expected="a graph that runs", found=str(error), advice=MEND) from error


def _questions(bundle: Bundle) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The shortest question there may be, and one of up to two words more, padded to `max_tokens`: [2, T, D], [2]."""
    least = 1 if bundle.pieces is None else 3  # with the first and the last piece
    lengths = np.array([least, min(least + 2, bundle.max_tokens)], np.int32)
    rows = np.arange(PHOTOS * bundle.max_tokens).reshape(PHOTOS, -1) % len(bundle.vectors)
    if bundle.pieces is not None:
        rows[:, 0] = bundle.pieces.first
        rows[np.arange(PHOTOS), lengths - 1] = bundle.pieces.last
    question = bundle.vectors[rows].astype(np.float32)
    question[np.arange(bundle.max_tokens) >= lengths[:, None]] = 0.0
    return question, lengths


def _check_finite(path: Path, numbers: NDArray[np.float32]) -> None:
    if not np.isfinite(numbers).all():
        raise refused(path, expected="finite numbers", found="NaN or infinity", advice=MEND)


def _compare(
    path: Path, expected: str, batch: NDArray[np.float32], alone: NDArray[np.float32], advice: str
) -> None:
    difference = float(np.abs(batch[:1] - alone).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(alone).max())):
        raise refused(path, expected=expected, found=f"a difference of {difference:.3g}", advice=advice)


def _compare_texts(bundle: Bundle, batch: Arrays, alone: Arrays) -> None:
    """The texts, since rounding may change the order of beams that are hardly possible."""
    assert bundle.spelling is not None
    path, speller = bundle.answerer_path, Speller.of(bundle)
    for given in (batch, alone):
        tokens, log_probabilities = given["tokens"], given["log_probabilities"]
        _check_finite(path, log_probabilities)
        if not speller.usable(tokens, log_probabilities).all():
            found = f"rows of {tokens.min()} to {tokens.max()}"
            expected = f"tokens of the rows 0 to {len(bundle.vectors) - 1} of words.txt"
            raise refused(path, expected=expected, found=found, advice=MEND)
        if (highest := float(log_probabilities.max())) > TOLERANCE:
            expected = "log-probabilities, none of them over 0"
            raise refused(path, expected=expected, found=f"{highest:.3g}", advice=MEND)
        ended = (tokens == bundle.spelling.stop).cumsum(axis=2) - (tokens == bundle.spelling.stop) > 0
        if (log_probabilities[ended] != 0).any():
            expected = "log-probabilities of 0 behind the piece that ends an answer"
            raise refused(path, expected=expected, found="others", advice=MEND)
    in_batch, by_itself = (
        dict(speller(one["tokens"][:1], one["log_probabilities"][:1])[0]) for one in (batch, alone)
    )
    texts = in_batch.keys() | by_itself.keys()
    difference = max((abs(in_batch.get(text, 0) - by_itself.get(text, 0)) for text in texts), default=0.0)
    if difference > TOLERANCE:
        expected = "the same probabilities of spelled answers however far padded"
        raise refused(path, expected=expected, found=f"a difference of {difference:.3g}", advice=MASK)
