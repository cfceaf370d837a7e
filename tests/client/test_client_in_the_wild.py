"""What clients meet: crowds, servers that start later, forks, other event loops, several servers, odd timeouts."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
from fake_service import Failure, FakeService, retry_in, serving
from served import PHOTOS, ROOT

from asksight.client import (
    AskSightError,
    Client,
    DeadlineError,
    InvalidAskError,
    UnavailableError,
    WrongPlaceError,
    connect,
    connect_async,
    load,
)
from asksight.client.remembered import RememberedPhotos

SHAPES = PHOTOS / "shapes.jpg"
FULL = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "Full.", (retry_in(0.05),))


def test_an_ask_that_is_told_when_to_come_back_comes_back(client: Client, service: FakeService) -> None:
    service.failures.extend([FULL] * 3)
    assert client.ask(b"one", "red?").answer == "red?"
    assert not service.failures


def test_of_a_thousand_asks_of_a_small_server_none_fails(service: FakeService) -> None:
    """It takes eight at a time, and says to the others when to come back."""
    service.failures.extend([FULL] * 1500)

    async def all_of_them() -> Counter[str]:
        async def one(client: Any) -> str:
            return str((await client.ask(b"one", "red?")).answer)

        async with connect_async(address, timeout=120) as client:
            return Counter(await asyncio.gather(*(one(client) for _ in range(1000))))

    with serving(service) as address:
        assert asyncio.run(all_of_them()) == {"red?": 1000}


def test_clients_that_are_started_before_their_server_are_answered(service: FakeService) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answers: list[str | None] = []

    async def awaited() -> None:
        async with connect_async(f"127.0.0.1:{port}", timeout=60) as client:
            answers.append((await client.ask(b"one", "red?")).answer)

    def blocking() -> None:
        with connect(f"127.0.0.1:{port}", timeout=60) as client:
            answers.append(client.ask(b"one", "red?").answer)

    asking = [threading.Thread(target=blocking), threading.Thread(target=lambda: asyncio.run(awaited()))]
    for one in asking:
        one.start()
    asking[0].join(2.5)  # gRPC's own four attempts are over after 1.3 s
    assert all(one.is_alive() for one in asking)
    with serving(service, port=port):
        for one in asking:
            one.join(60)
    assert answers == ["red?"] * 2


def _in_child(client: Client, photo: Path, said: Any) -> None:
    try:
        said.put(client.ask(photo, "What is this?", timeout=5).spoken)
    except AskSightError as error:
        said.put(type(error).__name__ + ": " + str(error))
    client.close()


def test_a_loaded_bundle_in_a_forked_child_says_so_at_once_and_the_parent_goes_on() -> None:
    fork = multiprocessing.get_context("fork")
    said = fork.Queue()
    with load() as client:
        child = fork.Process(target=_in_child, args=(client, SHAPES, said))
        child.start()
        assert "WrongPlaceError: This bundle was loaded in another process" in said.get(timeout=30)
        child.join(30)
        assert child.exitcode == 0  # to close it there does not hang
        assert client.ask(SHAPES, "What colour is the circle?").answer == "red"


FORKED = """
import os, sys
from asksight.client import WrongPlaceError, load

client = load("scenes")
client.ask("cli/demo_photos/shapes.jpg", "What colour is the circle?")
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
try:
    client.ask("cli/demo_photos/shapes.jpg", "What colour is the circle?")
except WrongPlaceError as error:
    print(error, flush=True)
