"""VizWiz's two tasks: its own accuracy, and finding the questions that a photo does not answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vqa_files import write_vizwiz

from asksight.training.datasets import DatasetError, open_dataset
from asksight.training.measuring.answerability import answerability, average_precision, f1
from asksight.training.measuring.evaluate import Predictions
from asksight.training.measuring.metric import vizwiz_accuracy, vqa_accuracy
from asksight.training.measuring.results import score_results, write_results
from asksight.training.measuring.scores import score


def test_the_prediction_is_normalised_and_humans_are_not() -> None:
    assert vizwiz_accuracy("The Cat.", ["cat"] * 10) == 1.0
    assert vqa_accuracy("The Cat.", ["cat"] * 10) == 0.0  # VQA's normalises nothing where all agree
    assert vizwiz_accuracy("Cat", ["Cat"] * 10) == 0.0
    assert vizwiz_accuracy("cat", ["cat"] * 2 + ["dog"] * 8) == pytest.approx((2 * 1 / 3 + 8 * 2 / 3) / 10)
    with pytest.raises(ValueError, match="no answers"):
        vizwiz_accuracy("cat", [])


def by_thresholds(scores: list[float], truth: list[bool]) -> float:
    """Average precision as its definition says: every threshold in turn."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        said = [score >= threshold for score in scores]
        hits = sum(a and b for a, b in zip(said, truth, strict=True))
        recall = hits / sum(truth)
        total += (recall - before) * hits / sum(said)
        before = recall
    return total


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=30
    )
)
def test_average_precision_is_its_definition(rows: list[tuple[float, bool]]) -> None:
    scores, truth = [score for score, _ in rows], [is_so for _, is_so in rows]
    wanted = by_thresholds(scores, truth) if any(truth) else 0.0
    assert average_precision(np.array(scores), np.array(truth)) == pytest.approx(wanted)


def test_known_values() -> None:
    """The example of scikit-learn's documentation, and thresholds that are above a half, not from a half on."""
    documented = average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    assert documented == pytest.approx(0.8333, abs=1e-4)
    truth = np.array([True, True, False, False])
    assert answerability(np.array([0.9, 0.5, 0.6, 0.1]), truth) == {"average_precision": 83.33, "f1": 50.0}
    assert f1(np.zeros(3, bool), np.zeros(3, bool)) == 0.0


def said(answers: list[str], unanswerable: list[float]) -> Predictions:
    labels = tuple(dict.fromkeys(answers))
    return Predictions(
        labels=labels,
        best=np.array([labels.index(answer) for answer in answers], np.int32),
        confidence=np.array([0.9, 0.8, 0.7], np.float32),
        verdicts=np.array([0, 2, 0], np.int8),
        unanswerable=np.array(unanswerable, np.float32),
    )


def test_what_a_model_says_is_written_and_scored_alike(tmp_path: Path) -> None:
    path = write_vizwiz(tmp_path, split="val")
    dataset = open_dataset(tmp_path, "val")
    predictions = said(["Basil leaves.", "unanswerable", "no"], [0.1, 0.8, 0.3])
    figures = score(dataset, predictions)
    assert figures["vizwiz"] == pytest.approx((100 + 100 + 100 * (2 / 3 + 2 * -0.1 / 3 + 0)) / 3, abs=0.01)
    assert figures["answerability"] == {"average_precision": 100.0, "f1": 100.0}
    assert figures["by_answer_type"]["unanswerable"] == {
        "exact": 100.0,
        "vqa": 100.0,
        "vizwiz": 100.0,
        "count": 1,
    }
    write_results(tmp_path / "results.json", dataset, predictions)
    assert json.loads((tmp_path / "results.json").read_text())[2] == {
        "image": "VizWiz_val_00000017.jpg",
        "answer": "no",
        "answerable": 0.7,
    }
    scored = score_results(tmp_path / "results.json", None, path)
    for key in ("exact", "vqa", "vizwiz", "by_type", "by_answer_type", "answerability", "count"):
        assert scored.figures[key] == figures[key]
    assert list(scored.per_question) == [0, 3, 17]


@pytest.mark.parametrize(
    ("row", "figure"), [({"answer": "yes"}, "vizwiz"), ({"answerable": 0.25}, "answerability")]
)
def test_either_task_alone(tmp_path: Path, row: dict[str, Any], figure: str) -> None:
    path = write_vizwiz(tmp_path)
    rows = [{"image": f"VizWiz_train_{number:08d}.jpg"} | row for number in (17, 3, 0)]
    (tmp_path / "results.json").write_text(json.dumps(rows))
    figures = score_results(tmp_path / "results.json", None, path).figures
    assert figure in figures
    assert len({"vizwiz", "answerability"} & figures.keys()) == 1


FIRST = {"image": "VizWiz_train_00000000.jpg"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([FIRST | {"answer": "a"}], r"no answer to 2 of the 3 questions in .*train\.json"),
        ([FIRST | {"answer": "a"}] * 2, r"VizWiz_train_00000000\.jpg comes twice, again as entry 1"),
        ([{"image": "0.jpg", "answer": "a"}], r"entry 0 is .*VizWiz_train_00000000\.jpg.* is the form"),
        ([FIRST], r"entry 0 is .* is the form"),
        ([FIRST | {"answerable": 7}], r"entry 0 is .* is the form"),
        ([FIRST | {"answer": 7}], r"entry 0 is .* is the form"),
        ([5], r"entry 0 is 5"),
    ],
)
def test_results_that_do_not_fit_are_named(tmp_path: Path, rows: list[Any], message: str) -> None:
    path = write_vizwiz(tmp_path)
    (tmp_path / "results.json").write_text(json.dumps(rows))
    with pytest.raises(DatasetError, match=message):
        score_results(tmp_path / "results.json", None, path)
