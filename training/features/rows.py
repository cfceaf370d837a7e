"""An .npy file that is read and written row by row, in constant memory; NumPy can map it all the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError


class RowFile:
    """[rows, *shape] of one dtype. Reading is thread-safe; write from one thread."""

    def __init__(self, path: Path, rows: int, shape: tuple[int, ...], dtype: str) -> None:
        """Open it. Raises FeatureError where it is not that array, whole."""
        self.path, self.rows, self.shape, self.dtype = path, rows, shape, np.dtype(dtype)
        self._row_bytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        try:
            with path.open("rb") as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else _unknown
                found = read(file)
                self._start = file.tell()
            self._file = os.open(path, os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY)
        except (OSError, ValueError) as error:
            raise FeatureError(f"{path} is damaged ({error}); delete the store and make it again.") from error
        wanted = ((rows, *shape), False, self.dtype)
        if found != wanted or path.stat().st_size != self._start + rows * self._row_bytes:
            raise FeatureError(
                f"{path} is damaged: expected {self.dtype} {(rows, *shape)}, found {found[2]} {found[0]} in "
                f"{path.stat().st_size} bytes; delete the store and make it again."
            )

    @staticmethod
    def create(path: Path, rows: int, shape: tuple[int, ...], dtype: str) -> None:
        """Create the file, full of zeros, whole or not at all. Disk space is taken only as rows are written."""
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("wb") as file:
            head = {
                "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
                "fortran_order": False,
                "shape": (rows, *shape),
            }
            np.lib.format.write_array_header_1_0(file, head)
            size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
            file.truncate(file.tell() + rows * size)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """[n, *shape]. Raises FeatureError where the file has become shorter."""
        out = np.empty((len(rows), *self.shape), self.dtype)
        flat = out.reshape(-1).view(np.uint8).data
        for place, row in enumerate(rows.tolist()):
            into = flat[place * self._row_bytes : (place + 1) * self._row_bytes]
            if os.preadv(self._file, [into], self._start + row * self._row_bytes) != self._row_bytes:
                raise FeatureError(f"{self.path} ends before row {row}; delete the store and make it again.")
        return out

    def read_all(self) -> NDArray[Any]:
        """[rows, *shape], at once."""
        return np.load(self.path, allow_pickle=False)  # type: ignore[no-any-return]

    def write(self, rows: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Write [n, *shape] to these rows."""
        flat = np.ascontiguousarray(values, self.dtype).reshape(-1).view(np.uint8).data
        for place, row in enumerate(rows.tolist()):
            part = flat[place * self._row_bytes : (place + 1) * self._row_bytes]
            at = self._start + row * self._row_bytes
            while part:  # a full disk raises; a signal may cut a write short
                written = os.pwrite(self._file, part, at)
                part, at = part[written:], at + written

    def sync(self) -> None:
        """Have what was written reach the disk."""
        os.fdatasync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self.close()


def _unknown(file: Any) -> Any:
    raise ValueError("an .npy of a version that this program does not write")
