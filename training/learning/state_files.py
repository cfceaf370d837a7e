"""The last states of a training on disk: two files that take turns, and a third that outlives a loss of power.

    state.0, state.1   each save overwrites the older one in place
    state.synced       now and then a copy, synced and then moved into place

Overwriting costs one copy into memory that the system has already, which a new file has to be given first. A process
that is killed leaves there all that it has written; the file that it was writing counts for nothing, since its head
comes last, and the other one is whole. A machine that loses power may keep any part of either, which the parity of the
content tells.
"""

from __future__ import annotations

import fcntl
import functools
import operator
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import TrainingError

_HEAD = struct.Struct("<8sQqdQQ")  # magic, layout, step, loss, bytes, parity
_HEAD_BYTES = _HEAD.size + 4  # the CRC-32 of the head
_MAGIC = b"ASKSTATE"
_TURNS, _SYNCED = ("state.0", "state.1"), "state.synced"


@dataclass(frozen=True, kw_only=True)
class State:
    """What one file holds."""

    step: int
    loss: float  # NaN where there is none
    content: bytes  # all parts, one after the other


class StateFiles:
    """The state files of one folder, held for this process until close(). Not thread-safe."""

    def __init__(self, folder: Path, layout: int) -> None:
        """`layout` names what is in the content; a state of another layout is not read.

        Raises TrainingError while another process holds the folder.
        """
        self._synced, self._layout = folder / _SYNCED, layout
        self._files = [os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644) for name in _TURNS]
        try:
            fcntl.flock(self._files[0], fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go however this process ends
        except BlockingIOError as error:
            self.close()
            raise TrainingError(
                f"Another process trains in {folder}; wait for it, or give another folder."
            ) from error
        self._next = 0

    def newest(self) -> State | None:
        """The state of most steps that is whole. Raises TrainingError where there are only those of another layout."""
        found = [self._read(file) for file in self._files]
        if self._synced.exists():
            file = os.open(self._synced, os.O_RDONLY)
            found.append(self._read(file))
            os.close(file)
        steps = [-1 if state is None else state.step for state in found]
        self._next = int(steps[1] < steps[0])  # the older one is overwritten first
        return found[steps.index(max(steps))]

    def write(self, step: int, loss: float, parts: Sequence[memoryview]) -> None:
        """Keep a state where a killed process leaves it."""
        self._write(self._files[self._next], step, loss, parts)
        self._next = 1 - self._next

    def write_synced(self, step: int, loss: float, parts: Sequence[memoryview]) -> None:
        """Keep a state where a loss of power leaves it."""
        unfinished = self._synced.with_suffix(".part")
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            self._write(file, step, loss, parts)
            os.fsync(file)
        finally:
            os.close(file)
        unfinished.replace(self._synced)

    def close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files = []

    def _write(self, file: int, step: int, loss: float, parts: Sequence[memoryview]) -> None:
        _write_at(file, 0, memoryview(bytes(_HEAD_BYTES)))
        at = _HEAD_BYTES
        for part in parts:
            if part.nbytes:
                at = _write_at(file, at, part.cast("B"))
        head = _HEAD.pack(_MAGIC, self._layout, step, loss, at - _HEAD_BYTES, _parity(parts))
        _write_at(file, 0, memoryview(head + _crc(head)))

    def _read(self, file: int) -> State | None:
        found = os.pread(file, _HEAD_BYTES, 0)
        head = found[: _HEAD.size]
        if found != head + _crc(head) or not head.startswith(_MAGIC):
            return None
        _, layout, step, loss, size, wanted = _HEAD.unpack(head)
        if layout != self._layout:
            raise TrainingError(
                "The run's state is of a model with other weights, of another version of this program perhaps. "
                "Give another folder, or delete this one."
            )
        content = _read_at(file, _HEAD_BYTES, size)
        whole = len(content) == size and _parity([memoryview(content)]) == wanted
        return State(step=step, loss=loss, content=content) if whole else None


def _crc(head: bytes) -> bytes:
    return zlib.crc32(head).to_bytes(4, "little")


def _parity(parts: Sequence[memoryview]) -> int:
    """All words of 32 bits, combined by exclusive or; each part is as long as a number of those."""
    words = (np.frombuffer(part, np.uint32) for part in parts if part.nbytes)
    return functools.reduce(operator.xor, (int(np.bitwise_xor.reduce(part)) for part in words), 0)


def _write_at(file: int, at: int, content: memoryview) -> int:
    while content:  # a full disk raises; a signal may cut a write short
        written = os.pwrite(file, content, at)
        content, at = content[written:], at + written
    return at


def _read_at(file: int, at: int, size: int) -> bytes:
    content = bytearray()
    while part := os.pread(file, size - len(content), at + len(content)):
        content += part
    return bytes(content)
