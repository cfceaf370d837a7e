"""A client of a server that reads, on the loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from asksight.client import Client, connect
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server


@pytest.fixture(scope="session")
def client(reading: LocalAssistant) -> Iterator[Client]:
    server = Server(reading, port=0)
    port = server.start()
    with connect(f"127.0.0.1:{port}", timeout=60) as client:
        yield client
    server.stop(0)
