"""Running a new bundle once, before it replaces anything: what shapes and hashes cannot show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Engine
from .bundle_load import Bundle
from .choose import open_engine
from .errors import EngineError, refused

PHOTOS = 2
TOLERANCE = 1e-3  # of the largest logit; float32 sums in another order differ by about 1e-6


def try_bundle(bundle: Bundle) -> None:
    """Raises BundleError unless both graphs run and padding changes no logits."""
    advice = "Mend the graph and export again."
    engines: list[Engine] = []
    try:
        for path in (bundle.encoder_path, bundle.answerer_path):
            engines.append(open_engine("onnxruntime", path, max_batch=PHOTOS))
        encoder, answerer = engines
        features = encoder.infer({"image": _photos(bundle)})["features"]

        def logits(question: NDArray[Any], lengths: NDArray[np.int32]) -> NDArray[Any]:
            return answerer.infer({"question": question, "lengths": lengths, "features": features})["logits"]

        question, lengths = _questions(bundle)
        short = int(lengths.max())
        tight, padded = logits(question[:, :short], lengths), logits(question, lengths)
    except EngineError as error:
        raise refused(bundle.path, expected="graphs that run", found=str(error), advice=advice) from error
    finally:
        for engine in engines:
            engine.close()
    if not np.isfinite(padded).all():
        raise refused(bundle.answerer_path, expected="finite logits", found="NaN or infinity", advice=advice)
    difference = float(np.abs(tight - padded).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(tight).max())):
        raise refused(
            bundle.answerer_path,
            expected="the same logits however far a question is padded",
            found=f"a difference of {difference:.3g}",
            advice="Mask the question by `lengths` in the answerer, and export again.",
        )


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
