"""How far a photo's features are from those of the photos that a model was held against.

Features of all places are squashed channel by channel, tanh(x / r) with the channel's root mean square r, so that a few
strong ones drown nothing, and averaged. Of these averages the distance is Mahalanobis' (Lee et al., A Simple Unified
Framework for Detecting Out-of-Distribution Samples, 2018), with one Gaussian for all photos. Where there are more
channels than DIRECTIONS, the covariance is that of probabilistic PCA (Tipping and Bishop, 1999, 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = 256  # of greatest variance that are kept: of 4,096 channels, 4 MB
RIDGE = 1e-3  # of the mean variance, added to each: directions in which no photo differs say little


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownPhotos:
    """A Gaussian over pooled features of C channels, by K directions and what is left of them. Thread-safe."""

    scale: NDArray[np.float32]  # [C], r
    middle: NDArray[np.float32]  # [C]
    directions: NDArray[np.float32]  # [C, K], orthonormal columns
    weights: NDArray[np.float32]  # [K], 1 / variance along each, less that of the rest
    rest: float  # 1 / variance along all others

    def beyond(self, features: NDArray[Any], distance: float) -> NDArray[np.bool_]:
        """Whether features [N, F], [N, n, C] or [N, h, w, C], each 0 or more, are farther than that: [N]."""
        return self._squares(pooled(features, self.scale)) > distance * distance

    def distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Of such features: [N]."""
        return self.pooled_distances(pooled(features, self.scale))

    def pooled_distances(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of features that are pooled, [N, C]: [N]."""
        distances: NDArray[np.float64] = np.sqrt(np.maximum(self._squares(rows), 0.0).astype(np.float64))
        return distances

    def _squares(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        along: NDArray[np.float32] = rows @ self.directions  # [N, K]
        along -= self._middle_along
        np.square(along, out=along)
        squares: NDArray[np.float32] = along @ self.weights
        if self.rest:
            off = rows - self.middle  # [N, C]
            elsewhere: NDArray[np.float32] = np.einsum("nc,nc->n", off, off)
            squares += np.float32(self.rest) * elsewhere
        return squares

    @cached_property
    def _middle_along(self) -> NDArray[np.float32]:
        """The middle along each direction, [K]; taken away there, it is one pass over K numbers, not C."""
        along: NDArray[np.float32] = self.middle @ self.directions
        return along


def channel_scale(features: NDArray[Any]) -> NDArray[np.float32]:
    """The root mean square of each channel over photos and places, [C]; 1 where a channel is always 0."""
    rows = features.reshape(-1, features.shape[-1]).astype(np.float64)
    scale = np.sqrt(np.mean(np.square(rows), axis=0))
    return np.where(scale > 1e-6, scale, 1.0).astype(np.float32)


def pooled(features: NDArray[Any], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squashed and averaged over places: [N, C]."""
    rows = features.reshape(len(features), -1, features.shape[-1])
    squashed = np.divide(rows, scale, dtype=np.float32)
    np.tanh(squashed, out=squashed)
    mean: NDArray[np.float32] = np.matmul(_share_each(squashed.shape[1]), squashed)  # twice as fast as a sum
    return mean[:, 0]


@cache
def _share_each(places: int) -> NDArray[np.float32]:
    return np.full((1, places), 1 / places, np.float32)


def fit_photos(rows: NDArray[np.float32], scale: NDArray[np.float32]) -> KnownPhotos:
    """Of pooled features [N, C] of at least two photos."""
    middle = rows.mean(axis=0, dtype=np.float64)
    off = rows - middle
    covariance = off.T @ off / (len(rows) - 1)
    values, vectors = np.linalg.eigh(covariance)  # rising
    ridge = RIDGE * max(float(values.mean()), 1e-12)
    values = np.maximum(values, 0.0) + ridge
    kept = min(DIRECTIONS, len(values))
    left = values[: len(values) - kept]
    rest = 1.0 / float(left.mean()) if len(left) else 0.0
    return KnownPhotos(
        scale=scale,
        middle=middle.astype(np.float32),
        directions=np.ascontiguousarray(vectors[:, len(values) - kept :], np.float32),
        weights=(1.0 / values[len(values) - kept :] - rest).astype(np.float32),
        rest=rest,
    )
