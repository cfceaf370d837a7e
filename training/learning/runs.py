"""The folder of one training run: what was used, what was learned, and how far it has come."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle import Calibration

from ..errors import TrainingError
from .options import option

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FROM_PHOTOS = "From photos, without --features"
EPOCHS = "Epochs: how often every photo is seen. With --features at most so many."
SPLIT = "The split to learn from. By default the one that begins with train, or the only one."
VAL_SPLIT = (
    "The split to validate on. By default the one that begins with val, else a tenth of the photos, held out."
)
SEED = "The seed of the first weights and of the order of the data."
LEARNING_RATE = "The learning rate: constant with --features; from photos the peak, from which it falls to 0."
_OURS = ("photos_", "inputs.json", "config.json")  # what a run that was stopped before its first step leaves
UNANSWERABLE = "unanswerable"  # the answer that a model gives when the photo does not hold it


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Everything that a run is made from; a run is resumed only with the same settings."""

    arch: str = "attention"
    data: str = ""
    train_split: str = option("train", SPLIT, flag="split")
    val_split: str | None = option("val", VAL_SPLIT)  # None: `holdout` of the photos
    holdout: float = 0.1
    epochs: int = option(20, EPOCHS, at_least=1)
    seed: int = option(0, SEED)
    side: int = option(
        128,
        "Photos are resized to so many pixels a side, a multiple of 32.",
        FROM_PHOTOS,
        at_least=32,
        at_most=512,
    )
    photos_per_batch: int = option(32, "Photos in each training step.", FROM_PHOTOS, at_least=1)
    questions_per_photo: int = option(
        8, "At most so many questions about each photo of a step.", FROM_PHOTOS, at_least=1
    )
    learning_rate: float = option(1.5e-3, LEARNING_RATE, at_least=0)
    weight_decay: float = 1e-4
    word_dropout: float = 0.01
    max_tokens: int = 30
    min_word_count: int = 5
    top_answers: int = 1000
    sizes: dict[str, Any] = field(default_factory=dict)  # of the model, where not the default


class Run:
    """Paths and files of a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.encoder, self.answerer = path / "encoder.keras", path / "answerer.keras"
        self.words, self.answers, self.vectors = (
            path / "words.txt",
            path / "answers.txt",
            path / "vectors.npy",
        )
        self.calibration, self.history = path / "calibration.json", path / "history.json"
        self.config, self.best = path / "config.json", path / "best.npz"
        self.inputs = path / "inputs.json"  # fingerprints of what is learned from
        self.familiar, self.known = path / "familiar.json", path / "familiar.npz"  # what it knows

    def check(self, settings: DataclassInstance, inputs: Mapping[str, str] = MappingProxyType({})) -> None:
        """Raise TrainingError where the folder is of another run, or holds something else.

        `inputs` are fingerprints by what they are of, as in "the answers of train".
        """
        if self.path.exists() and not self.path.is_dir():
            raise TrainingError(f"{self.path} is a file; name a folder.")
        if not self.config.exists():
            if strange := [one.name for one in self._entries() if not one.name.startswith(_OURS)]:
                raise TrainingError(
                    f"{self.path} holds something else ({strange[0]}); name a new folder or an empty one."
                )
            return
        there, wanted = json.loads(self.config.read_text()), _as_json(settings)
        if differs := sorted(k for k in wanted if wanted[k] != there.get(k)):
            raise TrainingError(
                f"{self.path} holds a run with other settings ({', '.join(differs)}). "
                "Give another folder, or delete this one."
            )
        known = json.loads(self.inputs.read_text()) if self.inputs.exists() else {}
        if changed := sorted(k for k in known.keys() & inputs.keys() if known[k] != inputs[k]):
            raise TrainingError(
                f"{self.path} holds a run that learned from other data: {', '.join(changed)} changed since it was "
                "begun. Give another folder, or delete this one."
            )

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder; a new one is gone again where it is refused to begin the run inside the context."""
        new = not self._entries()
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            yield
        except TrainingError:
            if new and not self.config.exists():
                shutil.rmtree(self.path)
            raise

    def begin(self, settings: DataclassInstance, inputs: Mapping[str, str] = MappingProxyType({})) -> None:
        """Make the folder, or take up the one that is there. Raises TrainingError as `check` does."""
        self.check(settings, inputs)
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.inputs, dict(inputs))
        write_json(self.config, _as_json(settings))

    def _entries(self) -> list[Path]:
        return sorted(self.path.iterdir()) if self.path.is_dir() else []

    def save_best(self, step: int, variables: list[Any]) -> None:
        """Keep the variables that did best on validation, in one move."""
        arrays: dict[str, Any] = {f"v{i:04d}": np.asarray(v) for i, v in enumerate(variables)}
        unfinished = self.best.with_suffix(".part.npz")
        np.savez(unfinished, step=np.int64(step), **arrays)
        unfinished.replace(self.best)

    def load_best(self) -> tuple[int, list[NDArray[Any]]] | None:
        """The step and the variables of the best validation so far, if there was one."""
        if not self.best.exists():
            return None
        with np.load(self.best) as saved:
            names = sorted(name for name in saved.files if name != "step")
            return int(saved["step"]), [saved[name] for name in names]


def _as_json(settings: DataclassInstance) -> Any:
    """As it comes back from the file: tuples become lists."""
    return json.loads(json.dumps(asdict(settings)))


def write_json(path: Path, value: Any) -> None:
    """Write JSON in one move."""
    unfinished = path.with_suffix(path.suffix + ".part")
    unfinished.write_text(json.dumps(value, indent=1))
    unfinished.replace(path)


def write_lines(path: Path, lines: tuple[str, ...]) -> None:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def calibration_json(calibration: Calibration) -> dict[str, float]:
    """The three numbers of a trained model, whose scores are always a softmax's."""
    return {
        "temperature": calibration.temperature,
        "answered_threshold": calibration.answered_threshold,
        "unanswerable_threshold": calibration.unanswerable_threshold,
    }
