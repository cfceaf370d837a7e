"""How well questions are answered without photos: by `mlp` and `lstm`, and by two baselines that need no model.

    python benchmarks/language_only.py QUESTIONS.tsv [--models NAME ...] [--vectors en_core_web_md [--tune-vectors]]

The file is tab-separated with a header; its columns are question id, image id, question and the commonest answer. A
tenth of the photos is held out and used only for the final figures. Another tenth is for validation: it decides when
training stops and which epoch is kept, and the settings in MODELS were chosen on it. The metric is exact match with the
commonest answer.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.training.datasets import Record, open_dataset
from asksight.training.datasets.dataset import answer_type, one_line
from asksight.training.datasets.prepared import write_manifest, write_split

SHARE = 0.1  # of the photos: so many for validation, and as many held out
RESAMPLED = 10_000  # bootstrap samples for the confidence intervals

_DENSE = {"units": 512, "hidden": 1}
# Settings that are not the default; `asksight train` has an option for each.
MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"arch": "mlp"},
    "lstm": {"arch": "lstm", "optimizer": "adam", "batch": 64, "epochs": 6},
    "small mlp": {"arch": "mlp", "optimizer": "adam", "sizes": _DENSE},
    "small lstm": {
        "arch": "lstm",
        "optimizer": "adam",
        "sizes": {**_DENSE, "lstm_units": 256, "lstm_layers": 1},
    },
}


def read(path: Path) -> list[Record]:
    """Read all questions of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [
            Record(
                question_id=int(question_id),
                image_id=int(image_id),
                question=one_line(question),
                answers=(answer,),
                modal=answer,
                question_type=start(question),
                answer_type=answer_type(answer),
            )
            for question_id, image_id, question, answer in rows
        ]


def start(question: str) -> str:
    """The first three words of a question."""
    return " ".join(question.lower().split()[:3])


