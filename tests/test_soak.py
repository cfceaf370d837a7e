"""The soak scripts whose promises hold on any machine, in their short forms; `make soak` runs all of them, long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
BENCHMARKS = TESTS.parent / "benchmarks"
SHORT = {
    "soak/dead_asks": ["--short"],
    "soak/stops": ["--short"],
    "soak/memory": ["--short"],
    "soak/fuzz": ["--short"],
    "many_callers": [
        "--callers",
        "16",
        "--seconds",
        "2",
        "--photos",
        "20",
    ],  # each reply is that of a lone one
}


@pytest.mark.parametrize("script", SHORT)
def test_the_short_form_keeps_its_promise(script: str) -> None:
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), *SHORT[script]],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
