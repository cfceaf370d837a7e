"""The soak scripts whose promises hold on any machine, in their short forms; `make soak` runs all of them, long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOAK = TESTS.parent / "benchmarks" / "soak"


@pytest.mark.parametrize("script", ["dead_asks", "stops", "memory", "fuzz"])
def test_the_short_form_keeps_its_promise(script: str) -> None:
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, str(SOAK / f"{script}.py"), "--short"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
