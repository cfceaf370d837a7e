"""Karpathy's `vgg_feats.mat`: the variable `feats`, one column a photo, read a few photos at a time.

MATLAB keeps a matrix column by column, so that each photo's features lie together in the file. A file of version 5
(also where it is compressed) is read as a stream, since scipy.io.loadmat takes the whole variable into memory, 2 GB
and more; one of version 7.3 is HDF5. MAT-File Format, The MathWorks, chapter 1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_READ_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A matrix that is read once, in order."""

    size: int  # F, numbers a column
    count: int  # N, columns
    chunks: Iterator[NDArray[np.float32]]  # [n, F] each: columns as rows


def open_features(path: Path, *, name: str = "feats", chunk: int = 256) -> Columns:
    """The matrix `name` [F,N] of a .mat file. Raises FeatureError where it is not there or not whole."""
    with path.open("rb") as file:
        head = file.read(128)
    if head[:10] == b"MATLAB 5.0":
        return _version_5(path, name, chunk)
    if h5py.is_hdf5(path):
        return _version_73(path, name, chunk)
    raise FeatureError(f"{path} is no MATLAB file of version 5 or 7.3.")


def read_id_map(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Image ids and their columns, from lines "image_id index". Raises FeatureError naming a line that is not that."""
    ids, columns = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            image_id, column = line.split()
            ids.append(int(image_id))
            columns.append(int(column))
        except ValueError as error:
            raise FeatureError(f'{path}: line {number} is {line!r}, not "image_id index".') from error
    if len(set(ids)) != len(ids):
        twice = next(i for n, i in enumerate(ids) if i in ids[:n])
        raise FeatureError(f"{path}: image id {twice} comes twice.")
    return np.array(ids, np.int64), np.array(columns, np.int64)


def _version_73(path: Path, name: str, chunk: int) -> Columns:
    with h5py.File(path) as file:
        if name not in file:
            raise FeatureError(f"{path} has no variable {name!r}; it has {', '.join(file)}.")
        count, size = file[name].shape

    def chunks() -> Iterator[NDArray[np.float32]]:
        with h5py.File(path) as file:
            for start in range(0, count, chunk):
                yield file[name][start : start + chunk].astype(np.float32)

    return Columns(size=size, count=count, chunks=chunks())


def _version_5(path: Path, name: str, chunk: int) -> Columns:
    with path.open("rb") as file:
        _, (size, count), dtype = _find(file, path, name)

    def chunks() -> Iterator[NDArray[np.float32]]:
        with path.open("rb") as file:
            source = _find(file, path, name)[0]
            for start in range(0, count, chunk):
                wanted = min(chunk, count - start) * size * dtype.itemsize
                content = source.read(wanted)
                if len(content) != wanted:
                    whole = start + len(content) // (size * dtype.itemsize)
                    raise FeatureError(f"{path} ends in column {whole} of {count}.")
                yield np.frombuffer(content, dtype).reshape(-1, size).astype(np.float32)

    return Columns(size=size, count=count, chunks=chunks())


def _find(file: IO[bytes], path: Path, name: str) -> tuple[Any, tuple[int, int], np.dtype[Any]]:
    """A stream that stands at the first number of the matrix `name`, with its size and dtype."""
    order = {b"IM": "<", b"MI": ">"}.get(file.read(128)[126:128])
    if order is None:
        raise FeatureError(f"{path} is damaged: its byte order is not known.")
    others = []
    while len(tag := file.read(8)) == 8:
        kind, length = struct.unpack(f"{order}II", tag)
        end = file.tell() + length
        source: Any = file
        if kind == _COMPRESSED:
            source = _Inflated(file, length)
            kind, _ = struct.unpack(f"{order}II", source.read(8))
        if kind == _MATRIX:
            found = _matrix_head(source, order)
            if found is not None and found[0] == name:
                return source, found[1], found[2]
            others.append("something else" if found is None else found[0])
        file.seek(end)
    raise FeatureError(f"{path} has no real matrix {name!r}; it has: {', '.join(others) or 'nothing'}.")


def _matrix_head(source: Any, order: str) -> tuple[str, tuple[int, int], np.dtype[Any]] | None:
    """Name, size and dtype of a full real matrix; the numbers come next. None for anything else."""
    flags = _element(source, order)
    sizes = np.frombuffer(_element(source, order), f"{order}i4")
    name = _element(source, order).decode("latin-1")
    # Bit 11 is "complex"; classes 6 to 15 are the numeric ones.
    kind, complex_numbers = flags[0 if order == "<" else 3], flags[1 if order == "<" else 2] & 8
    if len(sizes) != 2 or not 6 <= kind <= 15 or complex_numbers:
        return None
    number, length = struct.unpack(f"{order}II", source.read(8))
    if number > 0xFFFF:  # a small element: a few bytes within its tag
        return None
    dtype = np.dtype(f"{order}{_NUMBERS[number]}")
    if length != int(np.prod(sizes)) * dtype.itemsize:
        return None
    return name, (int(sizes[0]), int(sizes[1])), dtype


def _element(source: Any, order: str) -> bytes:
    """One small data element, padded to eight bytes."""
    tag = source.read(8)
    number, length = struct.unpack(f"{order}II", tag)
    if number > 0xFFFF:
        return bytes(tag[4 : 4 + (number >> 16)])
    content: bytes = source.read(length)
    source.read(-length % 8)
    return content


class _Inflated:
    """The content of one compressed element, as a stream."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length
        self._inflate = zlib.decompressobj()
        self._waiting = b""

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing > 0:
            if not self._waiting:
                rest = self._inflate.unconsumed_tail
                if not rest:
                    rest = self._file.read(min(_READ_BYTES, self._left))
                    self._left -= len(rest)
                if not rest:
                    break
                self._waiting = self._inflate.decompress(rest, _READ_BYTES)
            part = self._waiting[:missing]
            self._waiting = self._waiting[len(part) :]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
