"""Any bytes through the C of the tokenizer, under AddressSanitizer: tests/ext/fuzz_words.c, here for half a minute.

`make fuzz` runs it for ten minutes, and the tests of this folder with a sanitized extension.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = os.environ.get("FUZZ_SECONDS", "30")
COMPILER = shutil.which(os.environ.get("CC", "cc"))


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler, as the build does")
def test_no_text_leads_out_of_bounds(tmp_path: Path) -> None:
    program = tmp_path / "fuzz_words"
    flags = "-std=gnu11 -Wall -Wextra -Werror -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread"
    source = ROOT / "tests" / "ext" / "fuzz_words.c"
    subprocess.run(
        [str(COMPILER), *flags.split(), f"-I{ROOT / 'ext'}", str(source), "-o", str(program)], check=True
    )
    ran = subprocess.run([str(program), SECONDS], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "nothing wrong" in ran.stdout