"""


@pytest.mark.parametrize(
    ("end", "code"), [("", 0), ("del client", 0), ("client.close()", 0), ("sys.exit(3)", 3)]
)
def test_a_forked_child_that_comes_to_its_end_ends(end: str, code: int) -> None:
    """Whatever it does with the client that is not its own; taking down its engines would wait for ever."""
    ran = subprocess.run(
        # Python 3.12 and later warn of any fork beside threads.
        [sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-c", FORKED + end],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (code, "")
    assert ran.stdout.startswith("This bundle was loaded in another process")


def test_a_second_event_loop_is_noticed_at_once(target: str) -> None:
    client = connect_async(target)

    async def ask() -> str | None:
        return (await client.ask(b"one", "red?", timeout=30)).answer

    assert asyncio.run(ask()) == "red?"
    started_s = time.monotonic()
    with pytest.raises(WrongPlaceError, match="another"):
        asyncio.run(ask())
    assert time.monotonic() - started_s < 30
    asyncio.run(client.close())


def test_a_client_that_is_sent_to_another_process_says_what_to_do(client: Client, target: str) -> None:
    for one in (client, connect_async(target)):
        with pytest.raises(TypeError, match=r"A client cannot be copied .* Call connect"):
            pickle.dumps(one)
        with pytest.raises(TypeError, match="cannot be copied"):
            copy.deepcopy(one)


@pytest.mark.parametrize(
    ("balancing", "shares"), [("round_robin", {10}), ("pick_first", {0, 20}), (None, {10})]
)
def test_asks_go_round_several_servers_or_stay_with_one(balancing: Any, shares: set[int]) -> None:
    counts: Counter[int] = Counter()
    services = FakeService(), FakeService()
    for number, one in enumerate(services):
        one.before = lambda _, number=number: counts.update([number])
    with serving(services[0]) as first, serving(services[1]) as second:
        options = {} if balancing is None else {"balancing": balancing}
        with connect(f"ipv4:{first},{second}", **options) as client:
            _until_both_are_connected(client, counts, wanted=1 if balancing == "pick_first" else 2)
            counts.clear()
            for _ in range(20):
                client.model()
    assert {counts[0], counts[1]} == shares


def _until_both_are_connected(client: Client, counts: Counter[int], *, wanted: int) -> None:
    ends_s = time.monotonic() + 30
    while len(counts) < wanted:
        client.model()
        assert time.monotonic() < ends_s


def test_a_way_of_balancing_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="choose round_robin or pick_first or photo"):
        connect("localhost", balancing="fastest")  # type: ignore[arg-type]


def test_a_photo_is_known_to_two_servers_in_the_end() -> None:
    """Turn about, each with photos of its own: after a few asks no ask sends the photo any more."""
    servers: list[set[str]] = [set(), set()]
    remembered, turn, sent = RememberedPhotos(), 0, []

    def send(with_photo: bool) -> bool:
        nonlocal turn
        held, turn = servers[turn % 2], turn + 1
        if with_photo:
            held.add("photo")
        return "photo" in held

    for _ in range(16):
        by_id = "photo" in remembered
        if by_id and send(False):
            sent.append(False)
            continue
        if by_id:
            remembered.forget("photo")
        assert send(True)
        remembered.confirm("photo")
        sent.append(True)
    assert not any(sent[-6:])


def test_timeouts_of_every_kind(client: Client) -> None:
    for timeout in (float("inf"), 1e300, 1e9, 30, 30.5):
        assert client.ask(b"one", "red?", timeout=timeout).answer == "red?"
    for timeout in (0, -1, -float("inf"), 0.0):
        with pytest.raises(DeadlineError, match="ran out before"):
            client.ask(b"one", "red?", timeout=timeout)
    with pytest.raises(InvalidAskError, match="timeout is nan"):
        client.ask(b"one", "red?", timeout=float("nan"))
    with pytest.raises(TypeError, match="timeout is of type str"):
        client.ask(b"one", "red?", timeout="5")  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_client_whose_asks_could_never_be_answered_is_not_made(timeout: float) -> None:
    for make in (connect, connect_async):
        with pytest.raises(ValueError, match="above 0"):
            make("localhost", timeout=timeout)


def test_a_host_that_nobody_knows_is_said_in_words() -> None:
    with (
        connect("nowhere.invalid:1", wait_for_server=False) as client,
        pytest.raises(
            UnavailableError, match=r"No address is known for the host of nowhere\.invalid:1\. Check"
        ),
    ):
        client.ask(b"one", "red?")
