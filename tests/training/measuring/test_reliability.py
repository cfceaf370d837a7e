"""Calibration error and risk-coverage curves, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksight.training.measuring.reliability import calibration_error, reliability, risk_coverage

SAID = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.6, 0.61, 0.99, 1.0]), st.booleans()), min_size=1, max_size=40
)


def test_calibration_error() -> None:
    right = np.array([True, True, True, False])
    assert calibration_error(np.full(4, 0.75), right) == pytest.approx(0.0)
    assert calibration_error(np.full(4, 0.95), right) == pytest.approx(0.2)
    assert calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0.0
    assert calibration_error(np.array([]), np.array([], bool)) == 0.0


@given(SAID)
def test_bins_hold_everything_once(rows: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([c for c, _ in rows]), np.array([r for _, r in rows])
    bins = reliability(confidence, right)
    assert sum(one.count for one in bins) == len(rows)
    assert sum(one.count * one.accuracy for one in bins) == pytest.approx(right.sum())
    assert all(one.low <= one.confidence <= one.high + 1e-12 for one in bins if one.count)


@given(SAID)
def test_each_point_is_what_its_threshold_gives(rows: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([c for c, _ in rows]), np.array([r for _, r in rows])
    curve = risk_coverage(confidence, right, of=50)
    assert curve.thresholds.tolist() == sorted(set(confidence.tolist()), reverse=True)
    for threshold, coverage, risk in zip(curve.thresholds, curve.coverage, curve.risk, strict=True):
        said = confidence >= threshold
        assert coverage == pytest.approx(said.sum() / 50)
        assert risk == pytest.approx(np.mean(~right[said]))


@given(SAID, st.sampled_from([0.0, 0.1, 0.3, 1.0]))
def test_the_widest_point_keeps_the_risk(rows: list[tuple[float, bool]], max_risk: float) -> None:
    curve = risk_coverage(np.array([c for c, _ in rows]), np.array([r for _, r in rows]))
    place = curve.widest(max_risk)
    wider = curve.risk[0 if place is None else place + 1 :]
    assert (wider > max_risk).all()
    assert place is None or curve.risk[place] <= max_risk


def test_no_answers_make_no_curve() -> None:
    curve = risk_coverage(np.array([]), np.array([], bool))
    assert (len(curve.coverage), curve.widest(1.0)) == (0, None)
