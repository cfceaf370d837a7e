"""Importing a library that writes warnings straight to file descriptor 2, without those warnings.

ONNX Runtime since 1.23 tells of every graphics card that it cannot name, while it is imported and with no way
to turn that off (microsoft/onnxruntime#27092): on laptops and in WSL it would be the first line a user sees.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_lines(mark: bytes) -> Iterator[None]:
    """Hold back what is written to descriptor 2 inside; all lines without `mark` in them are written after."""
    try:
        original = os.dup(2)
    except OSError:  # a daemon without standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            os.write(2, b"".join(line for line in held if mark not in line))
