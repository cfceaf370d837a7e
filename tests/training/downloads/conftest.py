"""A server of files on the loopback, which may drop connections and the like; and a hub of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import BODY, FileServer, file_server
from hub_rig import FILES
from hub_server import HubRepository, HubServer, hub_server

from asksight.training.downloads.hub import Hub


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "*")
    with file_server(files={"data.zip": BODY}) as serving:
        yield serving


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with hub_server(**{"maker/model": HubRepository(dict(FILES))}) as serving:
        yield serving


@pytest.fixture
def hub(served: HubServer, tmp_path: Path) -> Hub:
    return Hub(endpoint=served.address, cache=tmp_path / "cache", timeout_s=60)
