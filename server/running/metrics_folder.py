"""The folder that the processes of one server share their metrics in; those of servers that were killed are removed.

Whoever uses a folder holds a lock on a file in it, which the system takes back from a process however it ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ServerError

PREFIX = "asksight-metrics-"
LOCK = ".in-use"  # prometheus-client reads files that end in .db
NEW_S = 60.0  # so long a folder without a lock may be one that is being made
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # the client library looks there when it is imported
# Of files, one of each for each process.
KINDS = ("counter", "histogram", "gauge_livesum", "gauge_livemax", "gauge_livemin")
FILE_BYTES = 256 * 1024

log = logging.getLogger(__name__)


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """A new folder, removed at the end, once those that nobody uses any more are gone. Raises ServerError."""
    try:
        _remove_unused(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise ServerError(
            f"There is no folder for the metrics of several processes: {error.strerror or error}. Set TMPDIR."
        ) from error
    try:
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_room() -> None:
    """Take the room for this process's files before the client library is imported, or serve without them.

    The library only maps its files, and whoever writes to such a page on a full disk is ended by the system (SIGBUS).
    """
    files = [Path(os.environ[VARIABLE]) / f"{kind}_{os.getpid()}.db" for kind in KINDS]
    try:
        for file in files:
            file.write_bytes(bytes(FILE_BYTES))
    except OSError as error:
        del os.environ[VARIABLE]
        log.warning("This process serves without being counted in the metrics: %s", error)
        for file in files:
            with suppress(OSError):
                file.unlink()


def _remove_unused(within: Path) -> None:
    for folder in within.glob(PREFIX + "*"):
        with suppress(OSError):  # removed meanwhile by another, or not ours to look into
            status = folder.lstat()
            if status.st_uid == os.getuid() and folder.is_dir() and not folder.is_symlink():
                _remove(folder, age_s=time.time() - status.st_mtime)


def _remove(folder: Path, *, age_s: float) -> None:
    try:
        lock = (folder / LOCK).open("r+")
    except FileNotFoundError:
        if age_s > NEW_S:
            shutil.rmtree(folder, ignore_errors=True)
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: somebody uses it
        shutil.rmtree(folder, ignore_errors=True)
