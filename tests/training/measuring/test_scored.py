"""Sigmoid and spelled scores: the temperature that made the answers is found, and what is judged is what is served."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from asksight.engine.bundle.calibration import sigmoid
from asksight.engine.bundle.spelled import tempered
from asksight.training.measuring.calibrate import best_temperature, figures, fit
from asksight.training.measuring.scored import SigmoidScores, SpelledScores

TEXTS = ("red", "blue", "unanswerable")
Spelled = list[list[tuple[str, float]]]


def drawn(count: int, *, temperature: float, seed: int = 0) -> tuple[Spelled, list[str]]:
    """Questions with up to three texts, and answers that come as often as the tempered probabilities say."""
    random = np.random.default_rng(seed)
    chances = random.dirichlet((2.0, 1.0, 1.0, 0.7), count)[:, : len(TEXTS)]
    spelled: Spelled = [
        sorted([*zip(map(str, TEXTS), row.tolist(), strict=True)], key=lambda one: -one[1])[: 1 + place % 3]
        for place, row in enumerate(chances)
    ]
    answers = []
    for texts, throw in zip(spelled, random.random(count), strict=True):
        heated = np.cumsum(tempered([chance for _, chance in texts], temperature))
        place = int((throw > heated).sum())
        answers.append(texts[place][0] if place < len(texts) else "any other text")
    return spelled, answers


def scored(spelled: Spelled, answers: list[str], nothing: str | None = "unanswerable") -> SpelledScores:
    right = [[text == answer for text, _ in texts] for texts, answer in zip(spelled, answers, strict=True)]
    is_nothing = np.array([answer == nothing for answer in answers])
    return SpelledScores(spelled, right, unanswerable=nothing, is_nothing=is_nothing)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_spelled_answers_is_found(temperature: float) -> None:
    assert best_temperature(scored(*drawn(20_000, temperature=temperature))) == pytest.approx(
        temperature, rel=0.05
    )


@pytest.mark.parametrize("temperature", [0.7, 1.0, 3.0])
def test_what_is_judged_is_what_is_served(temperature: float) -> None:
    spelled, answers = drawn(300, temperature=2.0)
    judged = scored(spelled, answers).judged(temperature)
    for row, (texts, answer) in enumerate(zip(spelled, answers, strict=True)):
        heated = tempered([chance for _, chance in texts], temperature)
        served = dict(zip((text for text, _ in texts), heated, strict=True))
        best = max(served, key=lambda text: served[text])
        assert judged.confidence[row] == pytest.approx(served[best])
        assert judged.right[row] == (best == answer)
        assert judged.nothing[row] == pytest.approx(served.get("unanswerable", 0.0))
        assert judged.says_nothing[row] == (best == "unanswerable")
        assert judged.is_nothing[row] == (answer == "unanswerable")


def test_the_loss_is_its_definition() -> None:
    two_right = SpelledScores(
        [[("a dog", 0.5), ("cat", 0.2), ("dog", 0.1)], [("cat", 0.6)], []],
        [[True, False, True], [False], []],
        unanswerable=None,
        is_nothing=np.zeros(3, bool),
    )
    # Either of two; none of those spelled, so that it is the rest; and a rest of all where nothing was spelled.
    assert two_right.loss(1.0) == pytest.approx(-(np.log(0.6) + np.log(0.4) + np.log(1.0)) / 3)


def test_what_spells_nothing_is_never_answered() -> None:
    nothing = scored([[], []], ["red", "blue"])
    judged = nothing.judged(2.0)
    assert judged.says_nothing.all()
    assert not judged.right.any()
    assert fit(nothing).answered_threshold == 1.0


@pytest.mark.parametrize("max_risk", [0.05, 0.3])
def test_no_more_is_wrong_than_is_allowed(max_risk: float) -> None:
    made = scored(*drawn(5000, temperature=2.0))
    calibration = fit(made, max_risk=max_risk)
    told = json.loads(json.dumps(figures(made, calibration, max_risk=max_risk)))
    assert told["answered"]["risk"] <= max_risk
    assert told["unanswerable"]["risk"] <= max_risk
    assert told["ece"]["after"] < told["ece"]["before"]
    assert (calibration.scores, calibration.calibrated) == ("sequence", True)


def sigmoid_scores(count: int, temperature: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Logits of answers of which only the best may be right, as often as the sigmoid says."""
    random = np.random.default_rng(0)
    logits = (random.normal(size=(count, 4)) * 3).astype(np.float32)
    best = logits.argmax(axis=1)
    chance = sigmoid(logits.max(axis=1), temperature)
    return logits, np.where(random.random(count) < chance, best, -1).astype(np.int32)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 4.0])
def test_the_temperature_of_sigmoids_is_the_best_answers(temperature: float) -> None:
    logits, answers = sigmoid_scores(20_000, temperature)
    made = SigmoidScores(logits=logits, answers=answers, unanswerable=None)
    assert best_temperature(made) == pytest.approx(temperature, rel=0.1)
    calibration = fit(made, max_risk=0.2)
    assert calibration.scores == "sigmoid"
    judged = made.judged(calibration.temperature)
    assert judged.confidence == pytest.approx(sigmoid(logits.max(axis=1), calibration.temperature))
    assert np.mean(~judged.right[judged.confidence >= calibration.answered_threshold]) <= 0.2
