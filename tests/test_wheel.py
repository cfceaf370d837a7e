"""The wheel, built from the source archive and installed where nothing else is, serves the demo."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from served import ROOT

BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_a_wheel_of_the_source_archive_serves_the_demo_in_a_bare_environment(tmp_path: Path) -> None:
    tree, dist, bare = tmp_path / "tree", tmp_path / "dist", tmp_path / "bare"
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    run(sys.executable, "-m", "build", "--outdir", dist, tree, cwd=tmp_path)
    assert len(list(dist.glob("*.tar.gz"))) == 1
    (wheel,) = dist.glob("*.whl")
    told = run(BIN / "auditwheel", "show", wheel, cwd=tmp_path)
    glibc = re.search(r'platform tag: "manylinux_2_(\d+)_', told.replace("\n", " "))
    assert glibc is not None, told
    assert int(glibc[1]) <= 28
    run(sys.executable, "-m", "venv", bare, cwd=tmp_path)
    run(bare / "bin" / "pip", "install", "--quiet", wheel, cwd=tmp_path)
    assert "answered: red" in run(bare / "bin" / "asksight", "demo", "--once", cwd=tmp_path)
