"""How far features are from those of known photos: against a plain Mahalanobis distance, and in all shapes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from asksight.engine.bundle import known_photos
from asksight.engine.bundle.known_photos import RIDGE, channel_scale, fit_photos, pooled


def features(*shape: int, seed: int = 0, shift: float = 0.0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    channels = np.linspace(0.1, 40.0, shape[-1])  # as different as a network's are
    return (random.normal(0.5 + shift, 1.0, shape) * channels).astype(np.float32)


@pytest.mark.parametrize("shape", [(300, 12), (300, 5, 12), (300, 3, 4, 12)])
def test_it_is_the_distance_of_mahalanobis(shape: tuple[int, ...]) -> None:
    known = features(*shape)
    scale = channel_scale(known)
    rows = np.tanh(known.reshape(300, -1, 12) / scale).mean(axis=1)
    covariance = np.cov(rows.T) + RIDGE * np.trace(np.cov(rows.T)) / 12 * np.eye(12)
    others = features(20, *shape[1:], seed=1)
    off = np.tanh(others.reshape(20, -1, 12) / scale).mean(axis=1) - rows.mean(axis=0)
    wanted = np.sqrt(np.einsum("nc,cd,nd->n", off, np.linalg.inv(covariance), off))
    found = fit_photos(pooled(known, scale), scale).distances(others)
    assert found == pytest.approx(wanted, rel=1e-3)


def test_others_are_farther() -> None:
    known = features(300, 4, 12)
    scale = channel_scale(known)
    photos = fit_photos(pooled(known, scale), scale)
    like, unlike = (
        photos.distances(features(100, 4, 12, seed=1)),
        photos.distances(features(100, 4, 12, seed=2, shift=2.0)),
    )
    assert unlike.min() > like.max()
    both = np.concatenate([features(100, 4, 12, seed=1), features(100, 4, 12, seed=2, shift=2.0)])
    middle = float(np.median(photos.distances(both)))
    assert photos.beyond(both, middle).tolist() == (photos.distances(both) > middle).tolist()


def test_of_many_channels_the_rest_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    known = features(300, 12)
    scale = channel_scale(known)
    whole = fit_photos(pooled(known, scale), scale)
    monkeypatch.setattr(known_photos, "DIRECTIONS", 4)
    part = fit_photos(pooled(known, scale), scale)
    assert part.directions.shape == (12, 4)
    others = features(50, 12, seed=3, shift=1.0)
    assert part.distances(others) == pytest.approx(whole.distances(others), rel=0.35)
    assert part.distances(known).mean() == pytest.approx(np.sqrt(12), rel=0.1)


def test_channels_that_are_always_zero_are_harmless() -> None:
    known = features(50, 6)
    known[:, 2] = 0.0
    scale = channel_scale(known)
    assert scale[2] == 1.0
    assert np.isfinite(fit_photos(pooled(known, scale), scale).distances(known)).all()
