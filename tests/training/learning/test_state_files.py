"""The state of a training: whole whenever its process was killed, and known for damaged where it is."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asksight.training.errors import TrainingError
from asksight.training.learning.state_files import State, StateFiles


def parts(step: int) -> list[memoryview]:
    """Arrays of several kinds, one of them empty, one without dimensions; other numbers at each step."""
    random = np.random.default_rng(step)
    weights = random.normal(size=(40, 30)).astype(np.float32)
    kept: list[Any] = [weights, np.array(step), np.zeros((0, 3)), random.integers(0, 9, 7).astype(np.uint32)]
    return [memoryview(array) for array in kept]


def content(step: int) -> bytes:
    return b"".join(part.tobytes() for part in parts(step))


@pytest.fixture
def files(tmp_path: Path) -> StateFiles:
    return StateFiles(tmp_path, layout=7)


def test_the_newest_state_comes_back(tmp_path: Path, files: StateFiles) -> None:
    assert files.newest() is None
    for step in range(1, 6):
        files.write(step, step / 2, parts(step))
        assert files.newest() == State(step=step, loss=step / 2, content=content(step))
    files.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.0", "state.1"]
    again = StateFiles(tmp_path, layout=7)
    assert again.newest() == State(step=5, loss=2.5, content=content(5))
    again.close()


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("synced", [False, True])
def test_killed_at_any_byte_the_state_is_that_before_or_that_after(
    tmp_path: Path, files: StateFiles, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    """Every save is cut short at some byte, the first bytes and the last among them; then it goes on."""
    right, left = os.pwrite, 0

    def cut_short(file: int, given: memoryview, at: int) -> int:
        nonlocal left
        written = right(file, given[:left], at) if left else 0
        left -= written
        if written < len(given):
            raise KilledError
        return written

    files.write(1, 0.0, parts(1))
    size, reached = len(content(1)) + 2 * (struct.calcsize("<8sQqdQQ") + 4), 1  # the head is written twice
    random = np.random.default_rng(3)
    cuts = [*range(100), *random.integers(100, size - 50, 60).tolist(), *range(size - 50, size + 2)]
    for cut in cuts:
        monkeypatch.setattr(os, "pwrite", cut_short)
        left = cut
        try:
            (files.write_synced if synced else files.write)(reached + 1, 0.0, parts(reached + 1))
            ended = True
        except KilledError:
            ended = False
        monkeypatch.setattr(os, "pwrite", right)
        files.close()
        files = StateFiles(tmp_path, layout=7)
        state = files.newest()
        assert state is not None
        assert state.step == reached + ended
        assert state.content == content(state.step)
        assert ended == (cut >= size)
        reached = state.step
    files.close()


@pytest.mark.parametrize("damaged", ["state.0", "state.1"])
def test_a_loss_of_power_is_told_and_the_synced_state_stands_in(
    tmp_path: Path, files: StateFiles, damaged: str
) -> None:
    """A file that came to the disk in part: its head is new, some of its content is not."""
    for step in (1, 2):
        files.write(step, 0.0, parts(step))
    files.write_synced(1, 0.25, parts(1))
    flip(tmp_path / damaged, 600)
    state = files.newest()
    assert state is not None
    assert state.step == (2 if damaged == "state.0" else 1)
    for name in ("state.0", "state.1"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    state = files.newest()
    assert state is not None
    assert (state.step, state.loss, state.content) == (1, 0.25, content(1))
    files.close()


def flip(path: Path, at: int) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 4
    path.write_bytes(damaged)


def test_another_model_and_another_process_are_refused(tmp_path: Path, files: StateFiles) -> None:
    files.write(1, 0.0, parts(1))
    with pytest.raises(TrainingError, match="Another process trains"):
        StateFiles(tmp_path, layout=7)
    files.close()
    other = StateFiles(tmp_path, layout=8)
    with pytest.raises(TrainingError, match="model with other weights"):
        other.newest()
    other.close()