def part(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Split the questions into three parts that share no photo."""
    photos = np.random.default_rng(0).permutation(sorted({record.image_id for record in records}))
    first, second, third = (round(tenths * SHARE * len(photos)) for tenths in (1, 2, 3))
    of = dict.fromkeys(photos[first:second].tolist(), "val")
    # Not the first tenth: models were compared on it.
    of |= dict.fromkeys(photos[second:third].tolist(), "test")
    parts: dict[str, list[Record]] = {"train": [], "val": [], "test": []}
    for record in records:
        parts[of.get(record.image_id, "train")].append(record)
    return parts


def floors(parts: dict[str, list[Record]]) -> dict[str, float]:
    """The baselines without a model; they also learn from the validation part."""
    known = parts["train"] + parts["val"]
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for record in known:
        answers[record.question_type][record.modal] += 1
    overall = Counter(record.modal for record in known).most_common(1)[0][0]
    best = {begun: counts.most_common(1)[0][0] for begun, counts in answers.items()}
    return {
        "always yes": _percent(parts["test"], lambda record: "yes"),
        "commonest for the first three words": _percent(
            parts["test"], lambda record: best.get(record.question_type, overall)
        ),
    }


def _percent(records: Sequence[Record], guess: Callable[[Record], str]) -> float:
    return 100 * sum(guess(record) == record.modal for record in records) / len(records)


def write_data(folder: Path, parts: dict[str, list[Record]]) -> None:
    """Write the parts as a prepared data set without photos."""
    folder.mkdir(exist_ok=True)
    splits = {
        split: write_split(folder, split, records) | {"photos": None, "photo_pattern": "{image_id}"}
        for split, records in parts.items()
    }
    write_manifest(folder, {"source_format": "vqa", "splits": splits})


def write_vectors(source: str, data: Path, out: Path) -> None:
    """Gather word vectors as `asksight vectors SOURCE` does."""
    from asksight.training.vectors import asked_words, gather, save_vectors

    words = asked_words(open_dataset(data, "train"))
    save_vectors(out, gather(source, words, dimension=300).table)


def learn(data: Path, out: Path, **told: Any) -> tuple[NDArray[np.bool_], dict[str, Any]]:
    """Train a model as `asksight train --features none` does; gives which held-out questions it answers right."""
    from asksight.training.learning.runs import Run
    from asksight.training.learning.stored_settings import QUESTION_ONLY, StoredSettings
    from asksight.training.learning.train_stored import train_stored

    settings = StoredSettings(
        data=str(data), features=QUESTION_ONLY, train_split="train", val_split="val", **told
    )
    started = time.monotonic()
    run = train_stored(settings, out)
    seconds = time.monotonic() - started
    history = json.loads(run.history.read_text())
    test = open_dataset(data, "test")
    right = np.array(answer(Run(out), test.questions)) == np.array(test.answers_modal)
    validation = 100 * max(row["val_exact"]["all"] for row in history)
    return right, {"validation": validation, "epochs": len(history), "seconds": round(seconds)}


def answer(run: Any, questions: Sequence[str]) -> list[str]:
    """The answers of a finished run, loaded from its files."""
    import keras

    from asksight.ext import WordTable
    from asksight.training.models import layers  # noqa: F401  # so that Keras knows them
    from asksight.training.vectors import load_vectors

    table = load_vectors(run.path)
    words = WordTable(table.words, table.vectors, limit=30, unknown_rows=table.unknown_rows)
    answers = run.answers.read_text(encoding="utf-8").splitlines()
    vectors, lengths = words.vectors(list(questions))
    logits = keras.models.load_model(run.answerer).predict(
        {"question": vectors, "lengths": lengths, "features": np.zeros((len(lengths), 1))}, verbose=0
    )
    return [answers[best] for best in logits.argmax(axis=1)]


def interval(gains: NDArray[np.float64], photos: NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of the mean of `gains` (one for each question), by a percentile bootstrap over photos."""
    _, of = np.unique(photos, return_inverse=True)
    total, count = np.bincount(of, gains), np.bincount(of)
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(count), (RESAMPLED, len(count)))
    low, high = np.percentile(100 * total[drawn].sum(axis=1) / count[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def measure(
    names: Sequence[str], seeds: int, data: Path, folder: Path, vectors: dict[str, Any]
) -> dict[str, NDArray[np.bool_]]:
    """Train each model with each seed; gives [seeds, held-out questions], whether the answer is right."""
    right: dict[str, NDArray[np.bool_]] = {}
    for name in names:
        rows = []
        for seed in range(seeds):
            row, told = learn(data, folder / f"{name} {seed}", seed=seed, **MODELS[name], **vectors)
            rows.append(row)
            say = f"validation {told['validation']:.2f} %, {told['epochs']} epochs, {told['seconds']} s"
            print(f"{name}, seed {seed}: held out {100 * row.mean():.2f} %, {say}", flush=True)
        right[name] = np.stack(rows)
    return right


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("questions", type=Path)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each model")
    parser.add_argument("--vectors", help="as `asksight vectors` takes them; else rows are learned")
    parser.add_argument("--tune-vectors", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    parts = part(read(given.questions))
    print({split: len(records) for split, records in parts.items()})
    for name, exact in floors(parts).items():
        print(f"{name}: {exact:.2f} %")
    photos = np.array([record.image_id for record in parts["test"]])
    with tempfile.TemporaryDirectory(prefix="asksight-language-") as temporary:
        folder = Path(temporary)
        write_data(folder / "data", parts)
        vectors: dict[str, Any] = {}
        if given.vectors:
            write_vectors(given.vectors, folder / "data", folder / "words")
            vectors = {"vectors": str(folder / "words"), "tune_vectors": given.tune_vectors}
        right = measure(given.models, given.seeds, folder / "data", folder, vectors)
    means = {name: rows.mean(axis=0) for name, rows in right.items()}
    for name, mean in means.items():
        low, high = interval(mean, photos)
        print(f"{name}: {100 * mean.mean():.2f} % ({low:.1f} to {high:.1f})")
    for first, second in combinations(means, 2):
        gain = means[second] - means[first]
        low, high = interval(gain, photos)
        print(f"{second} over {first}: {100 * gain.mean():+.2f} ({low:+.1f} to {high:+.1f})")


if __name__ == "__main__":
    main()
