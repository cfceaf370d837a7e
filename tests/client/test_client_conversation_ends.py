"""A conversation whose stream is lost goes on by another, or by single asks; one that is closed or left ends."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from awaited_client import AwaitedClient, end
from fake_service import Failure, FakeService, retry_in, serving
from served import PHOTOS
from waiting import WAIT_S, until

from asksight.client import (
    AskCancelledError,
    Client,
    ClosedError,
    DeadlineError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
    connect,
    connect_async,
)
from asksight.client.async_talk import AsyncGrpcTalk
from asksight.client.asynchronous import AsyncGrpcTransport
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2

PHOTO = b"photo one"


KINDS = pytest.mark.parametrize("connected", [connect, AwaitedClient])


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


def test_a_server_that_knows_no_conversations_is_asked_one_by_one(
    client: Client, service: FakeService
) -> None:
    service.converses = False
    with client.conversation(PHOTO) as talk:
        assert [talk.ask("red?").answer, talk.ask("blue?").answer] == ["red?", "blue?"]
    assert [ask.previous_question for ask in service.asks] == ["", "red?"]


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
