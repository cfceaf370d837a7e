"""The feature store: a folder that keeps what an encoder saw in each photo, by split and image id.

    STORE/store.json              the encoder, its weights and their hash, the preprocessing, shape and dtype
    STORE/encoder.onnx            the encoder itself, where it is known; `asksight export` takes it from here
    STORE/samples.npz             the first photos as the encoder was given them, and what it made of them
    STORE/<split>/image_ids.txt   one image id a line
    STORE/<split>/features.npy    [P, F], [P, n, C] or [P, h, w, C], row by row
    STORE/<split>/done.npy        [P] uint8: 1 where the row is whole, 2 where the photo cannot be read

A row is written and synced before it is marked, so a process that is killed leaves no row that is marked and not
whole. Rows are read and written through the file, not through a map of it: the pages of a map count as memory of
the process, and they would grow to the size of the store.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError
from .rows import RowFile

FORMAT = "asksight feature store"
SCHEMA = 1
_WHOLE, _LEFT_OUT = 1, 2  # of done.npy
DTYPES = ("float16", "float32")


@dataclass(frozen=True, kw_only=True)
class StoreAbout:
    """What store.json says: what the features of all splits were made with."""

    encoder: dict[str, Any]  # name, grid, weights, weights_sha256, seed; or name and source; or lineage.py's
    preprocessing: dict[str, Any]  # as in a bundle
    feature_shape: tuple[int, ...]
    dtype: str = "float16"


def read_about(path: Path) -> StoreAbout:
    """What a store holds. Raises FeatureError where `path` is none, or one of another version."""
    file = path / "store.json"
    if not file.exists():
        if (path / "parts").is_dir():
            raise FeatureError(
                f"{path} holds parts only. Join them with asksight features --join --out {path}."
            )
        raise FeatureError(
            f"{path} is no feature store: it has no store.json. Make one with asksight features."
        )
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if (told.pop("format"), told.pop("schema")) != (FORMAT, SCHEMA):
            raise ValueError(f"not {FORMAT} of schema {SCHEMA}")
        told.pop("side", None)  # which stores had once
        about = StoreAbout(**told | {"feature_shape": tuple(told["feature_shape"])})
    except (ValueError, KeyError, TypeError) as error:
        raise FeatureError(f"{file} is broken ({error}); delete the store and make it again.") from error
    return about


def splits_of(path: Path) -> list[str]:
    """The splits that a store holds, whole or not."""
    return sorted(found.parent.name for found in path.glob("*/done.npy"))


class FeatureStore:
    """One split of a store, to be read. Thread-safe."""

    def __init__(self, path: Path, split: str) -> None:
        """Open it. Raises FeatureError where it is not there, not whole or damaged."""
        self.path, self.split, self.about = path, split, read_about(path)
        folder = path / split
        if split not in splits_of(path):
            there = ", ".join(splits_of(path)) or "none"
            raise FeatureError(f"{path} has no features of the split {split}; it has: {there}.")
        self.image_ids = _read_ids(folder / "image_ids.txt")
        done = _open(folder, "done", len(self.image_ids), (), "uint8").read_all()
        if not done.all():
            raise FeatureError(
                f"{folder} holds {int(done.sum())} of {len(done)} photos: it was stopped. "
                "The same asksight features command goes on with it."
            )
        self._rows = _open(
            folder, "features", len(self.image_ids), self.about.feature_shape, self.about.dtype
        )
        whole = np.flatnonzero(done == _WHOLE)
        self._order = whole[np.argsort(self.image_ids[whole], kind="stable")]
        self._sorted = self.image_ids[self._order]

    def __len__(self) -> int:
        return len(self.image_ids)

    def has(self, image_ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of each image id, whether there are features of it."""
        return np.isin(np.asarray(image_ids, np.int64), self._sorted)

    def rows(self, image_ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each image id. Raises FeatureError, naming one, where some have no features."""
        wanted = np.asarray(image_ids, np.int64)
        places = np.minimum(np.searchsorted(self._sorted, wanted), max(len(self._sorted) - 1, 0))
        missing = np.ones(len(wanted), bool) if not len(self._sorted) else self._sorted[places] != wanted
        if missing.any():
            some = wanted[missing]
            raise FeatureError(
                f"{self.path / self.split} has no features of {len(np.unique(some))} photos that are asked about, "
                f"such as image id {some[0]}. Run asksight features on this data set, or leave "
                "questions about them out with --skip-bad."
            )
        return self._order[places]

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features [n, ...] of these rows, from the file."""
        return self._rows.read(rows).astype(np.float32)


class StoreWriter:
    """One split of a store while it is being filled, by one process at a time. Not thread-safe."""

    def __init__(self, folder: Path, image_ids: NDArray[np.int64], about: StoreAbout) -> None:
        self.image_ids, self.about = image_ids, about
        folder.mkdir(parents=True, exist_ok=True)
        listed = folder / "image_ids.txt"
        if (folder / "done.npy").exists():
            if not np.array_equal(_read_ids(listed), image_ids):
                raise FeatureError(
                    f"{folder} was begun with other photos than this command names. Give another --out, or delete it."
                )
        else:  # done.npy comes last, so that without it nothing counts
            write_whole(listed, "".join(f"{image_id}\n" for image_id in image_ids).encode())
            RowFile.create(folder / "features.npy", len(image_ids), about.feature_shape, about.dtype)
            RowFile.create(folder / "done.npy", len(image_ids), (), "uint8")
        self._features = _open(folder, "features", len(image_ids), about.feature_shape, about.dtype)
        self._done = _open(folder, "done", len(image_ids), (), "uint8")

    @property
    def missing(self) -> NDArray[np.int64]:
        """The rows that are still to be written, in order."""
        return np.flatnonzero(self._done.read_all() == 0)

    def write(self, rows: NDArray[np.int64], features: NDArray[Any]) -> None:
        """Write features [n, ...] to these rows, then mark them. Raises FeatureError where they do not fit."""
        if features.shape[1:] != self.about.feature_shape:
            raise FeatureError(
                f"The encoder gives {features.shape[1:]}; the store holds {self.about.feature_shape}."
            )
        with np.errstate(over="ignore"):
            kept = features.astype(self.about.dtype)
        if not np.isfinite(kept).all():
            first = self.image_ids[rows[~np.isfinite(kept.reshape(len(kept), -1)).all(axis=1)][0]]
            wide = " Give --dtype float32, in a new store." if np.isfinite(features).all() else ""
            raise FeatureError(
                f"The features of image id {first} are not finite as {self.about.dtype}.{wide}"
            )
        self._features.write(rows, kept)
        self._features.sync()
        self._mark(rows, _WHOLE)

    def leave_out(self, rows: NDArray[np.int64]) -> None:
        """Mark rows whose photos cannot be read."""
        if len(rows):
            self._mark(rows, _LEFT_OUT)

    def _mark(self, rows: NDArray[np.int64], mark: int) -> None:
        self._done.write(rows, np.full(len(rows), mark, np.uint8))
        self._done.sync()

    def close(self) -> None:
        self._features.close()
        self._done.close()


@contextmanager
def filling(path: Path) -> Iterator[None]:
    """Hold the store for this process. Raises FeatureError while another one fills it."""
    path.mkdir(parents=True, exist_ok=True)
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(
                lock, fcntl.LOCK_EX | fcntl.LOCK_NB
            )  # let go by the system, however this process ends
        except BlockingIOError as error:
            raise FeatureError(f"Another process is filling {path}; wait for it.") from error
        yield


def begin(path: Path, about: StoreAbout) -> None:
    """Write store.json, or check that the one there says the same. Raises FeatureError where it does not."""
    file = path / "store.json"
    if file.exists():
        if differs := differences(about, read_about(path)):
            raise FeatureError(f"{path} was made otherwise ({differs}). Give another --out, or delete it.")
        return
    path.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "schema": SCHEMA} | dict(vars(about))
    write_whole(file, (json.dumps(content, indent=2) + "\n").encode())


def differences(wanted: StoreAbout, there: StoreAbout) -> str:
    """In what a store was made otherwise than is wanted; empty where it was not."""
    one, other = _compared(wanted), _compared(there)
    names = [name for name in one if one[name] != other.get(name)]
    return "; ".join(f"{name}: {other.get(name)}, not {one[name]}" for name in names)


def _compared(about: StoreAbout) -> dict[str, Any]:
    """What must be the same for two runs to fill one store: the hash of the weights, for one, not their path."""
    encoder = dict(about.encoder)
    if encoder.get("weights_sha256"):
        for place in ("weights", "bundle"):
            encoder.pop(place, None)
    return encoder | {"dtype": about.dtype, "shape": about.feature_shape, "resize": about.preprocessing}


def _open(folder: Path, name: str, rows: int, shape: tuple[int, ...], dtype: str) -> RowFile:
    return RowFile(folder / f"{name}.npy", rows, shape, dtype)


def _read_ids(path: Path) -> NDArray[np.int64]:
    try:
        return np.array(path.read_text(encoding="ascii").split(), np.int64)
    except (OSError, ValueError) as error:
        raise FeatureError(f"{path} is damaged ({error}); delete the store and make it again.") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one move, which a loss of power does not undo."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
