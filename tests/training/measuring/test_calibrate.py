"""Temperature and thresholds: found where they were put, and true to the risk that is allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from asksight.engine.bundle.calibration import Verdict, softmax
from asksight.training.measuring.calibrate import best_temperature, figures, fit, points
from asksight.training.measuring.reliability import risk_coverage
from asksight.training.measuring.scored import SoftmaxScores

NOTHING = 3


def drawn(
    count: int, *, temperature: float, answers: int = 5, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Logits, and answers that come as often as the softmax of the logits over `temperature` says."""
    random = np.random.default_rng(seed)
    logits = (random.normal(size=(count, answers)) * 4).astype(np.float32)
    chances = softmax(logits / temperature).cumsum(axis=1)
    return logits, (random.random((count, 1)) > chances).sum(axis=1).astype(np.int32)


def scored(
    logits: NDArray[np.float32], answers: NDArray[np.int32], unanswerable: int | None = None
) -> SoftmaxScores:
    return SoftmaxScores(logits=logits, answers=answers, unanswerable=unanswerable)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 8.0])
def test_the_temperature_that_made_the_answers_is_found(temperature: float) -> None:
    logits, answers = drawn(20_000, temperature=temperature)
    assert best_temperature(scored(logits, answers)) == pytest.approx(temperature, rel=0.05)


def test_likelihood_is_its_definition() -> None:
    logits, answers = drawn(5000, temperature=1.5)  # more than one chunk
    answers[::7] = -1
    known = answers >= 0
    chosen = softmax(logits / 1.5)[known][np.arange(known.sum()), answers[known]]
    assert scored(logits, answers).loss(1.5) == pytest.approx(-np.log(chosen).mean())
    assert scored(logits, np.full(5000, -1, np.int32)).loss(1.5) == 0.0
    assert best_temperature(scored(logits, np.full(5000, -1, np.int32))) == 1.0


@pytest.mark.parametrize("max_risk", [0.02, 0.05, 0.2])
def test_no_more_is_wrong_than_is_allowed(max_risk: float) -> None:
    logits, answers = drawn(20_000, temperature=2.0)
    calibration = fit(scored(logits, answers, NOTHING), max_risk=max_risk)
    probabilities = softmax(logits / calibration.temperature)
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    answered = (best != NOTHING) & (confidence >= calibration.answered_threshold)
    assert np.mean(best[answered] != answers[answered]) <= max_risk
    nothing = ~answered & (probabilities[:, NOTHING] >= calibration.unanswerable_threshold)
    assert np.mean(answers[nothing] != NOTHING) <= max_risk
    # On others drawn alike, it is about that.
    logits, answers = drawn(20_000, temperature=2.0, seed=1)
    probabilities = softmax(logits / calibration.temperature)
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    answered = (best != NOTHING) & (confidence >= calibration.answered_threshold)
    assert np.mean(best[answered] != answers[answered]) <= max_risk + 0.015


def test_what_may_be_wrong_more_often_is_said_more_often() -> None:
    logits, answers = drawn(5000, temperature=2.0)
    strict, lax = (fit(scored(logits, answers, NOTHING), max_risk=risk) for risk in (0.01, 0.1))
    assert strict.answered_threshold > lax.answered_threshold >= 0.5


def test_a_model_that_is_always_wrong_never_answers() -> None:
    logits, _ = drawn(500, temperature=1.0)
    wrong = ((logits.argmax(axis=1) + 1) % 5).astype(np.int32)
    assert fit(scored(logits, wrong)).answered_threshold == 1.0


def test_probabilities_that_are_rounded_to_one_are_answered_only_where_they_are_right() -> None:
    """As of a training that diverged: there is no higher one, and so no threshold that keeps them out."""
    logits = (np.eye(5, dtype=np.float32) * 1e9)[np.arange(500) % 5]
    right = logits.argmax(axis=1).astype(np.int32)
    for answers, coverage, verdict in (
        (right, 1.0, Verdict.ANSWERED),
        ((right + 1) % 5, 0.0, Verdict.UNSURE),
    ):
        of_these = scored(logits, answers)
        calibration = fit(of_these)
        assert figures(of_these, calibration)["answered"]["coverage"] == coverage
        assert (
            of_these.judged(calibration.temperature).certain(calibration.answered_threshold).mean()
            == coverage
        )
        assert calibration.verdict(1.0, nothing_is_best=False, nothing=None) is verdict


def test_unanswerable_that_is_rounded_to_one_is_said_only_where_it_is_right() -> None:
    logits = np.full((500, 5), -1e9, np.float32)
    logits[:, NOTHING] = 1e9
    right = np.full(500, NOTHING, np.int32)
    for answers, coverage, verdict in (
        (right, 1.0, Verdict.UNANSWERABLE),
        ((right + 1) % 5, 0.0, Verdict.UNSURE),
    ):
        of_these = scored(logits, answers, NOTHING)
        calibration = fit(of_these)
        assert figures(of_these, calibration)["unanswerable"]["coverage"] == coverage
        assert calibration.verdict(1.0, nothing_is_best=True, nothing=1.0) is verdict


def test_nothing_is_said_under_a_half() -> None:
    logits, answers = drawn(500, temperature=1.0)
    calibration = fit(scored(logits, answers), max_risk=1.0)
    assert (calibration.answered_threshold, calibration.unanswerable_threshold) == (0.5, 0.5)


def test_the_record_says_what_calibration_did() -> None:
    logits, answers = drawn(5000, temperature=3.0)
    calibration = fit(scored(logits, answers, NOTHING), max_risk=0.05)
    told = json.loads(json.dumps(figures(scored(logits, answers, NOTHING), calibration, max_risk=0.05)))
    assert told["questions"] == 5000
    assert told["temperature"] == pytest.approx(3.0, rel=0.1)
    assert told["nll"]["after"] < told["nll"]["before"]
    assert told["ece"]["after"] < 0.03 < 0.2 < told["ece"]["before"]
    for kind, threshold in (
        ("answered", calibration.answered_threshold),
        ("unanswerable", calibration.unanswerable_threshold),
    ):
        assert told[kind]["risk"] <= 0.05
        assert told[kind]["threshold"] == pytest.approx(threshold, abs=1e-5)
        assert told[kind]["coverage"] > 0
    curve = told["risk_coverage"]
    assert 30 < len(curve) <= 60
    assert [point["coverage"] for point in curve] == sorted(point["coverage"] for point in curve)
    assert "unanswerable" not in figures(scored(logits, answers), calibration)


def test_points_keep_the_ends() -> None:
    random = np.random.default_rng(0)
    curve = risk_coverage(random.random(1000), random.random(1000) < 0.5)
    chosen = points(curve, most=10)
    assert len(chosen) == 10
    assert (chosen[0]["coverage"], chosen[-1]["coverage"]) == (0.001, 1.0)
    assert points(risk_coverage(np.array([]), np.array([], bool))) == []
