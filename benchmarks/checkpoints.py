"""How much training is lost when its process is killed: the time of a step and of a save, for each model.

    python benchmarks/checkpoints.py [--folder DIR] [--json]

The models have their default sizes. The state is written to DIR, by default a temporary folder. Batches are random
numbers. A save follows each step, as in training.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 30
# Tokens in a question; answers and words, about as many as in VQA v2.
QUESTION, ANSWERS, WORDS = (12, 1000, 5000)
PHOTOS = "from photos"  # attention, trained together with its encoder
FEATURES = {"attention": (7, 7, 512), "mlp": (4096,), "lstm": (4096,)}  # of VGG16


def from_photos() -> tuple[Any, list[Any]]:
    """The model that is trained from photos, and a batch of 32 photos with 8 questions each."""
    from asksight.training.learning.runs import TrainSettings
    from asksight.training.learning.train import Learner

    settings = TrainSettings()
    photos, questions = settings.photos_per_batch, settings.photos_per_batch * settings.questions_per_photo
    random = np.random.default_rng(0)
    learner = Learner(settings, words=WORDS, answers=ANSWERS, labels=0, steps=1000)
    return learner, [
        random.integers(0, 256, (photos, settings.side, settings.side, 3)).astype(np.uint8),
        random.integers(0, WORDS, (questions, QUESTION)).astype(np.int32),
        np.full(questions, QUESTION, np.int32),
        np.repeat(np.arange(photos), settings.questions_per_photo).astype(np.int32),
        random.integers(0, ANSWERS, questions).astype(np.int32),
        np.zeros((photos, 8, 8, 0), np.uint8),
    ]


def on_features(arch: str) -> tuple[Any, list[Any]]:
    """A model on stored features, with fixed word vectors, and a batch for it."""
    from asksight.training.learning.stored_learner import StoredLearner
    from asksight.training.learning.stored_settings import StoredSettings

    settings = StoredSettings(
        arch=arch, data="", features="", vectors="given", train_split="", val_split=None
    )
    random = np.random.default_rng(0)
    vectors = random.normal(size=(WORDS, settings.word_dimension))
    learner = StoredLearner(
        settings, words=WORDS, vectors=vectors, feature_shape=FEATURES[arch], answers=ANSWERS
    )
    return learner, [
        random.integers(0, WORDS, (settings.batch, QUESTION)).astype(np.int32),
        np.full(settings.batch, QUESTION, np.int32),
        random.normal(size=(settings.batch, *FEATURES[arch])).astype(np.float32),
        random.integers(0, ANSWERS, (settings.batch, 1)).astype(np.int32),
    ]


def measure(arch: str, folder: Path) -> dict[str, Any]:
    """Median times in milliseconds. A killed training loses at most the work between two saves."""
    import tensorflow as tf

    from asksight.training.learning.checkpoint import REST, Checkpoint

    learner, batch = from_photos() if arch == PHOTOS else on_features(arch)
    inputs = [tf.constant(array) for array in batch]
    folder.mkdir()
    kept = Checkpoint(folder, learner.variables)
    steps, saves = [], []
    for step in range(STEPS):
        started = time.perf_counter()
        learner.learn(*inputs)
        learned = time.perf_counter()
        kept.save(step, None)
        steps.append(learned - started)
        saves.append(time.perf_counter() - learned)
    kept.close()
    step_ms, save_ms = (1000 * statistics.median(times[5:]) for times in (steps, saves))
    return {
        "weights": int(sum(np.prod(weight.shape) for weight in learner.weights)),
        "saved_mb": round((folder / "state.0").stat().st_size / 1e6, 1),
        "step_ms": round(step_ms, 1),
        "save_ms": round(save_ms, 1),
        "steps_a_save": max(1, int(np.ceil(REST * save_ms / step_ms))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory(prefix="asksight-checkpoints-", dir=given.folder) as folder:
        figures = {arch: measure(arch, Path(folder) / arch) for arch in (PHOTOS, *FEATURES)}
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{'':11} {'weights':>10} {'saved MB':>9} {'step ms':>8} {'save ms':>8}  saved every")
    for arch, told in figures.items():
        times = f"{told['step_ms']:8.1f} {told['save_ms']:8.1f}  {told['steps_a_save']} steps"
        print(f"{arch:11} {told['weights']:10,} {told['saved_mb']:9.1f} {times}")


if __name__ == "__main__":
    main()
