"""The files of deploy/ and .github/ that only others' programs read: each is held against those programs' own rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from served import ROOT

BIN = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)


def test_hadolint_finds_nothing_in_the_containerfile() -> None:
    ran = run(BIN / "hadolint", DEPLOY / "Containerfile")
    assert (ran.returncode, ran.stdout) == (0, "")


def test_hadolint_would_find_a_fault(tmp_path: Path) -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8").replace("# hadolint ignore=DL3008\n", "")
    (tmp_path / "Containerfile").write_text(text, "utf-8")
    assert "DL3008" in run(BIN / "hadolint", tmp_path / "Containerfile").stdout


def test_the_image_is_given_all_that_is_built_from() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".containerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    folders = re.search(r"^FOLDERS = \((.*)\)$", (ROOT / "setup.py").read_text("utf-8"), re.MULTILINE)
    assert folders is not None
    files = {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "face", "proto"}
    assert let_in == files | set(re.findall(r"\w+", folders[1]))


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.compose-spec", "deploy/compose.yaml"),
        ("vendor.github-workflows", ".github/workflows/*.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
    ],
)
def test_a_file_keeps_its_schema(schema: str, pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    ran = run(BIN / "check-jsonschema", "--builtin-schema", schema, *files)
    assert ran.returncode == 0, ran.stdout


def test_systemd_finds_nothing_in_the_unit(tmp_path: Path) -> None:
    """Its own check, with the command of this checkout in place of the installed one."""
    unit = tmp_path / "asksight.service"
    text = (DEPLOY / unit.name).read_text("utf-8")
    assert text.count("/opt/asksight/bin/asksight serve") == 2
    unit.write_text(text.replace("/opt/asksight/bin", str(BIN)), "utf-8")
    ran = run("systemd-analyze", "verify", unit)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    assert run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit).returncode == 0
