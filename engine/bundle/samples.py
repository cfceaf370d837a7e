"""A few photos and questions that a bundle keeps: to calibrate an engine on, and to compare engines by."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays
from ..errors import refused
from .files import RESTORE
from .load import Bundle

FILE_NAME = "samples.npz"
ENOUGH = 512  # pairs of a photo and a question; one answer more or less is then 0.2 %


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Photos as the encoder takes them, and questions as rows of the bundle's vectors.

    Question i is about photo i modulo S, so that few photos make many pairs.
    """

    photos: NDArray[Any]  # [S, H, W, 3] in the bundle's dtype
    rows: NDArray[np.int32]  # [Q, T], -1 where a question has ended
    lengths: NDArray[np.int32]  # [Q], each at least 1
    source: str  # one line: where they come from
    grids: NDArray[np.int32] | None = (
        None  # [S, 2]: rows and columns of patches, where pictures have several shapes
    )

    def photo_arrays(self, which: slice | Sequence[int]) -> Arrays:
        """What the encoder takes for some of the photos."""
        if self.grids is None:
            return {"image": self.photos[which]}
        return {"image": self.photos[which], "grid": self.grids[which]}

    def question_batches(self, bundle: Bundle, size: int) -> Iterator[Arrays]:
        """`question` [n, T, D] and `lengths` [n], `size` at a time and padded to the longest of each batch."""
        for start in range(0, len(self.lengths), size):
            lengths = self.lengths[start : start + size]
            rows = self.rows[start : start + size, : int(lengths.max())]
            question = np.asarray(bundle.vectors[np.maximum(rows, 0)], np.float32)
            question[rows < 0] = 0.0
            yield {"question": question, "lengths": lengths}

    def first(self, *, photos: int, questions: int) -> Samples:
        """So many of them, or all where there are no more."""
        return Samples(
            photos=self.photos[:photos],
            rows=self.rows[:questions],
            lengths=self.lengths[:questions],
            source=self.source,
            grids=None if self.grids is None else self.grids[:photos],
        )

    def photo_of(self, start: int, count: int) -> NDArray[np.int64]:
        """Which photos questions `start` to `start + count` are about."""
        return np.arange(start, start + count) % len(self.photos)


def kept_samples(bundle: Bundle) -> Samples | None:
    """The samples that a bundle holds, None where it holds none. Raises BundleError where they do not fit it."""
    if FILE_NAME not in bundle.files:
        return None
    path = bundle.path / FILE_NAME
    try:
        with np.load(path, allow_pickle=False) as saved:
            samples = Samples(
                photos=saved["photos"],
                rows=saved["rows"],
                lengths=saved["lengths"],
                source=str(saved["source"]),
                grids=saved.get("grids"),
            )
    except Exception as error:  # zipfile and NumPy raise many kinds on a hostile file
        raise refused(
            path, expected="sample photos and questions", found=str(error), advice=RESTORE
        ) from error
    if (found := misfit(samples, bundle)) is not None:
        raise refused(path, expected="samples for this bundle", found=found, advice=RESTORE)
    return samples


def misfit(samples: Samples, bundle: Bundle) -> str | None:
    """Say which of the samples' arrays the bundle's graphs would not take; None where all fit."""
    shape = (bundle.image_height, bundle.image_width, 3)
    photos, rows, lengths = samples.photos, samples.rows, samples.lengths
    if photos.ndim != 4 or photos.shape[1:] != shape or photos.dtype != np.dtype(bundle.image_dtype):
        return f"photos {photos.dtype} {photos.shape}"
    if (found := _misfit_grids(samples, bundle)) is not None:
        return found
    if rows.ndim != 2 or rows.dtype != np.int32 or lengths.dtype != np.int32:
        return f"rows {rows.dtype} {rows.shape} and lengths {lengths.dtype}"
    if lengths.shape != rows.shape[:1] or not len(lengths) or not len(photos):
        return f"{len(photos)} photos, {rows.shape[0]} questions and {len(lengths)} lengths"
    if lengths.min() < 1 or lengths.max() > min(rows.shape[1], bundle.max_tokens):
        return f"lengths of {lengths.min()} to {lengths.max()}"
    if rows.min() < -1 or rows.max() >= len(bundle.vectors):
        return f"rows of {rows.min()} to {rows.max()} for {len(bundle.vectors)} vectors"
    return None


