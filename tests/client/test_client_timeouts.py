"""The client says in metadata for how long it waits: what stands between may keep gRPC's own deadline to itself."""

from __future__ import annotations

import math
from pathlib import Path

import grpc
import pytest
from fake_service import FakeService

from asksight.client import Client
from asksight.client.timeouts import METADATA, as_metadata


def test_each_call_says_for_how_long_it_is_waited_for(
    service: FakeService, client: Client, photo: Path
) -> None:
    said: list[str | bytes | None] = []

    def note(context: grpc.ServicerContext) -> None:
        said.append(dict(context.invocation_metadata()).get(METADATA))

    service.before = note
    client.ask(photo, "one?", timeout=20)
    client.ask_many([(photo, "two?")], timeout=30)
    client.model(timeout=40)
    client.ask(photo, "three?", timeout=math.inf)
    assert said[3] is None
    for wait, timeout_s in zip(said[:3], (20, 30, 40), strict=True):
        assert timeout_s - 10 < int(wait or 0) / 1000 <= timeout_s


@pytest.mark.parametrize(
    ("timeout_s", "said"), [(0.0001, "1"), (1.5, "1500"), (100_000_000.0, "1" + "0" * 11)]
)
def test_the_time_is_whole_milliseconds(timeout_s: float, said: str) -> None:
    assert as_metadata(timeout_s) == ((METADATA, said),)
