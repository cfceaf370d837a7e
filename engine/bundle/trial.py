"""Running a new bundle once, before it replaces anything: what shapes and hashes cannot show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Engine
from ..errors import EngineError, refused
from .load import Bundle

PHOTOS = 2
TOLERANCE = 1e-3  # of the largest number; float32 sums in another order differ by about 1e-6


def try_bundle(bundle: Bundle) -> None:
    """Raises BundleError unless both graphs run, give numbers, and answer a row alone as they do in a batch.

    A question alone is also less padded than in a batch: the answerer must not see that either.
    """
    from ..runtimes.onnxruntime_engine import (
        OnnxRuntimeEngine,  # imported late: who reads bundles runs no graph
    )

    engines: list[Engine] = []
    try:
        for path in (bundle.encoder_path, bundle.answerer_path):
            engines.append(OnnxRuntimeEngine(path, max_batch=PHOTOS))
        encoder, answerer = engines
        photos = _photos(bundle)
        features = encoder.infer({"image": photos})["features"]
        question, lengths = _questions(bundle)
        asked = {"question": question, "lengths": lengths, "features": features}
        logits = answerer.infer(asked)["logits"]
        feature_alone = encoder.infer({"image": photos[:1]})["features"]
        alone = {name: array[:1] for name, array in asked.items()} | {"question": question[:1, :1]}
        logits_alone = answerer.infer(alone)["logits"]
    except EngineError as error:
        advice = "Mend the graph and export again."
        raise refused(bundle.path, expected="graphs that run", found=str(error), advice=advice) from error
    finally:
        for engine in engines:
            engine.close()
    advice = "Put its layers into inference mode, and export again."
    _compare(
        bundle.encoder_path, "the same features of a photo in any batch", features, feature_alone, advice
    )
    advice = "Mask the question by `lengths` in the answerer, and export again."
    _compare(bundle.answerer_path, "the same logits however far padded", logits, logits_alone, advice)


def _photos(bundle: Bundle) -> NDArray[Any]:
    noise = np.random.default_rng(0).integers(0, 256, (PHOTOS, bundle.image_height, bundle.image_width, 3))
    return noise.astype(bundle.image_dtype)


def _questions(bundle: Bundle) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """One question of one word, one of up to three, padded to `max_tokens`: [2, T, D] and [2]."""
    lengths = np.array([1, min(3, bundle.max_tokens)], np.int32)
    rows = np.arange(PHOTOS * bundle.max_tokens).reshape(PHOTOS, -1) % len(bundle.vectors)
    question = bundle.vectors[rows].astype(np.float32)
    question[np.arange(bundle.max_tokens) >= lengths[:, None]] = 0.0
    return question, lengths


def _compare(path: Path, expected: str, batch: NDArray[Any], alone: NDArray[Any], advice: str) -> None:
    if not np.isfinite(batch).all():
        raise refused(
            path,
            expected="finite numbers",
            found="NaN or infinity",
            advice="Mend the graph and export again.",
        )
    difference = float(np.abs(batch[:1] - alone).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(alone).max())):
        raise refused(path, expected=expected, found=f"a difference of {difference:.3g}", advice=advice)
