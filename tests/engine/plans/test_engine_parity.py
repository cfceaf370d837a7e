"""How far two engines agree on bundles of schema 2: by the best text of spelled answers, with each photo's grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pieces_bundles import write_joint_bundle, write_spelled_bundle

from asksight.engine import Arrays, Bundle, FakeEngine
from asksight.engine.bundle.samples import dump_samples, kept_samples, made_up_samples, misfit
from asksight.engine.plans.compile import Reference
from asksight.engine.plans.parity import compare_scores
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine

Write = Callable[[Path], Bundle]


def test_the_best_text_counts_whatever_the_order_of_the_others() -> None:
    wanted = [{"red": 0.6, "blue": 0.2}, {"red": 0.4, "blue": 0.4}, {"red": 0.5}, {}]
    got = [{"blue": 0.1, "red": 0.5, "2": 0.3}, {"blue": 0.5, "red": 0.3}, {"blue": 0.9, "red": 0.1}, {}]
    parity = compare_scores(wanted, got)
    assert parity.agreement == 0.75  # the second ties with float32's, the third does not
    assert parity.largest_error == pytest.approx(0.9 / 0.6)
    assert parity.samples == 4


def test_what_cannot_be_used_agrees_with_nothing() -> None:
    parity = compare_scores([{"red": 0.6}], [{"": float("nan")}])
    assert (parity.agreement, parity.largest_error) == (0.0, float("inf"))


@pytest.fixture(params=[write_spelled_bundle, write_joint_bundle])
def bundle(tmp_path: Path, request: pytest.FixtureRequest) -> Bundle:
    write: Write = request.param
    return write(tmp_path / "bundle")


def changed(engine: OnnxRuntimeEngine, change: Callable[[dict[str, np.ndarray]], Arrays]) -> FakeEngine:
    return FakeEngine(engine.spec, lambda arrays: dict(change(engine.infer(arrays))))


def test_an_engine_agrees_with_itself_and_a_broken_one_does_not(bundle: Bundle) -> None:
    reference = Reference(bundle, made_up_samples(bundle, photos=6, questions=40), max_batch=4, threads=1)
    encoder, answerer = (
        OnnxRuntimeEngine(path, max_batch=4) for path in (bundle.encoder_path, bundle.answerer_path)
    )
    try:
        for parity in (
            reference.compare("encoder", encoder),
            reference.compare("answerer", answerer),
            reference.compare_both(encoder, answerer),
        ):
            assert (parity.agreement, parity.samples) == (1.0, 40)
            assert parity.largest_error < 1e-5
        black = changed(encoder, lambda given: {"features": given["features"] * 0 + 1})
        assert reference.compare("encoder", black).agreement < 0.9
        # Other answers: the beams' pieces, or the scores, of another question.
        other = changed(answerer, lambda given: {name: array[::-1] for name, array in given.items()})
        assert reference.compare("answerer", other).agreement < 0.9
        nan = changed(
            answerer,
            lambda given: {
                name: np.full_like(array, np.nan) if array.dtype == np.float32 else array
                for name, array in given.items()
            },
        )
        assert reference.compare("answerer", nan).agreement == 0
        timed = reference.timed("encoder", [1, 5])
        assert {size: len(arrays["image"]) for size, arrays in timed.items()} == {1: 1, 5: 5}
        assert all(set(batch) == set(timed[1]) for batch in reference.calibration("encoder"))
    finally:
        reference.close()


def test_made_up_samples_are_what_the_bundle_takes(bundle: Bundle) -> None:
    samples = made_up_samples(bundle)
    assert misfit(samples, bundle) is None
    assert bundle.pieces is not None
    assert (samples.rows[:, 0] == bundle.pieces.first).all()
    assert (samples.rows[np.arange(len(samples.rows)), samples.lengths - 1] == bundle.pieces.last).all()
    if samples.grids is None:
        return
    assert len(np.unique(samples.grids, axis=0)) > 3
    for picture, (rows, columns) in zip(samples.photos, samples.grids * 8, strict=True):
        assert not picture[rows:].any()
        assert not picture[:, columns:].any()
        assert picture[:rows, :columns].any()


def test_kept_samples_come_back_with_their_grids(tmp_path: Path) -> None:
    made = write_joint_bundle(tmp_path / "made")
    samples = made_up_samples(made, photos=4, questions=9)
    bundle = write_joint_bundle(tmp_path / "bundle", samples=samples)
    kept = kept_samples(bundle)
    assert kept is not None
    assert samples.grids is not None
    assert kept.grids is not None
    assert np.array_equal(kept.grids, samples.grids)
    assert len(dump_samples(kept)) == bundle.files["samples.npz"].bytes


@pytest.mark.parametrize(
    ("grids", "said"),
    [
        (None, "no grids"),
        (np.ones((3, 2), np.int32), "grids int32 (3, 2)"),
        (np.ones((4, 2), np.int64), "grids int64"),
        (np.full((4, 2), 6, np.int32), "grids of 6 to 6 patches"),
        (np.zeros((4, 2), np.int32), "grids of 0 to 0 patches"),
    ],
)
def test_grids_that_do_not_fit_are_found(tmp_path: Path, grids: np.ndarray | None, said: str) -> None:
    bundle = write_joint_bundle(tmp_path / "bundle")
    samples = replace(made_up_samples(bundle, photos=4, questions=9), grids=grids)
    assert said in (misfit(samples, bundle) or "")
    other = write_spelled_bundle(tmp_path / "other")
    flat = replace(made_up_samples(other, photos=4, questions=9), grids=np.ones((4, 2), np.int32))
    assert "of which the encoder takes none" in (misfit(flat, other) or "")
