"""Features as they lie in a Redis: what was packed comes back whole, and nothing else is gone by."""

from __future__ import annotations

import json
import pickle
import random
from typing import Any

import numpy as np
import pytest

from asksight.photos.flaws import Flaw, FlawKind
from asksight.server.core.cache import Encoded
from asksight.server.second_cache.packed import (
    BEFORE_HEAD,
    MAGIC,
    MOST_HEAD,
    FeatureForm,
    _digest,
    pack,
    unpack,
)

FORM = FeatureForm((2, 3), np.dtype(np.float32))
KEY = "asksight:encoder:float32:photo"
FEATURES = np.arange(6, dtype=np.float32).reshape(2, 3)
HEAD: dict[str, Any] = {"dtype": "<f4", "shape": [2, 3], "far": True, "flaws": [["dark", 0.25]]}


def written(head: Any, body: bytes = FEATURES.tobytes(), key: str = KEY) -> bytes:
    """What somebody writes who knows how digests are made."""
    told = json.dumps(head).encode()
    return BEFORE_HEAD.pack(MAGIC, _digest(key, told, body), len(told)) + told + body


def test_what_was_packed_comes_back() -> None:
    flaws = tuple(Flaw(kind, 0.5) for kind in FlawKind)
    value = pack(KEY, Encoded(FEATURES, flaws, far=True))
    assert len(value) <= FORM.most_bytes
    again = unpack(KEY, value, FORM)
    assert np.array_equal(again.features, FEATURES)
    assert (again.flaws, again.far) == (flaws, True)
    assert not again.features.flags.writeable
    assert unpack(KEY, written(HEAD), FORM).flaws == (
        Flaw(FlawKind.DARK, 0.25),
    )  # as the cases below are written


def test_any_byte_that_is_another_any_end_that_is_missing_and_any_other_key_is_refused() -> None:
    value = pack(KEY, Encoded(FEATURES, (Flaw(FlawKind.DARK, 0.5),)))
    for at in range(len(value)):
        for changed in (value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :], value[:at]):
            with pytest.raises(ValueError, match=" "):
                unpack(KEY, changed, FORM)
    for other in (value + b"\0", pickle.dumps(FEATURES), b"", random.Random(0).randbytes(5000)):
        with pytest.raises(ValueError, match=" "):
            unpack(KEY, other, FORM)
    with pytest.raises(ValueError, match="of another key"):
        unpack(KEY + "0", value, FORM)


@pytest.mark.parametrize(
    "form",
    [
        FeatureForm((3, 2), FORM.dtype),
        FeatureForm((6,), FORM.dtype),
        FeatureForm((2, 3), np.dtype(np.float16)),
    ],
)
def test_features_of_another_form_are_refused(form: FeatureForm) -> None:
    with pytest.raises(ValueError, match="of another shape"):
        unpack(KEY, pack(KEY, Encoded(FEATURES, ())), form)


@pytest.mark.parametrize(
    "value",
    [
        written(HEAD, FEATURES.tobytes()[:-4]),
        written(HEAD, np.full((2, 3), np.nan, np.float32).tobytes()),
        written(HEAD, np.full((2, 3), np.inf, np.float32).tobytes()),
        written(HEAD | {"dtype": "<f8"}),
        written(HEAD | {"dtype": "O"}),
        written(HEAD | {"shape": "23"}),
        written(HEAD | {"shape": [2, 3, 1]}),
        written(HEAD | {"far": 1}),
        written(HEAD | {"flaws": [["haunted", 0.5]]}),
        written(HEAD | {"flaws": [["dark", 2.0]]}),
        written(HEAD | {"flaws": [["dark", float("nan")]]}),
        written(HEAD | {"flaws": [["dark"]]}),
        written({name: HEAD[name] for name in ("dtype", "shape", "far")}),
        written([]),
        written(None),
        written("[" * (MOST_HEAD - 10)),
        written(HEAD | {"more": "x" * MOST_HEAD}),
    ],
)
def test_a_value_with_a_right_digest_and_wrong_content_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=" "):
        unpack(KEY, value, FORM)
