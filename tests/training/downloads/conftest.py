"""A server of files on the loopback, which may drop connections and the like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from file_server import BODY, FileServer, file_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "*")
    with file_server(files={"data.zip": BODY}) as serving:
        yield serving
