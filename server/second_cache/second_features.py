"""Photos' features in the second cache, for one encoder: under its hash and the photo's, and none of another's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from hashlib import sha256

import numpy as np

from asksight.engine import Bundle
from asksight.engine.bundle.manifest import FAMILIAR

from ..core.cache import Encoded
from .packed import FeatureForm, pack, unpack
from .redis_values import PROBE, RedisValues

DTYPE = np.dtype(np.float32)


class SecondFeatures:
    """What the servers of one Redis share of one encoder's work. Lives in the event loop."""

    def __init__(self, values: RedisValues, bundle: Bundle, precision: Callable[[], str]) -> None:
        """`precision` is that which the encoder computes with now, as in "int8": its features are others."""
        self.values = values
        self.form = FeatureForm(bundle.feature_shape, DTYPE)
        self._encoder = encoder_hash(bundle)
        self._precision = precision

    async def find(self, image_id: str) -> Encoded | None:
        """Look for a photo's features, within the time limit."""
        key = self.key(image_id)
        return await self.values.find(key, self.form.most_bytes, lambda value: unpack(key, value, self.form))

    def keep(self, image_id: str, made: Encoded) -> None:
        """Have them written when there is time."""
        if made.features.shape == self.form.shape and made.features.dtype == self.form.dtype:
            key = self.key(image_id)
            self.values.keep(key, self.form.most_bytes, partial(pack, key, made))

    async def look_s(self) -> float | None:
        """How long a look takes that finds something, the median of a few; None where it cannot be tried."""
        value = pack(PROBE, Encoded(np.zeros(self.form.shape, self.form.dtype), ()))
        return await self.values.look_s(value, lambda found: unpack(PROBE, found, self.form))

    def key(self, image_id: str) -> str:
        """Where they lie."""
        return f"asksight:{self._encoder}:{self._precision()}:{image_id}"


def encoder_hash(bundle: Bundle) -> str:
    """32 digits of hex, which tell an encoder from another: its graph, what it is fed, and what is familiar to it."""
    familiar = bundle.files.get(FAMILIAR)
    told = [
        bundle.graph_sha256("encoder"),
        [bundle.image_height, bundle.image_width, bundle.image_dtype],
        dict(bundle.preprocessing),
        bundle.feature_shape,
        None if bundle.familiar is None else asdict(bundle.familiar),
        None if familiar is None else familiar.sha256,
    ]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
