"""Imported models answer as transformers does: each alone, and in batches of others."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from oracle.tiny import BLIPS, CONFIGS
from published_models import (
    BEAMS,
    PIECES,
    alone,
    difference,
    expected,
    imported,
    photo_batch,
    published,
    question_batch,
)

from asksight.engine import Bundle
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.training.importing.blip import import_blip

CLOSE = 1e-4  # of a probability


@pytest.fixture(scope="module", params=CONFIGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bundle(name: str, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp(name)
    return imported(published(folder / "published", name), folder / "bundle", name)


@pytest.fixture(scope="module")
def features(bundle: Bundle, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    with closing(OnnxRuntimeEngine(bundle.encoder_path)) as engine:
        return engine.infer(photo_batch(bundle, name))["features"]


def test_what_is_asked_tells_models_apart(name: str) -> None:
    """Or the tests below would show nothing."""
    wanted = expected(name)
    if name in BLIPS:
        chances = np.exp(wanted["log_probabilities"][:, :, 0])
        assert np.ptp(chances, axis=0).max() > 0.05
        assert len(np.unique(wanted["tokens"][:, :, 1])) > 2
    else:
        assert np.ptp(1 / (1 + np.exp(-wanted["logits"])), axis=0).max() > 0.05


def test_some_answers_end_early_and_some_not_at_all() -> None:
    ended = [(expected(name)["tokens"] == 3).any(axis=2) for name in BLIPS]
    assert any(one.any() for one in ended)
    assert not all(one.all() for one in ended)


def test_the_features_are_those_of_the_picture(
    name: str, features: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    if name in BLIPS:
        np.testing.assert_allclose(features, expected(name)["features"], atol=1e-4)
    assert np.isfinite(features).all()


def test_a_batch_is_answered_as_transformers_answers_each(
    bundle: Bundle, name: str, features: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    with closing(OnnxRuntimeEngine(bundle.answerer_path)) as engine:
        batch = question_batch(bundle, name, features)
        assert difference(name, engine.infer(batch)) < CLOSE
        for row in range(len(batch["lengths"])):
            assert difference(name, engine.infer(alone(batch, row)), slice(row, row + 1)) < CLOSE


def test_a_neighbour_changes_nothing(
    bundle: Bundle, name: str, features: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    """Behind a question's end there may be anything, and in another row any question."""
    batch = question_batch(bundle, name, features)
    random = np.random.default_rng(0)
    noisy = {key: array[::-1].copy() for key, array in batch.items()}
    for row, length in enumerate(noisy["lengths"]):
        noisy["question"][row, length:] = random.normal(size=noisy["question"][row, length:].shape)
    with closing(OnnxRuntimeEngine(bundle.answerer_path)) as engine:
        given = {key: array[::-1] for key, array in engine.infer(noisy).items()}
    assert difference(name, given) < CLOSE


@pytest.mark.parametrize("beams", [1, 2])
def test_fewer_beams_and_pieces_are_the_first_of_more(beams: int, tmp_path: Path) -> None:
    name = "blip-uneven"
    small = import_blip(published(tmp_path / "p", name), tmp_path / "b", beams=beams, pieces=PIECES - 1)
    features = expected(name)["features"]
    with closing(OnnxRuntimeEngine(small.answerer_path)) as engine:
        given = engine.infer(question_batch(small, name, features))
    wanted = expected(name)
    assert beams < BEAMS
    np.testing.assert_array_equal(given["tokens"], wanted["tokens"][:, :beams, : PIECES - 1])
    scores = wanted["log_probabilities"][:, :beams, : PIECES - 1]
    np.testing.assert_allclose(given["log_probabilities"], scores, atol=1e-4)
