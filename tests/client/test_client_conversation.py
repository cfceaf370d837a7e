"""Conversations: the photo goes over once, and a question that fails, fails alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from awaited_client import AwaitedClient, end
from fake_service import FakeService
from served import PHOTOS, served
from waiting import WAIT_S

from asksight.client import (
    Client,
    ClosedError,
    Conversation,
    DeadlineError,
    ImageId,
    InvalidAskError,
    PhotoFileError,
    PhotoNotFoundError,
    Reply,
    TooLargeError,
    connect,
    connect_async,
    load,
)

PHOTO = b"photo one"


DIGEST = sha256(PHOTO).hexdigest()


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


@pytest.mark.parametrize("kind", [connect, AwaitedClient, load])
def test_after_a_question_that_failed_nothing_but_itself_is_about_the_turn_before(
    kind: Any, scenes: str
) -> None:
    client = kind() if kind is load else kind(scenes)
    colour = "And what colour is it?"
    with client.conversation(PHOTOS / "star.jpg") as talk:
        talk.ask("What is this?")
        with pytest.raises(DeadlineError):
            talk.ask(colour, timeout=1e-6)
        assert talk.ask(colour).question == "what colour is the star?"
        with pytest.raises(InvalidAskError):
            talk.ask("?" * 1001)
        with pytest.raises(DeadlineError):
            talk.ask(colour, timeout=1e-6)
        assert talk.ask(colour).question == colour
    end(client)


def test_a_question_that_ctrl_c_ended_is_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Reply:
        raise KeyboardInterrupt

    with load() as client, client.conversation(PHOTOS / "star.jpg") as talk:
        talk.ask("What is this?")
        with monkeypatch.context() as patch:
            patch.setattr(talk, "_ask", interrupted)
            with pytest.raises(KeyboardInterrupt):
                talk.ask("What is the square?")
        colour = "And what colour is it?"
        assert talk.ask(colour).question == colour


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
