"""A fake service that is really served, and both clients of it behind one blocking face."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from awaited_client import AwaitedClient
from fake_service import FakeService, serving

from asksight.client import Client, connect


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def target(service: FakeService) -> Iterator[str]:
    with serving(service) as address:
        yield address


@pytest.fixture(params=["blocking", "asyncio"])
def client(request: pytest.FixtureRequest, target: str) -> Iterator[Client | AwaitedClient]:
    if request.param == "blocking":
        with connect(target) as blocking:
            yield blocking
    else:
        awaited = AwaitedClient(target)
        yield awaited
        awaited.end()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A file that the fake service takes for a photo."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo one")
    return path