def _misfit_grids(samples: Samples, bundle: Bundle) -> str | None:
    grids = samples.grids
    if not bundle.takes_grid:
        return None if grids is None else "grids, of which the encoder takes none"
    if grids is None or grids.shape != (len(samples.photos), 2) or grids.dtype != np.int32:
        return "no grids" if grids is None else f"grids {grids.dtype} {grids.shape}"
    multiple = bundle.preprocessing["multiple"]
    most = (bundle.image_height // multiple, bundle.image_width // multiple)
    if (grids < 1).any() or (grids > most).any():
        return f"grids of {grids.min()} to {grids.max()} patches"
    return None


def made_up_samples(bundle: Bundle, *, photos: int = 64, questions: int = ENOUGH, seed: int = 0) -> Samples:
    """Smooth random pictures and random words, for a bundle that keeps no samples: better than nothing."""
    random = np.random.default_rng(seed)
    height, width = bundle.image_height, bundle.image_width
    blocks = random.integers(0, 256, (photos, 6, 6, 3))
    down, across = np.arange(height) * 6 // height, np.arange(width) * 6 // width
    pictures = blocks[:, down][:, :, across] + random.integers(-20, 21, (photos, height, width, 3))
    pictures = np.clip(pictures, 0, 255).astype(bundle.image_dtype)
    grids = _made_up_grids(bundle, photos) if bundle.takes_grid else None
    if grids is not None:
        for picture, (rows_px, columns_px) in zip(
            pictures, grids * bundle.preprocessing["multiple"], strict=True
        ):
            picture[rows_px:], picture[:, columns_px:] = 0, 0
    rows, lengths = _made_up_questions(bundle, questions, random)
    return Samples(
        photos=pictures,
        rows=rows,
        lengths=lengths,
        source="made-up patches and random words; name real ones with --samples",
        grids=grids,
    )


def _made_up_questions(
    bundle: Bundle, count: int, random: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    least = 1 if bundle.pieces is None else 3  # the first piece, one more, and the last
    lengths = random.integers(least, bundle.max_tokens + 1, count).astype(np.int32)
    rows = random.integers(0, len(bundle.vectors), (count, bundle.max_tokens)).astype(np.int32)
    if bundle.pieces is not None:
        rows[:, 0] = bundle.pieces.first
        rows[np.arange(count), lengths - 1] = bundle.pieces.last
    rows[np.arange(bundle.max_tokens) >= lengths[:, None]] = -1
    return rows, lengths


def _made_up_grids(bundle: Bundle, photos: int) -> NDArray[np.int32]:
    """[S, 2]: of photos from square to twice as long as are shown whole, upright and lying in turns."""
    shortest, longest, multiple = (bundle.preprocessing[key] for key in ("shortest", "longest", "multiple"))
    ratios = np.linspace(1.0, 2 * longest / shortest, photos)
    long_px = np.minimum(shortest * ratios, longest)
    sides: NDArray[np.float64] = np.maximum(np.stack([long_px / ratios, long_px], axis=1) // multiple, 1)
    sides[1::2] = sides[1::2, ::-1]
    return sides.astype(np.int32)


def dump_samples(samples: Samples) -> bytes:
    """The content of samples.npz."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {
        "photos": samples.photos,
        "rows": samples.rows,
        "lengths": samples.lengths,
        "source": np.array(samples.source),
    }
    if samples.grids is not None:
        arrays["grids"] = samples.grids
    np.savez_compressed(file, **arrays)
    return file.getvalue()
