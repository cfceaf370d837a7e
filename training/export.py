"""A trained run as a bundle: Keras to ONNX, then both are asked the same and must answer alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asksight.engine import Bundle, Calibration, Engine, open_engine, write_bundle
from asksight.engine.errors import BundleError

from .errors import ExportError
from .keras_onnx import to_onnx
from .runs import Run

UNANSWERABLE = "unanswerable"
LARGEST_DIFFERENCE = 1e-4  # of a probability, between Keras and ONNX
_SAMPLES = 32  # photos, each with one question


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The bundle, and how far the two differed at most."""

    bundle: Bundle
    largest_difference: float  # of any probability


def export_run(
    path: Path, out: Path, *, name: str | None = None, version: str = "1", seed: int = 0
) -> Exported:
    """Write the run folder `path` as a bundle in the folder `out`.

    `name` is the run folder's own by default. Random photos and questions of several lengths are then put to
    Keras and to the ONNX Runtime: the best answer must be the same and no probability further apart than 1e-4.
    Raises ExportError where something is missing, cannot be converted or does not agree, and BundleError; `out` is
    then as it was.
    """
    run = Run(path)
    encoder, answerer = _load(run.encoder), _load(run.answerer)
    config = _json(run.config)
    words, answers = _lines(run.words), _lines(run.answers)
    vectors = np.load(run.vectors)
    graphs = {
        "encoder": to_onnx(encoder, output_names=["features"], uint8_inputs=["image"]).SerializeToString(),
        "answerer": to_onnx(answerer, output_names=["logits"]).SerializeToString(),
    }
    calibration = Calibration(**_json(run.calibration))
    difference = compare(encoder, answerer, graphs, temperature=calibration.temperature, seed=seed)
    ...
