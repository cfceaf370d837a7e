"""Have these files changed? For tokens, certificates and bundles, which are read again when they do."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

MOST_BYTES = 1 << 20  # 13,000 tokens; each of them is compared at each call

Look = tuple[tuple[str, int, int, int] | None, ...]


class WatchedFiles:
    """Remembers how some files look from outside: their names, times, sizes and inodes. For one thread at a time."""

    def __init__(self, paths: Callable[[], Iterable[Path]], *, until_still: bool = False) -> None:
        """`paths` gives the files as they are now. `until_still`: a change counts once they look the same twice."""
        self._paths = paths
        self._until_still = until_still
        self._known = self._seen = self._look()

    def changed(self) -> bool:
        """Whether they have changed since this last said so; a file that is missing is a change too."""
        seen, self._seen = self._seen, self._look()
        if self._seen == self._known or (self._until_still and self._seen != seen):
            return False
        self._known = self._seen
        return True

    def _look(self) -> Look:
        return tuple(_look_at(path) for path in self._paths())


def read_file(path: Path) -> bytes:
    """Read one that is small, at once: a pipe or a device would keep the reader. Raises OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        if status.st_size > MOST_BYTES:
            raise OSError(
                errno.EFBIG, f"{status.st_size} bytes, and at most {MOST_BYTES} are read", str(path)
            )
        return file.read(MOST_BYTES)


def _look_at(path: Path) -> tuple[str, int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return path.name, seen.st_mtime_ns, seen.st_size, seen.st_ino
