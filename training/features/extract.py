"""Photos → encoder → store, a batch at a time; what the store has already is left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import DatasetError
from ..datasets.bad_entries import BadEntries
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
    problems: BadEntries | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Fill `writer`; photo i of `paths` belongs to its row i. `progress` is told how many were just done.

    Photos that cannot be read are left out, and `problems` told. Raises what `encode` raises; all rows before that are
    kept, and the same call goes on with the rest.
    """
    problems = problems or BadEntries()
    bad: list[int] = []

    def fault(row: int, error: DatasetError) -> None:
        problems.meet("bad photo", str(error))
        bad.append(row)

    for rows, photos in _batches(writer.missing, paths, read, batch, fault):
        writer.write(rows, encode(photos))
        progress(len(rows))
    if problems.skip:
        writer.leave_out(np.array(bad, np.int64))


def _batches(
    missing: NDArray[np.int64],
    paths: Sequence[Path],
    read: Read,
    batch: int,
    fault: Callable[[int, DatasetError], None],
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
                good = []
                for row, photo in taken:
                    try:
                        good.append((row, photo.result()))
                    except DatasetError as error:
                        fault(row, error)
                if good:
                    yield np.array([row for row, _ in good], np.int64), np.stack([seen for _, seen in good])
        finally:
            for _, photo in waiting:
                photo.cancel()
