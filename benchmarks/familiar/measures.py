"""Which measure tells photos apart that are unlike a bundle's: `PYTHONPATH=benchmarks python -m familiar.measures`.

The built-in bundle, its features of 1,500 scenes as what is known, 1,500 others as photos like these, and 200 photos of
the real world, twice (real_photos.py). AUROC is the chance that a real photo is farther than a scene; FPR is the share
of real photos that is taken for known where 95 % of the scenes are. Energy (Liu et al., Energy-based
Out-of-distribution Detection, 2020) is of each ask's logits; the other measures are of the photo alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from familiar.real_photos import NAMES, OTHERS, real_photos
from familiar.scenes import draw_scenes
from familiar.unlike_asks import IN_WORDS_OF_SCENES
from numpy.typing import NDArray

from asksight.engine import Bundle, load_bundle
from asksight.engine.bundle.familiar import familiarity_of
from asksight.engine.bundle.known_photos import channel_scale, fit_photos, pooled
from asksight.engine.plans.pick import open_stage
from asksight.ext.opening import open_words
from asksight.photos.input import PhotoInput
from asksight.training.datasets import open_dataset
from asksight.training.datasets.photo_reader import photo_reader
from asksight.training.measuring.asking import encoded_photos, scores_on

KEPT = 512  # known photos that nearest neighbours are looked for among
BATCH = 25


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=Path("build/photos"), help="where the packages lie")
    bundle = load_bundle("scenes")
    folder = parser.parse_args().photos
    sets = {"real": _real_features(bundle, folder, NAMES), "other": _real_features(bundle, folder, OTHERS)}
    with tempfile.TemporaryDirectory() as folder:
        known, like, like_energy = _scene_features(bundle, Path(folder))
    scale = channel_scale(known)
    gaussian = fit_photos(pooled(known, scale), scale)
    neighbours = _neighbours(pooled(known, scale)[:KEPT])
    for what, real in sets.items():
        _tell(what, "Mahalanobis", gaussian.distances(like), gaussian.distances(real))
        _tell(what, "nearest neighbour", neighbours(pooled(like, scale)), neighbours(pooled(real, scale)))
        _tell(what, "energy of the logits", like_energy, _energy(_real_logits(bundle, real)))
        _tell(what, "Mahalanobis, not squashed", *_not_squashed(known, like, real))
    _time(bundle, like)


def _real_features(bundle: Bundle, folder: Path, names: tuple[str, ...]) -> NDArray[Any]:
    read = PhotoInput.of(bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing)
    pictures = np.stack([read(photo)["image"] for photo in real_photos(folder, 200, names=names)])
    with closing(open_stage(bundle, "encoder", "auto", max_batch=BATCH).engine) as encoder:
        parts = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        return np.concatenate([encoder.infer({"image": part})["features"] for part in parts])


def _scene_features(bundle: Bundle, folder: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    draw_scenes(folder, train=1500, val=1500, seed=12)
    both = []
    for split in ("train", "val"):
        dataset = open_dataset(folder, split)
        encoded = encoded_photos(bundle, dataset, read_photo=photo_reader(bundle))
        ids = list(dict.fromkeys(dataset.image_ids))
        both.append(np.concatenate([features for _, features in encoded(ids)]))
    logits = [scores["logits"] for _, scores in scores_on(bundle, dataset, encoded)]
    return both[0], both[1], _energy(np.concatenate(logits))


def _real_logits(bundle: Bundle, features: NDArray[Any]) -> NDArray[Any]:
    vectors, lengths = open_words(bundle.word_table).vectors(list(IN_WORDS_OF_SCENES))
    logits = []
    with closing(open_stage(bundle, "answerer", "auto", max_batch=len(lengths)).engine) as answerer:
        for row in features:
            seen = np.repeat(row[None], len(lengths), axis=0)
            asked = {"question": vectors, "lengths": lengths, "features": seen}
            logits.append(answerer.infer(asked)["logits"].copy())
    return np.concatenate(logits)


def _energy(logits: NDArray[Any]) -> NDArray[np.float64]:
    energy: NDArray[np.float64] = -np.logaddexp.reduce(logits.astype(np.float64), axis=1)
    return energy


def _neighbours(kept: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Distances to the nearest of what is kept, in units of each channel's deviation."""
    spread = kept.std(axis=0) + 1e-6

    def distances(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        found = [np.sqrt(np.square((row - kept) / spread).sum(axis=1).min()) for row in rows]
        return np.array(found, np.float64)

    return distances


def _not_squashed(
    known: NDArray[Any], like: NDArray[Any], real: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Plain averages over places, so that it is seen what squashing is good for."""
    whole = np.full(known.shape[-1], 1e6, np.float32)  # where tanh is straight
    gaussian = fit_photos(pooled(known, whole) * 1e6, whole)
    return tuple(gaussian.pooled_distances(pooled(one, whole) * 1e6) for one in (like, real))  # type: ignore[return-value]


def _tell(photos: str, measure: str, like: NDArray[np.float64], real: NDArray[np.float64]) -> None:
    auroc = np.searchsorted(np.sort(like), real).mean() / len(like)
    taken = (real <= np.quantile(like, 0.95)).mean()
    told = {"auroc": round(float(auroc), 4), "fpr_at_95": round(float(taken), 4)}
    print(json.dumps({"photos": photos, "measure": measure} | told))


def _time(bundle: Bundle, features: NDArray[Any]) -> None:
    """What the checks take beside the engines, at once 1 and 32; a photo is checked when it is encoded."""
    familiarity = familiarity_of(bundle)
    assert familiarity is not None
    for batch in (1, 32):
        texts = [IN_WORDS_OF_SCENES[row % len(IN_WORDS_OF_SCENES)] for row in range(batch)]
        vectors, lengths = open_words(bundle.word_table).vectors(texts)
        asked = {"question": vectors, "lengths": lengths, "features": features[:batch]}
        with closing(open_stage(bundle, "answerer", "auto", max_batch=batch).engine) as answerer:
            answers_us = _median_us(partial(answerer.infer, asked))
        question_us = _median_us(partial(familiarity.unfamiliar, texts, [False] * batch))
        photo_us = _median_us(partial(familiarity.far, features[:batch]))
        pictures = np.zeros((batch, bundle.image_height, bundle.image_width, 3), bundle.image_dtype)
        with closing(open_stage(bundle, "encoder", "auto", max_batch=batch).engine) as encoder:
            encodes_us = _median_us(partial(encoder.infer, {"image": pictures}), 60)
        told = {"encoder_us": encodes_us, "answerer_us": answers_us}
        told |= {"question_us": question_us, "photo_us": photo_us}
        print(json.dumps({"batch": batch} | {name: round(value, 1) for name, value in told.items()}))


def _median_us(call: Callable[[], object], count: int = 300) -> float:
    times = []
    for _ in range(count):
        began_s = time.perf_counter()
        call()
        times.append(time.perf_counter() - began_s)
    return float(np.median(times[50:])) * 1e6


if __name__ == "__main__":
    main()
