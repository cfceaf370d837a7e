"""Figures of a bundle on a data set, and of a results file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle
from numpy.typing import NDArray
from pieces_bundles import write_joint_bundle, write_spelled_bundle
from vqa_files import ASKED, photo_paths, write_easy_vqa, write_photo, write_vqa

from asksight.engine import Bundle, Calibration
from asksight.engine.bundle.familiar import dump_familiarity
from asksight.engine.bundle.manifest import Familiar
from asksight.engine.bundle.rewrite import keep_familiar
from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant
from asksight.training.datasets import Dataset, DatasetError, open_dataset
from asksight.training.datasets.photo_reader import photo_reader
from asksight.training.measuring.evaluate import VERDICTS, Predictions, predict
from asksight.training.measuring.results import score_results
from asksight.training.measuring.scores import score
from asksight.v1 import vqa_pb2

ANSWERS = ("yes", "no", "circle", "red", "unanswerable")
THRESHOLDS = Calibration(temperature=3.0, answered_threshold=0.45, unanswerable_threshold=0.3)


def listed(path: Path) -> Bundle:
    return write_random_bundle(path, answers=ANSWERS, calibration=THRESHOLDS)


def spelled(path: Path) -> Bundle:
    judged = Calibration(
        scores="sequence", temperature=1.5, answered_threshold=0.48, unanswerable_threshold=0.13
    )
    return write_spelled_bundle(path, calibration=judged, max_tokens=20)


def joint(path: Path) -> Bundle:
    judged = Calibration(scores="sigmoid", temperature=1.5, answered_threshold=0.999)
    return write_joint_bundle(path, calibration=judged, max_tokens=20)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return listed(tmp_path / "bundle")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return open_dataset(write_easy_vqa(tmp_path / "train", photos=12), "train")


@pytest.mark.parametrize("write", [listed, spelled, joint])
def test_the_server_answers_the_same(
    tmp_path: Path, write: Callable[[Path], Bundle], dataset: Dataset
) -> None:
    """Best answer, its probability and the verdict are those of the assistant, asked one by one."""
    bundle = write(tmp_path / "served")
    counted: list[int] = []
    predictions = predict(
        bundle, dataset, read_photo=photo_reader(bundle), max_batch=5, progress=counted.append
    )
    assert sum(counted) == len(dataset) == 36
    verdicts = set()
    assistant = LocalAssistant.open(bundle.path)
    try:
        for row, path in enumerate(photo_paths(dataset)):
            reply = assistant.ask(
                Ask(photo=path.read_bytes(), image_id=None, question=dataset.questions[row])
            )
            assert predictions.answers[row] == reply.answers[0].label
            assert predictions.confidence[row] == pytest.approx(reply.answers[0].probability, abs=1e-4)
            verdict = vqa_pb2.Verdict.Name(reply.verdict)
            assert f"VERDICT_{VERDICTS[predictions.verdicts[row]].upper()}" == verdict
            verdicts.add(verdict)
    finally:
        assistant.close()
    assert len(verdicts) > 1  # else this shows little


def test_a_photo_that_is_too_small_is_never_answered(tmp_path: Path, dataset: Dataset) -> None:
    certain = Calibration(answered_threshold=0.0, unanswerable_threshold=1.0)
    bundle = write_random_bundle(tmp_path / "sized", calibration=certain, unanswerable=None)
    known = Familiar(questions=1, words=1, question_threshold=1.0, smallest_side=40)
    bundle = keep_familiar(bundle, known, dump_familiarity({"circle": 1}, None), {})
    for image_id, side in ((3, 29), (4, 30)):  # the others have 40 px
        write_photo(dataset.photo(image_id), image_id, side)
    verdicts = predict(bundle, dataset, read_photo=photo_reader(bundle)).verdicts
    unsure = {
        image_id
        for image_id, verdict in zip(dataset.image_ids, verdicts, strict=True)
        if VERDICTS[verdict] != "answered"
    }
    assert unsure == {3}


def test_each_photo_is_read_once(bundle: Bundle, dataset: Dataset) -> None:
    read: list[Path] = []
    inner = photo_reader(bundle)

    def reader(path: Path) -> dict[str, NDArray[Any]]:
        read.append(path)
        return inner(path)

    predict(bundle, dataset, read_photo=reader)
    assert sorted(read) == sorted(set(photo_paths(dataset)))


def test_a_broken_photo_is_named(bundle: Bundle, dataset: Dataset) -> None:
    photo_paths(dataset)[0].write_bytes(b"no photo")
    with pytest.raises(DatasetError, match=r"0\.png: The photo is"):
        predict(bundle, dataset, read_photo=photo_reader(bundle))
    photo_paths(dataset)[0].unlink()
    with pytest.raises(DatasetError, match=r"0\.png cannot be read"):
        predict(bundle, dataset, read_photo=photo_reader(bundle))


def predictions_of(answers: list[str], confidence: list[float], verdicts: list[str]) -> Predictions:
    labels = tuple(sorted(set(answers)))
    return Predictions(
        labels=labels,
        best=np.array([labels.index(answer) for answer in answers], np.int32),
        confidence=np.array(confidence, np.float32),
        verdicts=np.array([VERDICTS.index(verdict) for verdict in verdicts], np.int8),
    )


def test_figures(tmp_path: Path) -> None:
    """red, 4, yes, cat, no are the modal answers; three of these are right, "dark red" a little."""
    write_vqa(tmp_path)
    said = ["dark red", "4", "yes", "dog", "no"]
    given = ["answered", "answered", "unsure", "unanswerable", "answered"]
    figures = score(
        open_dataset(tmp_path, "train2014"), predictions_of(said, [0.9, 0.8, 0.5, 0.2, 1.0], given)
    )
    assert figures["exact"] == 60.0
    assert figures["vqa"] == pytest.approx((90 + 100 + 100 + 0 + 100) / 5)
    assert (figures["count"], figures["photos"]) == (5, 3)
    assert figures["by_answer_type"] == {
        "other": {"exact": 33.33, "vqa": 63.33, "count": 3},
        "yes/no": {"exact": 100.0, "vqa": 100.0, "count": 2},
    }
    assert figures["by_type"]["what colour"] == {"exact": 0.0, "vqa": 90.0, "count": 1}
    assert figures["verdicts"] == {"answered": 0.6, "unsure": 0.2, "unanswerable": 0.2}
    assert figures["exact_when_answered"] == 66.67
    assert figures["ece"] == pytest.approx((0.9 + 0.2 + 0.5 + 0.2 + 0.0) / 5, abs=1e-4)


def write_results(path: Path, answers: list[tuple[int, str]]) -> Path:
    path.write_text(json.dumps([{"question_id": number, "answer": answer} for number, answer in answers]))
    return path


def test_a_results_file(tmp_path: Path) -> None:
    questions, annotations = write_vqa(tmp_path, photos=False)
    before = annotations.read_bytes()
    ids = [image_id * 1000 + place for place, (image_id, _, _) in enumerate(ASKED)]
    said = list(zip(ids, ["Dark Red", "4", "no", "CAT", "no"], strict=True))
    scored = score_results(write_results(tmp_path / "r.json", said[::-1]), questions, annotations)
    assert scored.per_question == {9000: 90.0, 9001: 100.0, 25002: 100.0, 30003: 0.0, 30004: 100.0}
    assert scored.figures["vqa"] == 78.0
    assert scored.figures["exact"] == 40.0
    assert annotations.read_bytes() == before


def test_results_that_do_not_fit_are_named(tmp_path: Path) -> None:
    questions, annotations = write_vqa(tmp_path, photos=False)
    whole = [(9000, "a"), (9001, "a"), (25002, "a"), (30003, "a"), (30004, "a")]
    for said, message in (
        (whole[1:], r"no answer to 1 of the 5 questions in .*, the first of them 9000"),
        ([*whole, (9000, "b")], r"question id 9000 comes twice, again as entry 5"),
        ([*whole, (7, "b")], r"answers question 7, which is not in"),
    ):
        with pytest.raises(DatasetError, match=message):
            score_results(write_results(tmp_path / "r.json", said), questions, annotations)
    (tmp_path / "r.json").write_text('[{"question": 1}]')
    with pytest.raises(DatasetError, match="entry 0 is"):
        score_results(tmp_path / "r.json", questions, annotations)
