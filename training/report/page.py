"""The whole page, in one file: it loads nothing from elsewhere, and screen readers can read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..measuring.evaluate import Predictions
from ..measuring.scores import exact_matches
from .findings import confusion, mistakes
from .sections import (
    by_type,
    confusion_table,
    mistakes_list,
    paragraph,
    reliability_diagram,
    risk_coverage_chart,
    section,
    table,
    training_curves,
)
from .style import STYLE

# A second defence beside escaping: markup in data could neither load nor run anything.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_MOST_ACROSS = 7  # cells of the summary


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The model and data that the page describes."""

    model: str  # name and version
    data: str
    answered_threshold: float
    unanswerable: str | None
    history: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)  # as `calibrate.figures` gives it


def report_page(
    subject: Subject,
    dataset: Dataset,
    predictions: Predictions,
    figures: Mapping[str, Any],
) -> str:
    """The HTML page about one evaluation.

    `figures` is the result of `scores.score`.
    """
    right = exact_matches(predictions.answers, dataset.answers_modal)
    said = np.array([answer != subject.unanswerable for answer in predictions.answers], bool)
    title = f"{subject.model} on {dataset.split} of {subject.data}"
    body = [
        f"<header><h1>{escape(title)}</h1>{_summary(figures)}</header><main>",
        training_curves(subject.history),
        by_type(figures),
        reliability_diagram(predictions.confidence, right, figures["ece"]),
        risk_coverage_chart(predictions.confidence, right, said, subject.answered_threshold),
        _calibration(subject.calibration),
        _settings(subject.settings),
        confusion_table(confusion(dataset, predictions)),
        mistakes_list(mistakes(dataset, predictions), dataset),
        "</main>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _summary(figures: Mapping[str, Any]) -> str:
    told = [("VQA accuracy", f"{figures['vqa']:.2f} %")]
    if "vizwiz" in figures:
        told = [("VizWiz accuracy", f"{figures['vizwiz']:.2f} %"), *told]
    told += [
        ("exact match", f"{figures['exact']:.2f} %"),
        ("answered", f"{100 * figures['verdicts']['answered']:.1f} %"),
        ("right when answered", f"{figures['exact_when_answered']:.2f} %"),
        ("calibration error", f"{figures['ece']:.4f}"),
        ("questions", f"{figures['count']:,}"),
        ("photos", f"{figures['photos']:,}"),
    ]
    if "answerability" in figures:
        told.append(("unanswerable, AP", f"{figures['answerability']['average_precision']:.2f} %"))
        told.append(("unanswerable, F1", f"{figures['answerability']['f1']:.2f} %"))
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in told)
    rows = math.ceil(
        len(told) / _MOST_ACROSS
    )  # of a wide screen: as even as can be, so that no cell is alone
    return f'<dl style="--across:{math.ceil(len(told) / rows)}">{cells}</dl>'


def _calibration(record: Mapping[str, Any]) -> str:
    """The effect of calibration on its own questions; empty without a record."""
    if not record:
        return ""
    rows = [
        (name, record[key]["before"], record[key]["after"])
        for key, name in (("nll", "negative log-likelihood"), ("ece", "calibration error"))
    ]
    told = (
        f"Calibrated on {record['questions']:,} validation questions: temperature {record['temperature']}; at most "
        f"{100 * record['max_risk']:g} % of the answers given may be wrong."
    )
    heads = ("measure", "before", "after")
    return section(
        "calibration", "What calibration did", paragraph(told), table(heads, rows, "Before and after")
    )


def _settings(settings: Mapping[str, Any]) -> str:
    if not settings:
        return ""
    rows = [(name, value) for name, value in settings.items()]
    inner = table(("setting", "value"), rows, "All settings of the run")
    return section("settings", "Settings", f"<details><summary>Show them</summary>{inner}</details>")
