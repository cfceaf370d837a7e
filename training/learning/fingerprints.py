"""Fingerprints of what a run learns from, so that it is not taken up on other data.

By what they are of, as a person is told when one has changed. Of photos the ends of each file count, and of features
some of the rows: to read all of them would take as long as much of the training.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..features.store import FeatureStore
from ..vectors import VectorTable

_END_BYTES = 4096
_ROWS = 256  # of features


def of_questions(dataset: Dataset) -> dict[str, str]:
    """Of a split's questions and of its answers."""
    asked = _digest([dataset.question_ids, dataset.image_ids, dataset.questions])
    answered = _digest([dataset.answers_modal, dataset.answers_all, dataset.answer_types])
    return {
        f"the questions of {dataset.split}": asked,
        f"the answers of {dataset.split}": answered,
    }


def of_photos(dataset: Dataset) -> dict[str, str]:
    """Of the photos that a split asks about. Raises DatasetError where it knows none."""
    digest = hashlib.sha256()
    for image_id in dict.fromkeys(dataset.image_ids):
        digest.update(_ends(dataset.photo(image_id)))
    return {f"the photos of {dataset.split}": digest.hexdigest()}


def of_features(store: FeatureStore | None, split: str) -> dict[str, str]:
    """Of a split's features; of nothing where there are none."""
    if store is None:
        return {}
    rows = np.unique(np.linspace(0, len(store) - 1, _ROWS).astype(np.int64))
    told = _digest([store.about.encoder, list(store.about.feature_shape), store.image_ids.tolist()])
    some = np.ascontiguousarray(store.read(rows)).tobytes()
    return {f"the features of {split}": hashlib.sha256(told.encode() + some).hexdigest()}


def of_vectors(vectors: VectorTable | None) -> dict[str, str]:
    """Of given word vectors."""
    if vectors is None:
        return {}
    digest = hashlib.sha256(_digest(vectors.words).encode())
    digest.update(np.ascontiguousarray(vectors.vectors).data)
    return {"the vectors": digest.hexdigest()}


def of_file(path: Path, what: str) -> dict[str, str]:
    """Of a whole file, where it is there."""
    return {what: hashlib.sha256(path.read_bytes()).hexdigest()} if path.exists() else {}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _ends(path: Path) -> bytes:
    """The length of a file, its beginning and its end; empty where it cannot be read, which is found out later."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            begin = file.read(_END_BYTES)
            file.seek(max(0, size - _END_BYTES))
            return size.to_bytes(8, "little") + begin + file.read(_END_BYTES)
    except OSError:
        return b""
