"""Any bundle is calibrated on one's own data: what is right, which questions are asked, how many at least."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle
from pieces_bundles import write_joint_bundle, write_spelled_bundle
from vqa_files import write_easy_vqa, write_vqa

from asksight.engine import Bundle, Calibration
from asksight.engine.bundle.rewrite import keep_calibration
from asksight.training.datasets import Dataset, open_dataset
from asksight.training.datasets.photo_reader import photo_reader
from asksight.training.errors import TrainingError
from asksight.training.measuring.asking import encoded_photos
from asksight.training.measuring.calibrate import fit
from asksight.training.measuring.calibrate_bundle import scored_by
from asksight.training.measuring.evaluate import predict
from asksight.training.measuring.scored import Scored

QUESTIONS = ("What colour is this?", "Is there a dog?", "how many dogs", "what is it")


def scores(bundle: Bundle, dataset: Dataset, *, most: int = 1000, **options: Any) -> Scored:
    features = encoded_photos(bundle, dataset, read_photo=photo_reader(bundle))
    return scored_by(bundle, dataset, features, most=most, **options)


@pytest.fixture
def easy(tmp_path: Path) -> Dataset:
    return open_dataset(write_easy_vqa(tmp_path / "val", photos=40), "val")


def answered_by(bundle: Bundle, folder: Path, *, wrong_each: int) -> Dataset:
    """A data set whose answers are the bundle's own, but for every `wrong_each`-th."""
    asked = [(photo, QUESTIONS[photo % 4], ["?"] * 10) for photo in range(1, 121)]
    write_vqa(folder / "plain", asked=asked)
    said = predict(
        bundle, open_dataset(folder / "plain", "train2014"), read_photo=photo_reader(bundle)
    ).answers
    right: list[tuple[int, str, Sequence[str]]] = [
        (photo, question, ["an elephant" if photo % wrong_each == 0 else f"The {answer}!"] * 10)
        for (photo, question, _), answer in zip(asked, said, strict=True)
    ]
    write_vqa(folder / "right", asked=right)
    return open_dataset(folder / "right", "train2014")


@pytest.mark.parametrize("write", [write_spelled_bundle, write_joint_bundle, write_random_bundle])
def test_what_is_right_is_normalised_as_the_official_metric_does(tmp_path: Path, write: Any) -> None:
    bundle = write(tmp_path / "bundle")
    dataset = answered_by(bundle, tmp_path, wrong_each=4)
    judged = scores(bundle, dataset).judged(bundle.calibration.temperature)
    assert judged.right.tolist() == [photo % 4 != 0 for photo in range(1, 121)]


@pytest.mark.parametrize("write", [write_spelled_bundle, write_joint_bundle])
def test_once_it_is_kept_evaluation_judges_by_it(tmp_path: Path, write: Any) -> None:
    bundle = write(tmp_path / "bundle")
    dataset = answered_by(bundle, tmp_path, wrong_each=10)
    made = scores(bundle, dataset)
    calibration = fit(made, max_risk=0.15)
    kept = keep_calibration(bundle, calibration, {"questions": len(made)})
    assert kept.calibration == calibration
    assert kept.calibration.scores == bundle.calibration.scores
    assert kept.training["calibration"] == {"questions": 120}
    again = predict(kept, dataset, read_photo=photo_reader(kept))
    judged = made.judged(calibration.temperature)
    assert again.confidence == pytest.approx(judged.confidence, abs=1e-5)
    answered = ~judged.says_nothing & (judged.confidence >= calibration.answered_threshold)
    assert (again.verdicts == 0).tolist() == answered.tolist()
    assert answered.any()


def test_so_many_are_asked_evenly_spread(tmp_path: Path, easy: Dataset) -> None:
    counted: list[int] = []
    bundle = write_spelled_bundle(tmp_path / "bundle")
    assert len(scores(bundle, easy, most=50, progress=counted.append)) == sum(counted) == 50
    assert len(scores(bundle, easy)) == len(easy) == 120


def test_few_questions_tell_nothing(tmp_path: Path, easy: Dataset) -> None:
    few = open_dataset(write_easy_vqa(tmp_path / "few", photos=12), "few")
    with pytest.raises(TrainingError, match="has 36 questions; at least 100 are needed"):
        scores(write_spelled_bundle(tmp_path / "bundle"), few)


def test_a_listed_bundle_goes_on_with_its_own_scores(tmp_path: Path, easy: Dataset) -> None:
    bundle = write_random_bundle(
        tmp_path / "bundle", answers=("yes", "no", "circle", "red"), calibration=Calibration(temperature=3.0)
    )
    made = scores(bundle, easy)
    assert made.kind == "softmax"
    predictions = predict(bundle, easy, read_photo=photo_reader(bundle))
    assert made.judged(3.0).confidence == pytest.approx(predictions.confidence, abs=1e-5)
    exact = np.array(predictions.answers) == np.array(easy.answers_modal)
    assert made.judged(3.0).right.tolist() == exact.tolist()
