"""A server whose standard input, output and error are closed, full or without a reader serves, and ends when told."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from bundles import write_random_bundle
from photo_files import photo
from serving_process import COMMAND, WAIT_S

from asksight.client import connect


def full() -> int:
    """The end of a pipe with no room, which nobody reads and nobody closes."""
    _, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (65536, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(writing, bytes(size))
    os.set_blocking(writing, True)
    return writing


def without_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("output", [full, without_reader])
def test_it_serves_whatever_its_output_is(tmp_path: Path, output: Callable[[], int]) -> None:
    model = write_random_bundle(tmp_path / "model").path
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    closed = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *COMMAND]
    options = ["--model", str(model), "--port", port, "--drain-grace", "0"]
    with subprocess.Popen([*closed, *options], stdout=output()) as process:
        try:
            with connect(f"127.0.0.1:{port}", timeout=WAIT_S) as client:
                assert client.ask(photo(), "what?").answers
            for number in (0, 2):
                assert str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) == os.devnull
            process.terminate()
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
