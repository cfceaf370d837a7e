"""A server of one's own to be measured: `asksight serve` as a child process, ended with the measurement."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from .errors import BenchError

SERVE = "from asksight.cli.main import main; main()"
END_S = 20.0


@dataclass(frozen=True, kw_only=True)
class OwnServer:
    address: str
    pid: int


@contextmanager
def own_server(model: str) -> Iterator[OwnServer]:
    """Serve a bundle on a free port; other settings come from ASKSIGHT_… in the environment.

    All asks are of one caller, who may have as many under way as the server takes. Raises BenchError with what the
    server said, where it does not start.
    """
    command = [sys.executable, "-P", "-c", SERVE, "serve", "--model", model, "--host", "127.0.0.1"]
    command += ["--port", "0", "--calls-per-caller", "0", "--drain-grace", "0"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        ended_by_us = signal.signal(signal.SIGTERM, _end)  # or SIGTERM would leave the child behind
        try:
            assert process.stdout is not None
            found = re.search(r" at (\S+:\d+)", process.stdout.readline())
            if found is None:
                process.wait(END_S)
                log.seek(0)
                raise BenchError(_last_line(log.read()))
            yield OwnServer(address=found[1], pid=process.pid)
        finally:
            signal.signal(signal.SIGTERM, ended_by_us)
            _stop(process)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return (
        lines[-1].removeprefix("asksight: ")
        if lines
        else "The server ended before it served, and said nothing."
    )


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.send_signal(signal.SIGCONT)  # one that was stopped would not hear of it
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
