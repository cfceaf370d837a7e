"""Asks about one photo go to one of several servers: by gRPC's ring, and by metadata for whatever stands between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256

import grpc
import pytest
from fake_service import FakeService, serving

from asksight.client import ImageId, connect, connect_async
from asksight.client.errors import UnavailableError
from asksight.client.faults import from_call

PHOTOS = [f"photo {number}".encode() for number in range(60)]


class Farm:
    """Three servers; which of them was asked about which photo, and what their calls' metadata said."""

    def __init__(self, stack: ExitStack) -> None:
        self.services = [FakeService() for _ in range(3)]
        self.said: list[tuple[int, str]] = []  # the server's number, and the photo's id by metadata
        self.doors = [ExitStack() for _ in self.services]
        addresses = []
        for number, service in enumerate(self.services):
            service.before = lambda context, number=number: self._note(number, context)
            addresses.append(self.doors[number].enter_context(serving(service)))
            stack.callback(self.doors[number].close)
        self.target = ",".join(addresses)

    def _note(self, number: int, context: grpc.ServicerContext) -> None:
        self.said.append((number, str(dict(context.invocation_metadata()).get("asksight-image-id", ""))))

    def places(self) -> dict[str, Counter[int]]:
        """By photo, how often each server was asked."""
        found: dict[str, Counter[int]] = {}
        for number, image_id in self.said:
            found.setdefault(image_id, Counter())[number] += 1
        return found


@pytest.fixture
def farm() -> Iterator[Farm]:
    with ExitStack() as stack:
        yield Farm(stack)


def test_each_photo_has_one_server_of_several(farm: Farm) -> None:
    with connect(farm.target, balancing="photo") as client:
        for question in ("one?", "two?", "three?"):
            for photo in PHOTOS:
                assert client.ask(photo, question).answer == question
    places = farm.places()
    assert set(places) == {sha256(photo).hexdigest() for photo in PHOTOS}
    assert all(len(servers) == 1 for servers in places.values())
    assert {number for number, _ in farm.said} == {0, 1, 2}
    sent = [ask for service in farm.services for ask in service.asks if ask.image_data]
    assert len(sent) == len(PHOTOS)  # each photo once, at whichever server; follow-ups found it there


def test_asyncio_asks_the_same_server_as_a_thread_does(farm: Farm) -> None:
    async def ask() -> None:
        async with connect_async(farm.target, balancing="photo") as client:
            for photo in PHOTOS[:10]:
                await client.ask(photo, "two?")

    with connect(farm.target, balancing="photo") as client:
        for photo in PHOTOS[:10]:
            client.ask(photo, "one?")
    asyncio.run(ask())
    assert all(sum(servers.values()) == 2 and len(servers) == 1 for servers in farm.places().values())


def test_a_server_that_leaves_moves_its_own_photos_alone(farm: Farm) -> None:
    with connect(farm.target, balancing="photo") as client:
        for photo in PHOTOS:
            client.ask(photo, "one?")
        before = farm.places()
        farm.said.clear()
        farm.doors[1].close()
        for photo in PHOTOS:
            assert client.ask(photo, "two?", timeout=30).answer == "two?"
    for image_id, servers in farm.places().items():
        (place,) = before[image_id]
        assert set(servers) == {place} if place != 1 else 1 not in servers


def test_a_reply_without_the_photo_is_asked_about_by_its_id(farm: Farm) -> None:
    with connect(farm.target, balancing="photo") as client:
        reply = client.ask(PHOTOS[0], "one?")
        assert client.ask(ImageId(reply.image_id), "two?").answer == "two?"
        with pytest.raises(Exception, match="No such photo"):
            client.ask(ImageId("über"), "three?")  # no metadata: it would be none that gRPC sends
    assert len(farm.places()[reply.image_id]) == 1


def test_the_photo_is_named_without_balancing_too(farm: Farm) -> None:
    with connect(farm.target.partition(",")[0]) as client:
        client.ask_many([(PHOTOS[0], "one?"), (PHOTOS[1], "two?")])
        client.model()
    assert [image_id for _, image_id in farm.said] == [sha256(PHOTOS[0]).hexdigest(), ""]


class RefusedByProxy:
    """What gRPC says where a proxy answers in HTTP for a server that is gone."""

    def __init__(self, code: grpc.StatusCode, http_status: int) -> None:
        self._code, self._details = code, f"Received http2 header with status: {http_status}"

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> None:
        return None


@pytest.mark.parametrize(
    ("code", "http_status"),
    [
        (grpc.StatusCode.UNKNOWN, 500),
        (grpc.StatusCode.UNAVAILABLE, 502),
        (grpc.StatusCode.UNAVAILABLE, 503),
        (grpc.StatusCode.UNAVAILABLE, 504),
    ],
)
def test_a_proxy_that_reaches_no_server_is_asked_again(code: grpc.StatusCode, http_status: int) -> None:
    error = from_call(RefusedByProxy(code, http_status), target="proxy:1")
    assert isinstance(error, UnavailableError)
    assert not error.lasting
    assert "The proxy at proxy:1" in error.message


def test_another_status_of_a_proxy_is_not_asked_again() -> None:
    error = from_call(RefusedByProxy(grpc.StatusCode.UNKNOWN, 404), target="proxy:1")
    assert not isinstance(error, UnavailableError)
