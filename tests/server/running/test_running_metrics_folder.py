"""Folders of killed servers are removed at the next start; those in use, young ones and others' are left alone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from asksight.server.errors import ServerError
from asksight.server.running.metrics_folder import (
    FILE_BYTES,
    KINDS,
    PREFIX,
    VARIABLE,
    make_room,
    metrics_folder,
)

HOLD = """
import sys
from asksight.server.running.metrics_folder import metrics_folder
with metrics_folder() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    young, old, other = tmp_path / f"{PREFIX}young", tmp_path / f"{PREFIX}old", tmp_path / "other"
    for folder in (young, old, other):
        folder.mkdir()
    past_s = time.time() - 3600
    os.utime(old, (past_s, past_s))
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with metrics_folder() as own:
            assert left.is_dir()  # its process lives
            assert own.parent == tmp_path
            assert young.is_dir()
            assert not old.exists()
        assert not own.exists()
        process.kill()
        process.wait()
        assert left.is_dir()
        with metrics_folder():
            assert not left.exists()
    assert other.is_dir()


def test_a_process_takes_its_room_at_once_or_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    make_room()
    taken = {file.name.rpartition("_")[0]: file.stat().st_blocks * 512 for file in tmp_path.iterdir()}
    assert set(taken) == {*KINDS}
    assert min(taken.values()) >= FILE_BYTES  # no holes
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES // 2, hard))  # stands for a full disk
    try:
        make_room()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert VARIABLE not in os.environ
    assert "without being counted" in caplog.text
    assert not [*tmp_path.iterdir()]


def test_all_files_are_of_the_kinds_for_which_room_is_taken(tmp_path: Path) -> None:
    use = "from asksight.server.running.metrics import Metrics; Metrics().hand_over()"
    environment = {**os.environ, VARIABLE: str(tmp_path)}
    subprocess.run([sys.executable, "-P", "-c", use], env=environment, check=True)
    assert {file.name.rpartition("_")[0] for file in tmp_path.iterdir()} <= {*KINDS}
    assert max(file.stat().st_size for file in tmp_path.iterdir()) < FILE_BYTES


def test_without_any_folder_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(ServerError, match="Set TMPDIR"), metrics_folder():
        pass
