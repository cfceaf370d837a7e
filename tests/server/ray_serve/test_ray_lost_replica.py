"""What Ray's Python proxy says of a replica that died while it computed, in Ray's own words, is asked again."""

from __future__ import annotations

import grpc
import pytest
from fake_service import Failure, FakeService, serving
from ray.exceptions import ActorDiedError, ActorUnavailableError

from asksight.client import connect
from asksight.client.errors import InternalError

LOST = (
    str(ActorDiedError()),
    str(ActorUnavailableError("Actor is unavailable.", bytes(16))),
)


@pytest.mark.parametrize("words", LOST)
def test_a_lost_replica_is_asked_again(words: str) -> None:
    service = FakeService()
    service.failures.append(Failure(grpc.StatusCode.INTERNAL, words))
    with serving(service) as target, connect(target, timeout=20) as client:
        assert client.ask(b"one", "red?").answer == "red?"


@pytest.mark.parametrize("words", ["The actor", "Something failed here."])
def test_another_internal_error_is_not(words: str) -> None:
    service = FakeService()
    service.failures.append(Failure(grpc.StatusCode.INTERNAL, words))
    with (
        serving(service) as target,
        connect(target, timeout=20) as client,
        pytest.raises(InternalError, match=words),
    ):
        client.ask(b"one", "red?")
