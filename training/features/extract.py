"""Photos → encoder → store, a batch at a time; what the store has already is left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .store import StoreWriter

Read = Callable[[Path], NDArray[Any]]  # a photo file → [H, W, 3]
Encode = Callable[[NDArray[Any]], NDArray[Any]]  # [n, H, W, 3] → [n, F], [n, m, C] or [n, h, w, C]
_AHEAD = 4  # batches of photos that are decoded before they are needed


def extract(
    writer: StoreWriter,
    paths: Sequence[Path],
    *,
    read: Read,
    encode: Encode,
    batch: int,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Fill `writer`; photo i of `paths` belongs to its row i. `progress` is told how many were just done.

    Raises what `read` and `encode` raise; all rows before that are kept, and the same call goes on with the rest.
    """
    for rows, photos in _batches(writer.missing, paths, read, batch):
        writer.write(rows, encode(photos))
        progress(len(rows))


def _batches(
    missing: NDArray[np.int64], paths: Sequence[Path], read: Read, batch: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Rows and their photos [n, H, W, 3], read by threads a few batches ahead, so that memory is bounded."""
    waiting: deque[tuple[int, Future[NDArray[Any]]]] = deque()
    rest = iter(missing.tolist())
    with ThreadPoolExecutor() as pool:
        try:
            while True:
                while len(waiting) < _AHEAD * batch and (row := next(rest, None)) is not None:
                    waiting.append((row, pool.submit(read, paths[row])))
                if not waiting:
                    return
                taken = [waiting.popleft() for _ in range(min(batch, len(waiting)))]
                rows = np.array([row for row, _ in taken], np.int64)
                yield rows, np.stack([photo.result() for _, photo in taken])
        finally:
            for _, photo in waiting:
                photo.cancel()
