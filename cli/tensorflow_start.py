"""Imports TensorFlow without the lines that it writes about itself; its errors are shown.

Its C++ code writes to the process's standard error before any setting of its own is looked at. So while it is imported
and looks for devices, a small process of its own stands between and passes on what is no such line: what TensorFlow
says before it kills this process comes through as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Lines of the levels I and W, in the form before and after TensorFlow's logs have begun; what libraries of Nvidia
# say of being registered twice, at the level E; and what the logs say of themselves.
_ABOUT_ITSELF = (
    r"^(\d{4}-\d\d-\d\d [\d:.]+: )?[IW](\d{4} [\d:.]+ +\d+)? \S+:\d+\]"
    r"|Unable to register cu\w+ (factory|plugin)"
    r"|^WARNING: All log messages before absl::InitializeLog\(\)"
)
# Ctrl-C reaches every process of a terminal: this one ends when there is nothing more to pass on.
_PASS_ON = """
import re, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
about_itself = re.compile(sys.argv[1].encode())
for line in sys.stdin.buffer:
    if not about_itself.search(line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


def start_tensorflow(*, alone: bool = True) -> None:
    """Import it and have it find its devices; later imports of it say nothing. Raises what the import raises.

    Where it is not `alone`, it finds them with the other machines, which it wants to be told of first.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # from then on
    with _passed_on():
        import tensorflow

        if alone:
            tensorflow.config.list_logical_devices()
        else:
            tensorflow.config.list_physical_devices()


@contextmanager
def _passed_on() -> Iterator[None]:
    """Let what the process writes to its standard error through the filter."""
    sys.stderr.flush()
    kept = os.dup(2)
    passing = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PASS_ON, _ABOUT_ITSELF], stdin=subprocess.PIPE
    )
    assert passing.stdin is not None
    os.dup2(passing.stdin.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        passing.stdin.close()
        passing.wait()
