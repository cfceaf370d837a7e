"""What a finished run has learned, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Calibration

from ..errors import ExportError
from ..measuring.calibration_record import calibration_record
from ..measuring.familiar_run import FamiliarRecord, familiar_record
from .runs import UNANSWERABLE, Run


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A run without its encoder."""

    path: Path
    answerer: Any  # Keras
    config: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    words: list[str]
    vectors: NDArray[Any]  # [V, D]
    answers: list[str]
    calibration: Calibration
    record: Mapping[str, Any]  # what calibration did
    familiar: FamiliarRecord | None  # what it knows; None: a run that was not asked that

    @property
    def unknown_rows(self) -> int:
        return sum(word.startswith("<unknown ") for word in self.words)

    @property
    def unanswerable(self) -> str | None:
        return UNANSWERABLE if UNANSWERABLE in self.answers else None

    @property
    def training(self) -> dict[str, Any]:
        """What a bundle tells of it."""
        told = {"settings": self.config, "history": self.history, "calibration": self.record}
        return told if self.familiar is None else told | {"familiar": self.familiar.figures}


def read_learned(path: Path) -> Learned:
    """Read a run folder. Raises ExportError where it is not finished or a file of it is broken."""
    run = Run(path)
    check_there(run, [run.config, run.answerer, run.vectors, run.words, run.answers, run.calibration])
    return Learned(
        path=path,
        answerer=load_keras(run.answerer),
        config=read_config(path),
        history=_json(run.history) if run.history.exists() else [],
        words=_lines(run.words),
        vectors=np.load(run.vectors, allow_pickle=False),
        answers=_lines(run.answers),
        calibration=Calibration(**_json(run.calibration)),
        record=calibration_record(path),
        familiar=familiar_record(run),
    )


def read_config(path: Path) -> Mapping[str, Any]:
    """The settings of a run. Raises ExportError where its config.json is broken."""
    return _json(Run(path).config)  # type: ignore[no-any-return]


def check_there(run: Run, needed: Sequence[Path]) -> None:
    """Raises ExportError, naming them, where files are missing."""
    missing = [file.name for file in needed if not file.exists()]
    if missing:
        raise ExportError(
            f"{run.path} is no finished run: {', '.join(missing)} missing. Finish it with asksight train."
        )


def load_keras(path: Path) -> Any:
    """A saved Keras model."""
    import keras

    from ..models import layers as layers  # registers what the saved models are made of

    return keras.models.load_model(path, compile=False)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ExportError(f"{path} is broken ({error}); train again.") from error


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
