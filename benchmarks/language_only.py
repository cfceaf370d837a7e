"""How much the question alone tells: `mlp` and `lstm` without photos, beside two floors that need no model.

    python benchmarks/language_only.py QUESTIONS.tsv [--minutes 5] [--lstm-units 512] [--targets modal] [--json]

The file has a header and, tab by tab, question id, image id, question and the commonest answer. A tenth of its photos
is held out for the figures; of the others, a twentieth decides when to stop. Exact match with the commonest answer.
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
from pathlib import Path
from typing import Any

import numpy as np

from asksight.training.datasets import Record
from asksight.training.datasets.dataset import Dataset, answer_type, one_line
from asksight.training.datasets.prepared import write_manifest, write_split

HELD_OUT, STOPPING = 0.1, 0.05  # shares of the photos


class OutOfTimeError(Exception):
    """A training has had its minutes; the best epoch so far is what counts."""


def read(path: Path) -> list[Record]:
    """All questions of the file."""
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
    """The first three words."""
    return " ".join(question.lower().split()[:3])


def part(records: Sequence[Record], seed: int) -> dict[str, list[Record]]:
    """Three parts that share no photo."""
    photos = np.random.default_rng(seed).permutation(sorted({record.image_id for record in records}))
    first, second = (round(share * len(photos)) for share in (HELD_OUT, HELD_OUT + STOPPING))
    of = dict.fromkeys(photos[:first].tolist(), "test")
    of |= dict.fromkeys(photos[first:second].tolist(), "val")
    parts: dict[str, list[Record]] = {"train": [], "val": [], "test": []}
    for record in records:
        parts[of.get(record.image_id, "train")].append(record)
    return parts


def floors(parts: dict[str, list[Record]]) -> dict[str, float]:
    """What needs no model, learned from the same questions as the models learn from."""
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
    """A prepared data set without photos."""
    splits = {
        split: write_split(folder, split, records) | {"photos": None, "photo_pattern": "{image_id}"}
        for split, records in parts.items()
    }
    write_manifest(folder, {"source_format": "vqa", "splits": splits})


def learn(arch: str, data: Path, out: Path, told: dict[str, Any], minutes: float) -> dict[str, Any]:
    """Train one model on `train`, stop by `val` or by the clock, and measure it on `test`."""
    from asksight.ext import WordTable
    from asksight.training.datasets import open_dataset
    from asksight.training.runs import Run
    from asksight.training.stored import read_questions
    from asksight.training.stored_learner import StoredLearner
    from asksight.training.stored_settings import QUESTION_ONLY, StoredSettings
    from asksight.training.train_stored import predict_stored, train_stored

    settings = StoredSettings(
        arch=arch, data=str(data), features=QUESTION_ONLY, train_split="train", val_split="val", **told
    )
    started = time.monotonic()

    def look_at_the_clock(at: object) -> None:
        if time.monotonic() - started > 60 * minutes:
            raise OutOfTimeError

    ended = "by validation"
    try:
        train_stored(settings, out, report=look_at_the_clock)
    except OutOfTimeError:
        ended = f"after {minutes:g} minutes"
    run = Run(out)
    history = json.loads(run.history.read_text())
    words, answers = (file.read_text(encoding="utf-8").splitlines() for file in (run.words, run.answers))
    learner = StoredLearner(settings, words=len(words), vectors=None, feature_size=1, answers=len(answers))
    best = run.load_best()
    assert best is not None
    for variable, value in zip(learner.model_variables, best[1], strict=True):
        variable.assign(value)
    table = WordTable(words, np.zeros((len(words), 1), np.float32), limit=settings.max_tokens, unknown_rows=1)
    test: Dataset = open_dataset(data, "test")
    questions = read_questions(test, table=table, answers=answers, targets="modal", store=None)
    right = predict_stored(learner, questions).argmax(axis=1) == questions.modal
    types = np.array(questions.types)
    return {
        "exact": 100 * float(right.mean()),
        "by_answer_type": {kind: 100 * float(right[types == kind].mean()) for kind in sorted(set(types))},
        "epochs": len(history),
        "stopped": ended,
        "seconds": round(time.monotonic() - started),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("questions", type=Path)
    parser.add_argument("--arch", nargs="+", default=["mlp", "lstm"], choices=["mlp", "lstm"])
    parser.add_argument("--minutes", type=float, default=5.0, help="for each model, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--optimizer", default="rmsprop")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--patience", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--dimension", type=int, default=300)
    parser.add_argument("--lstm-units", type=int, default=512)
    parser.add_argument("--lstm-layers", type=int, default=3)
    parser.add_argument("--units", type=int, default=1024)
    parser.add_argument("--hidden", type=int, default=3)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--word-dropout", type=float, default=0.01)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    parts = part(read(given.questions), given.seed)
    figures: dict[str, Any] = {"questions": {split: len(records) for split, records in parts.items()}}
    figures["floors"] = floors(parts)
    with tempfile.TemporaryDirectory(prefix="asksight-language-") as folder:
        write_data(Path(folder), parts)
        for arch in given.arch:
            sizes = {"units": given.units, "hidden": given.hidden, "dropout": given.dropout}
            if arch == "lstm":
                sizes |= {"lstm_units": given.lstm_units, "lstm_layers": given.lstm_layers}
            told = {
                "optimizer": given.optimizer,
                "learning_rate": given.learning_rate,
                "patience": given.patience,
                "batch": given.batch,
                "word_dimension": given.dimension,
                "word_dropout": given.word_dropout,
                "seed": given.seed,
                "sizes": sizes,
            }
            figures[arch] = learn(arch, Path(folder), Path(folder) / arch, told, given.minutes)
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{figures['questions']}")
    for name, exact in figures["floors"].items():
        print(f"{name:40} {exact:6.2f} %")
    for arch in given.arch:
        told = figures[arch]
        types = ", ".join(f"{kind} {exact:.1f}" for kind, exact in told["by_answer_type"].items())
        ended = f"{told['epochs']} epochs, {told['seconds']} s, {told['stopped']}"
        print(f"{arch:40} {told['exact']:6.2f} %   {types}; {ended}")


if __name__ == "__main__":
    main()
