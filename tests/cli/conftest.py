"""The command as it is installed, run as a person would, and a real server to ask."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bundles import write_random_bundle
from served import served, shell_environment

from asksight.cli.main import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "bundle"
    write_random_bundle(path)
    return path


@pytest.fixture(scope="session")
def address(bundle: Path) -> Iterator[str]:
    with served(bundle) as where:
        yield where


@pytest.fixture(scope="session")
def run() -> Run:
    def asksight(
        *arguments: str | Path, given: bytes = b"", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run `asksight` and check its exit code."""
        ran = subprocess.run(
            ["asksight", *map(str, arguments)],
            input=given,
            capture_output=True,
            env=shell_environment(),
            timeout=120,
            check=False,
        )
        out, said = ran.stdout.decode(), ran.stderr.decode()
        assert ran.returncode == code, said
        return subprocess.CompletedProcess(ran.args, ran.returncode, out, said)

    return asksight


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """As `run`, in this process, which saves the half second that a start takes."""
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.setenv(name, shell_environment()[name])

    def asksight(
        *arguments: str | Path, given: bytes = b"", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        told = [str(argument) for argument in arguments]
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(told)
        out, said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said
        return subprocess.CompletedProcess(told, code, out, said)

    return asksight
