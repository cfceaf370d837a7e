"""Any bytes through the C of the extensions, under AddressSanitizer: the fuzz_*.c beside this, some seconds each.

`make fuzz` runs them for ten minutes each, and the tests of this folder with sanitized extensions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = os.environ.get("FUZZ_SECONDS", "3")
COMPILER = shutil.which(os.environ.get("CC", "cc"))


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler, as the build does")
@pytest.mark.parametrize("name", ["fuzz_words", "fuzz_cutter", "fuzz_pieces", "fuzz_photo"])
def test_no_bytes_lead_out_of_bounds(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    flags = "-std=gnu11 -Wall -Wextra -Werror -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread"
    source = ROOT / "tests" / "ext" / f"{name}.c"
    subprocess.run(
        [str(COMPILER), *flags.split(), f"-I{ROOT / 'ext'}", str(source), "-lm", "-o", str(program)],
        check=True,
    )
    ran = subprocess.run([str(program), SECONDS], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "nothing wrong" in ran.stdout
