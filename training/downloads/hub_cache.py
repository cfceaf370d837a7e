"""The folder in which the Hugging Face hub's files are kept on this machine, in the layout of `huggingface_hub`.

models--OWNER--NAME/ has blobs/CHECKSUM with the contents, snapshots/COMMIT/FILE that link to them, and refs/REVISION
with the commit that a revision was last seen to mean. So what other programs have fetched is not fetched again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .fetch import digest
from .hub import HubFile, HubName, is_commit

# Checksum by the length of a blob's name.
_KINDS = {64: "sha256", 40: "git"}


class HubCache:
    """What is kept of one model."""

    def __init__(self, cache: Path, repository: str) -> None:
        self._name = f"models--{repository.replace('/', '--')}"
        self._root, self._locks = cache / self._name, cache / ".locks" / self._name

    def snapshot(self, name: HubName) -> Path | None:
        """The folder of that revision, whole or not; None where there is none."""
        commit = name.revision
        if not is_commit(commit):
            ref = self._root / "refs" / commit
            commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else ""
        folder = self._root / "snapshots" / commit
        return folder if is_commit(commit) and folder.is_dir() else None

    def folder(self, commit: str) -> Path:
        """Where that commit's files are or will be."""
        return self._root / "snapshots" / commit

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time fetch."""
        from filelock import FileLock

        self._locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._locks / "asksight.lock"):
            yield

    def has(self, commit: str, file: HubFile) -> bool:
        """Whether the file is there and undamaged; one that is damaged is removed."""
        path = self.folder(commit) / file.name
        if not path.exists():
            blob = self._blob(file)
            if not blob.is_file():
                return False
            self._link(blob, path)
        kind, _, published = file.checksum.partition(":")
        if digest(path, kind) == published:
            return True
        _remove(path)
        return False

    def place(self, commit: str, file: HubFile, fetch: Callable[[Path], None]) -> None:
        """Have `fetch` write the file, and link to it."""
        blob = self._blob(file)
        blob.parent.mkdir(parents=True, exist_ok=True)
        fetch(blob)
        self._link(blob, self.folder(commit) / file.name)

    def remember(self, name: HubName, commit: str) -> None:
        """Note what a revision means now."""
        if not name.is_commit:
            ref = self._root / "refs" / name.revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(commit, encoding="utf-8")

    def arrived(self, file: HubFile) -> int:
        """Bytes of the file that an interrupted download has left."""
        part = self._blob(file).with_name(self._blob(file).name + ".part")
        return part.stat().st_size if part.exists() else 0

    def _blob(self, file: HubFile) -> Path:
        return self._root / "blobs" / file.checksum.partition(":")[2]

    @staticmethod
    def _link(blob: Path, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            path.symlink_to(Path("..", "..", "blobs", blob.name))
        except OSError:  # not every system and folder has links
            shutil.move(blob, path)


def sound(path: Path) -> bool:
    """Whether a file of a snapshot is what its blob's name says; one that is not is removed."""
    name = path.resolve().name
    kind = _KINDS.get(len(name)) if path.is_symlink() else None
    if kind is None or digest(path, kind) == name:
        return True
    _remove(path)
    return False


def checksum(path: Path) -> str:
    """The SHA-256 of a file of a snapshot."""
    name = path.resolve().name
    return name if path.is_symlink() and len(name) == 64 else digest(path, "sha256")


def _remove(path: Path) -> None:
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)
