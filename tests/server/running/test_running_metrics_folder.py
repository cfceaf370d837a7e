"""Folders of killed servers are removed at the next start; those in use, young ones and others' are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from asksight.server.running.metrics_folder import PREFIX, metrics_folder

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
