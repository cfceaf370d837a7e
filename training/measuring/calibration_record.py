"""What calibration decided and what it did, kept in the run folder, from where export takes it into the bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TrainingError
from ..learning.runs import Run, calibration_json, write_json
from .calibrate import MAX_RISK, figures, fit
from .scored import SoftmaxScores

FIGURES = (
    "calibration_figures.json"  # beside calibration.json, which holds the three numbers that serving needs
)


def calibrate_run(
    run: Run,
    logits: NDArray[np.float32],
    answers: NDArray[np.int32],
    *,
    unanswerable: int | None,
    max_risk: float = MAX_RISK,
) -> NDArray[np.bool_]:
    """Fit temperature and thresholds on validation questions, logits [N,A] and answers [N], and write both files.

    Says which of the questions are then ANSWERED, [N].
    """
    scored = SoftmaxScores(logits=logits, answers=answers, unanswerable=unanswerable)
    calibration = fit(scored, max_risk=max_risk)
    write_json(run.calibration, calibration_json(calibration))
    write_json(run.path / FIGURES, figures(scored, calibration, max_risk=max_risk))
    return scored.judged(calibration.temperature).certain(calibration.answered_threshold)


def calibration_record(run: Path) -> dict[str, Any]:
    """The figures of a run folder; {} for a run that has none. Raises TrainingError where they are broken."""
    path = run / FIGURES
    if not path.exists():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TrainingError(f"{path} is broken ({error}); train again.") from error
    return dict(told)
