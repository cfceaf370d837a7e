"""File descriptors: connections never take the last one, so a flood of idle ones stops nobody who is there."""

from __future__ import annotations

import logging
import re
import socket
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from bundles import write_random_bundle
from photo_files import photo
from raw_http2 import PREFACE, SETTINGS, frame
from serving_process import COMMAND, WAIT_S, serving, until

from asksight.client import AskSightError, connect
from asksight.server.running.descriptors import OWN, within
from asksight.server.running.settings import Settings

DESCRIPTORS = 200
FLOOD = 250  # connections to each port


@pytest.mark.parametrize(
    ("descriptors", "http", "taken"),
    [
        (20_000, None, (1000, 200)),
        (1000 + OWN, None, (1000, 200)),
        (900 + OWN, None, (900, 180)),
        (1600 + OWN, 0, (1000, 200)),
        (800 + OWN, 0, (500, 100)),
        (100, 0, (31, 6)),
        (1, 0, (1, 1)),
        (-1, 0, (1000, 200)),
    ],
)
def test_there_are_no_more_connections_than_descriptors(
    descriptors: int, http: int | None, taken: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(connections=1000, http_connections=200, http=http)
    fewer = within(settings, descriptors)
    assert (fewer.connections, fewer.http_connections) == taken
    assert bool(caplog.records) == (taken != (1000, 200))
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def flood(port: int, stack: ExitStack) -> list[socket.socket]:
    """Connections that nobody waits for; those to gRPC speak it, so as to stay."""
    made = []
    for _ in range(FLOOD):
        one = stack.enter_context(socket.socket())
        one.setblocking(False)
        with suppress(OSError):
            one.connect(("127.0.0.1", port))
        made.append(one)
    for one in made:
        with suppress(OSError):
            one.send(PREFACE + frame(SETTINGS, 0, 0))
    return made


def test_five_hundred_idle_connections_stop_nobody(tmp_path: Path) -> None:
    """With descriptors for a seventh of them; who is there is answered, and newcomers are once they have gone."""
    model = write_random_bundle(tmp_path / "model").path
    limited = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh", *COMMAND)
    with (
        serving("--model", model, "--http", "0", "--no-log-calls", command=limited) as (
            process,
            address,
            log,
        ),
        connect(address, timeout=WAIT_S) as there,
    ):
        assert process.stdout is not None
        http = int(re.findall(r"http://[^/]*:(\d+)/", process.stdout.readline())[0])
        assert there.ask(photo(), "what?").answers
        with ExitStack() as stack:
            flood(http, stack)
            refused = flood(int(address.rpartition(":")[2]), stack)
            refused[-1].setblocking(True)
            with suppress(ConnectionResetError):
                assert refused[-1].recv(1) == b""
            for number in range(20):
                assert there.ask(photo(seed=number), "what?").answers
            assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < DESCRIPTORS

        def lets_in() -> bool:
            with suppress(AskSightError, OSError), connect(address, timeout=WAIT_S) as newcomer:
                urllib.request.urlopen(f"http://127.0.0.1:{http}/v1/model", timeout=WAIT_S).read()
                return bool(newcomer.ask(photo(), "what?").answers)
            return False

        until(lets_in)
        assert len(log.read_text().splitlines()) < 10
