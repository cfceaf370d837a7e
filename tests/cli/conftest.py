"""The command as it is installed, run as a person would, and a real server to ask."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bundles import write_random_bundle
from served import served, shell_environment

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
