"""Conversations: the photo goes over once, each question is about the turn before, and lost streams fail nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from awaited_client import AwaitedClient
from fake_service import Failure, FakeService, retry_in, serving
from served import PHOTOS, served
from waiting import WAIT_S, until

from asksight.client import (
    AskCancelledError,
    Client,
    ClosedError,
    Conversation,
    DeadlineError,
    ImageId,
    InvalidAskError,
    OverloadedError,
    PhotoFileError,
    PhotoNotFoundError,
    Reply,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    connect,
    connect_async,
    load,
)
from asksight.client.async_talk import AsyncGrpcTalk
from asksight.client.asynchronous import AsyncGrpcTransport
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2

PHOTO = b"photo one"
DIGEST = sha256(PHOTO).hexdigest()


def end(client: Client | AwaitedClient) -> None:
    """Close it, and its loop, where it has one."""
    client.end() if isinstance(client, AwaitedClient) else client.close()


KINDS = pytest.mark.parametrize("connected", [connect, AwaitedClient])


def test_the_photo_goes_over_once_and_its_questions_after_it(client: Client, service: FakeService) -> None:
    with client.conversation(PHOTO, top_k=3, locale="es") as talk:
        assert [talk.ask(f"{number}?").answer for number in range(3)] == ["0?", "1?", "2?"]
        assert talk.ask("four?", top_k=7).image_id == DIGEST
    (start,) = service.starts
    assert (start.image_data, start.top_k, start.locale) == (PHOTO, 3, "es")
    assert [one.top_k for one in service.questions] == [3, 3, 3, 7]
    assert all(9 < one.timeout.seconds + one.timeout.nanos / 1e9 <= 10 for one in service.questions)
    assert service.asks == []


def test_a_file_is_read_once_and_by_the_first_question(
    client: Client, service: FakeService, photo: Path
) -> None:
    missing = client.conversation(photo.with_name("none.jpg"))
    with pytest.raises(PhotoFileError):
        missing.ask("red?")
    with client.conversation(photo) as talk:
        reply = talk.ask("red?")
        photo.unlink()
        assert talk.ask("blue?").answer == "blue?"
        assert reply.photo_path == photo
    assert len(service.starts) == 1


def test_a_photo_that_the_server_has_is_not_sent_and_one_that_it_has_lost_is(
    client: Client, service: FakeService
) -> None:
    client.ask(PHOTO, "red?")
    with client.conversation(PHOTO) as talk:
        talk.ask("blue?")
        assert [start.image_id for start in service.starts] == [DIGEST]
        service.photos.clear()
        assert talk.ask("green?").answer == "green?"
        assert [start.image_data for start in service.starts] == [b"", PHOTO]
        assert talk.ask("pink?").answer == "pink?"
    assert len(service.starts) == 2
    with client.conversation(ImageId("0" * 64)) as talk, pytest.raises(PhotoNotFoundError):
        talk.ask("red?")


def test_a_question_that_fails_fails_alone(client: Client, service: FakeService) -> None:
    with client.conversation(PHOTO) as talk:
        talk.ask("red?")
        with pytest.raises(InvalidAskError) as refused:
            talk.ask(" ")
        assert refused.value.field == "question"
        with pytest.raises(InvalidAskError):
            talk.ask("half \ud800")  # not sent
        assert talk.ask("blue?").answer == "blue?"
    assert len(service.starts) == 1


def test_a_conversation_that_the_server_ended_is_gone_on_with_by_another_stream(
    client: Client, service: FakeService
) -> None:
    service.ends_after = 1
    with client.conversation(PHOTO) as talk:
        assert [talk.ask(f"{number}?").answer for number in range(3)] == ["0?", "1?", "2?"]
    before = [(start.previous_question, start.previous_answer) for start in service.starts]
    assert before == [("", ""), ("0?", "0?"), ("1?", "1?")]


@KINDS
def test_a_server_that_went_away_is_waited_for_within_the_deadline(
    connected: Any, service: FakeService
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        target = first.enter_context(serving(service))
        client = connected(target)
        with client.conversation(PHOTO) as talk:
            talk.ask("red?")
            first.close()
            with pytest.raises((UnavailableError, DeadlineError)):
                talk.ask("blue?", timeout=0.3)
            later = threading.Timer(0.3, lambda: stack.enter_context(serving(service, port=int(target[10:]))))
            later.start()
            assert talk.ask("green?", timeout=WAIT_S).answer == "green?"
            later.join()
        end(client)


@KINDS
def test_an_overloaded_server_is_asked_again_as_it_says(
    connected: Any, service: FakeService, target: str
) -> None:
    full = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many.", (retry_in(0.1),))
    service.failures.append(full)
    client = connected(target)
    with client.conversation(PHOTO) as talk:
        assert talk.ask("red?").answer == "red?"
        service.failures.append(full)  # ends the whole stream
        assert talk.ask("blue?").answer == "blue?"
        service.failures.extend([full] * 3)
        with pytest.raises(OverloadedError):
            talk.ask("green?", timeout=0.05)
    end(client)


def test_each_question_has_its_own_timeout_and_the_conversation_goes_on(
    client: Client, service: FakeService
) -> None:
    with client.conversation(PHOTO) as talk:
        talk.ask("red?")
        held = threading.Event()
        service.before = lambda _: held.wait(WAIT_S)
        with pytest.raises(DeadlineError, match=r"The timeout was 0\.2 s"):
            talk.ask("blue?", timeout=0.2)
        held.set()
        assert talk.ask("green?", timeout=float("inf")).answer == "green?"
    assert not service.questions[-1].HasField("timeout")
    assert len(service.starts) == 1


def test_a_server_that_knows_no_conversations_is_asked_one_by_one(
    client: Client, service: FakeService
) -> None:
    service.converses = False
    with client.conversation(PHOTO) as talk:
        assert [talk.ask("red?").answer, talk.ask("blue?").answer] == ["red?", "blue?"]
    assert [ask.previous_question for ask in service.asks] == ["", "red?"]


def test_what_is_closed_says_so(client: Client) -> None:
    talk = client.conversation(PHOTO)
    talk.ask("red?")
    talk.close()
    talk.close()
    with pytest.raises(ClosedError, match="This conversation"):
        talk.ask("blue?")
    other = client.conversation(PHOTO)
    other.ask("red?")
    client.close()
    with pytest.raises(ClosedError):
        other.ask("blue?")
    other.close()


def test_closing_ends_what_other_threads_still_ask(target: str, service: FakeService) -> None:
    held = threading.Event()
    with connect(target) as client, client.conversation(PHOTO) as talk, ThreadPoolExecutor(1) as pool:
        talk.ask("red?")
        service.before = lambda _: held.wait(WAIT_S)
        waiting = pool.submit(talk.ask, "blue?")
        until(lambda: len(service.questions) == 2)
        talk.close()
        with pytest.raises((ClosedError, AskCancelledError)):
            waiting.result(WAIT_S)
        held.set()


def test_several_may_be_asked_at_once(target: str) -> None:
    questions = [f"{number}?" for number in range(40)]
    with connect(target) as client, client.conversation(PHOTO) as talk, ThreadPoolExecutor(8) as pool:
        assert [reply.answer for reply in pool.map(talk.ask, questions)] == questions

    async def at_once() -> list[str | None]:
        async with connect_async(target) as client, client.conversation(PHOTO) as talk:
            replies = await asyncio.gather(*(talk.ask(one) for one in questions))
            return [reply.answer for reply in replies]

    assert asyncio.run(at_once()) == questions


@pytest.fixture(scope="module")
def scenes() -> Iterator[str]:
    with served("scenes") as address:
        yield address


@pytest.mark.parametrize("kind", [connect, AwaitedClient, load])
def test_a_follow_up_means_the_turn_before_by_itself(kind: Any, scenes: str) -> None:
    client = kind() if kind is load else kind(scenes)
    with client.conversation(PHOTOS / "star.jpg") as talk:
        what = talk.ask("What is this?", attention=True)
        assert (what.answer, what.attention is None) == ("star", False)
        coloured = talk.ask("And what colour is it?")
        assert (coloured.question, coloured.answer, coloured.attention) == (
            "what colour is the star?",
            "pink",
            None,
        )
        with pytest.raises(InvalidAskError):
            talk.ask("")
        assert talk.ask("Spell it.").spoken == "pink: p, i, n, k."
        assert talk.last is not None
        assert talk.last.question == "what colour is the star?"
    with pytest.raises(ClosedError):
        talk.ask("What is this?")
    end(client)


def test_a_question_that_is_too_long_ends_nobody_elses(scenes: str) -> None:
    """Of 1,001 characters, of more than the server reads of a message, and of more than gRPC takes at all."""
    questions = ["What colour is the star?"] * 40
    for place, length in ((10, 1001), (20, 20_000), (30, 17 * 2**20)):
        questions[place] = "?" * length

    def asked(talk: Conversation, question: str) -> str | None:
        try:
            return talk.ask(question, timeout=WAIT_S).answer
        except (InvalidAskError, TooLargeError):
            return "refused"

    expected = ["pink" if len(question) < 100 else "refused" for question in questions]
    with connect(scenes) as client, client.conversation(PHOTOS / "star.jpg") as talk:
        talk.ask("What is this?")
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(partial(asked, talk), questions)) == expected

    async def at_once() -> list[str | None]:
        async with connect_async(scenes) as client, client.conversation(PHOTOS / "star.jpg") as talk:
            await talk.ask("What is this?")
            asks = (talk.ask(question, timeout=WAIT_S) for question in questions)
            came = await asyncio.gather(*asks, return_exceptions=True)
            return [one.answer if isinstance(one, Reply) else "refused" for one in came]

    assert asyncio.run(at_once()) == expected


@KINDS
def test_a_server_that_stops_fails_nobody_where_another_one_is(connected: Any) -> None:
    with LocalAssistant.open("scenes") as local, LocalAssistant.open("scenes") as spare:
        servers = [Server(one, port=0) for one in (local, spare)]
        client = connected(",".join(f"127.0.0.1:{server.start()}" for server in servers))
        talks = [client.conversation(PHOTOS / "star.jpg") for _ in range(4)]  # round robin: two at each
        for talk in talks:
            talk.ask("What is this?", timeout=WAIT_S)
        stopped = servers[0].begin_stop(WAIT_S)
        colours = [talk.ask("And what colour is it?", timeout=WAIT_S).answer for talk in talks]
        assert colours == ["pink"] * 4
        assert stopped.wait(WAIT_S)
        end(client)
        servers[1].stop(0)


def test_asyncio_leaves_with_the_task(target: str, service: FakeService) -> None:
    """A question that is cancelled is forgotten, and the others go on."""
    held = threading.Event()

    async def cancelled() -> str | None:
        async with connect_async(target) as client, client.conversation(PHOTO) as talk:
            await talk.ask("red?")
            service.before = lambda _: held.wait(WAIT_S)
            waiting = asyncio.create_task(talk.ask("blue?"))
            await asyncio.to_thread(until, lambda: len(service.questions) == 2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            held.set()
            assert waiting.cancelled()
            return (await talk.ask("green?")).answer

    assert asyncio.run(cancelled()) == "green?"


def test_where_grpc_hides_why_a_stream_ended_the_plain_way_tells(service: FakeService, target: str) -> None:
    class Broken:
        """A call that ended while its first message was sent."""

        def __aiter__(self) -> Broken:
            return self

        async def __anext__(self) -> vqa_pb2.ConverseResponse:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), "Internal error from Core"
            )

        def cancel(self) -> None:
            pass

    async def asked() -> None:
        transport = AsyncGrpcTransport(target)
        talk = AsyncGrpcTalk(lambda messages, request: Broken(), transport.ask, target)
        request = vqa_pb2.AskRequest(image_data=PHOTO, question="red?")
        assert (await talk.ask(request, WAIT_S)).answers[0].label == "red?"
        service.failures.append(Failure(grpc.StatusCode.UNAUTHENTICATED, "Who are you?"))
        with pytest.raises(UnauthenticatedError, match="Who are you"):
            await talk.ask(request, WAIT_S)
        await talk.close()
        await transport.close()

    asyncio.run(asked())
