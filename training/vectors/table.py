"""Words and their vectors as two files, vectors.npy and words.txt, row by row: what training and bundles read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import VectorError


@dataclass(frozen=True, kw_only=True)
class VectorTable:
    """`vectors[i]` belongs to `words[i]`; the last `unknown_rows` are shared by all other words."""

    words: tuple[str, ...]
    vectors: NDArray[np.float32]  # [V, D]
    unknown_rows: int

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])


def save_vectors(folder: Path, table: VectorTable) -> None:
    """Write both files, each in one move."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "vectors.part.npy"
    np.save(unfinished, table.vectors, allow_pickle=False)
    lines = folder / "words.txt.part"
    lines.write_text("".join(f"{word}\n" for word in table.words), encoding="utf-8")
    unfinished.replace(folder / "vectors.npy")
    lines.replace(folder / "words.txt")


def load_vectors(folder: Path, *, dimension: int | None = None, model: str = "the model") -> VectorTable:
    """Read a folder that `save_vectors` wrote; vectors are memory-mapped.

    Raises VectorError where files are missing or out of step, and, naming both dimensions, where `model` takes vectors
    of `dimension` and these are of another.
    """
    path = folder / "vectors.npy"
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        text = (folder / "words.txt").read_text(encoding="utf-8")
    except OSError as error:
        raise VectorError(
            f"{error.filename} cannot be read: {error.strerror}. Make it with asksight vectors."
        ) from error
    except ValueError as error:
        raise VectorError(f"{folder} is broken ({error}). Make it again with asksight vectors.") from error
    words = tuple(text.removesuffix("\n").split("\n"))
    unknown_rows = sum(word.startswith("<unknown ") for word in words)
    if vectors.ndim != 2 or len(words) != len(vectors) or not unknown_rows:
        raise VectorError(
            f"{folder} is out of step: {len(words)} words, {unknown_rows} of them unknown rows, and vectors of the "
            f"shape {list(vectors.shape)}. Make it again with asksight vectors."
        )
    if dimension is not None and vectors.shape[1] != dimension:
        raise VectorError(
            f"{path} holds vectors of {vectors.shape[1]} dimensions, but {model} takes {dimension}. Make vectors of "
            f"{dimension} dimensions with asksight vectors, or a model of {vectors.shape[1]}."
        )
    return VectorTable(words=words, vectors=vectors, unknown_rows=unknown_rows)
