"""One photo's features as bytes that say what they are, and are checked before anybody goes by them.

    "ASKF" and the version, 5 bytes | SHA-256 of the key and of all that follows, 32 | length of the head, 2
    | head, JSON | features, in C order

The digest tells what is damaged, cut, or lies under another key. It is no signature: who may write into the Redis may
write features that are taken.
"""

from __future__ import annotations

import json
import math
import struct
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asksight.photos.flaws import Flaw, FlawKind

from ..core.cache import Encoded

MAGIC = b"ASKF\x01"
BEFORE_HEAD = struct.Struct(f"<{len(MAGIC)}s32sH")
MOST_HEAD = 2048  # bytes; flaws of all kinds take 400


class FeatureForm(NamedTuple):
    """What one encoder's features are."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def most_bytes(self) -> int:
        """How much a value has at most."""
        return BEFORE_HEAD.size + MOST_HEAD + self.size_bytes


def pack(key: str, encoded: Encoded) -> bytes:
    """Write one photo's features, to lie under that key. Thread-safe."""
    features = np.ascontiguousarray(encoded.features)
    head = json.dumps(
        {
            "dtype": features.dtype.str,
            "shape": features.shape,
            "far": encoded.far,
            "flaws": [[flaw.kind, flaw.severity] for flaw in encoded.flaws],
        },
        separators=(",", ":"),
    ).encode()
    body = features.tobytes()
    digest = _digest(key, head, body)
    return b"".join((BEFORE_HEAD.pack(MAGIC, digest, len(head)), head, body))


def unpack(key: str, value: bytes, form: FeatureForm) -> Encoded:
    """Read them. Raises ValueError, which says why they are not to be gone by. Thread-safe."""
    if len(value) < BEFORE_HEAD.size:
        raise ValueError("too short")
    magic, digest, length = BEFORE_HEAD.unpack_from(value)
    head_ends = BEFORE_HEAD.size + length
    head, body = value[BEFORE_HEAD.size : head_ends], memoryview(value)[head_ends:]
    if magic != MAGIC or length > MOST_HEAD or digest != _digest(key, head, body):
        raise ValueError("not written by this version, damaged, or of another key")
    try:
        told = json.loads(head)
        shape, dtype, far = tuple(told["shape"]), told["dtype"], told["far"]
        flaws = tuple(Flaw(FlawKind(kind), float(severity)) for kind, severity in told["flaws"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("a head that cannot be read") from error
    if (shape, dtype) != (form.shape, form.dtype.str) or len(body) != form.size_bytes:
        raise ValueError("of another shape")
    if not isinstance(far, bool) or not all(0 <= flaw.severity <= 1 for flaw in flaws):
        raise ValueError("flaws that there are none of")
    features: NDArray[Any] = np.frombuffer(body, form.dtype).reshape(form.shape)  # read-only
    if not np.isfinite(features).all():
        raise ValueError("numbers that are none")
    return Encoded(features, flaws, far)


def _digest(key: str, head: bytes, body: bytes | memoryview) -> bytes:
    made = sha256(key.encode())
    made.update(head)
    made.update(body)
    return made.digest()
