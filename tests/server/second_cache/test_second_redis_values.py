"""Values in a real Redis: found, missed, late, refused or gone; whatever it does, nothing is raised."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from loop_rig import in_loop, move_on, soon
from redis import Redis
from scale.fleet import RedisServer, redis_server

from asksight.server.observer import Observer, SecondUse, SecondWrite
from asksight.server.second_cache.redis_values import SMALL_BYTES, WAITING_BYTES, RedisValues

MOST = 100


class Watched(Observer):
    """What is told."""

    def __init__(self) -> None:
        self.looks: Counter[SecondUse] = Counter()
        self.writes: Counter[SecondWrite] = Counter()
        self.up: list[bool] = []

    def second_looked(self, use: SecondUse, seconds: float) -> None:
        self.looks[use] += 1

    def second_written(self, result: SecondWrite) -> None:
        self.writes[result] += 1

    def second_up(self, up: bool) -> None:
        self.up.append(up)


class Bench(Watched):
    """Values in one Redis."""

    def __init__(self, url: str, *, within_s: float, keep_s: float = 60.0) -> None:
        super().__init__()
        self.values = RedisValues(url, within_s=within_s, keep_s=keep_s, observer=self)

    async def find(self, key: str = "key") -> bytes | None:
        return await self.values.find(key, MOST, read)

    def keep(self, key: str = "key", value: bytes = b"good", size_bytes: int = 4) -> None:
        self.values.keep(key, size_bytes, lambda: value)


def read(value: bytes) -> bytes:
    if not value.startswith(b"good"):
        raise ValueError("not one of ours")
    return value


@asynccontextmanager
async def bench(url: str, *, within_s: float = 20.0, keep_s: float = 60.0) -> AsyncIterator[Bench]:
    made = Bench(url, within_s=within_s, keep_s=keep_s)
    await made.values.start()
    try:
        yield made
    finally:
        await made.values.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def bare(server: RedisServer) -> Iterator[Redis]:
    with Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@in_loop
async def _found_and_missed(url: str, bare: Redis) -> None:
    async with bench(url, keep_s=50.0) as one, bench(url) as other:
        assert await one.find() is None
        one.keep()
        await soon(lambda: one.writes[SecondWrite.STORED])
        assert await other.find() == b"good"
        assert 40_000 < int(str(bare.pttl("key"))) <= 50_000  # it goes by itself
        large = b"good" + bytes(SMALL_BYTES)
        one.keep("large", large, len(large))  # is written in a thread
        await soon(lambda: one.writes[SecondWrite.STORED] == 2)
        assert bare.get("large") == large
        bare.delete("key")
        assert await other.find() is None
        assert one.looks == {SecondUse.MISS: 1}
        assert other.looks == {SecondUse.HIT: 1, SecondUse.MISS: 1}
        assert one.up == [True]


def test_what_one_writes_another_finds_until_its_time_is_over(server: RedisServer, bare: Redis) -> None:
    _found_and_missed(server.url, bare)


@in_loop
async def _poisoned(url: str, bare: Redis) -> None:
    async with bench(url) as one:
        bare.set("key", b"bad")
        assert await one.find() is None
        bare.set("key", b"good" + bytes(10**7))  # no more of it is fetched than a value may have
        found = await one.find()
        assert found is not None
        assert len(found) == MOST + 1
        bare.delete("key")
        bare.lpush("key", "good")
        for _ in range(20):
            assert await one.find() is None
        assert one.looks == {SecondUse.INVALID: 21, SecondUse.HIT: 1}
        assert one.values.usable  # the Redis is well


def test_what_is_not_ours_is_no_value_and_no_reason_to_leave_the_redis_alone(
    server: RedisServer, bare: Redis
) -> None:
    _poisoned(server.url, bare)


@in_loop
async def _stalled(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with bench(server.url, within_s=0.05) as one:
        one.keep()
        await soon(lambda: one.writes[SecondWrite.STORED])
        server.signal(signal.SIGSTOP)
        try:
            for _ in range(7):
                assert await one.find() is None
            assert one.looks == {SecondUse.LATE: 5, SecondUse.SKIPPED: 2}
            one.keep()
            assert one.writes[SecondWrite.DROPPED] == 1
            assert "is left alone, and asks go on without it: nothing came within 50 ms" in caplog.text
            move_on(1.0)  # the first trial, which is late too
            await soon(lambda: one.looks[SecondUse.LATE] == 6)
            assert one.up == [True, False]
        finally:
            server.signal(signal.SIGCONT)
        move_on(2.0)
        await soon(lambda: one.values.usable)
        assert await one.find() == b"good"  # no answer to an earlier look
        assert one.up == [True, False, True]
        assert "is asked again" in caplog.text


def test_one_that_stalls_is_left_alone_and_asked_again_once_it_goes_on(
    server: RedisServer, bare: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _stalled(server, caplog)


@in_loop
async def _gone(folder: Path) -> None:
    with redis_server(folder) as server:
        async with bench(server.url) as one:
            server.kill()
            for _ in range(6):
                assert await one.find() is None
            assert one.looks == {SecondUse.UNREACHABLE: 5, SecondUse.SKIPPED: 1}
            server.start()
            move_on(1.0)
            await soon(lambda: one.values.usable)
            one.keep()
            await soon(lambda: one.writes[SecondWrite.STORED])
            assert await one.find() == b"good"


def test_one_that_is_gone_likewise(tmp_path: Path) -> None:
    _gone(tmp_path)


@in_loop
async def _refused(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with redis_server(folder, "--requirepass", "right") as server:
        for password in ("", ":wrong@"):
            async with bench(server.url.replace("//", f"//{password}")) as one:
                assert one.looks == {SecondUse.REFUSED: 1}
                assert one.up == [False]
                assert await one.find() is None
        assert "wrong@" not in caplog.text
        assert "invalid username-password pair" in caplog.text
        async with bench(server.url.replace("//", "//:right@")) as one:
            assert await one.find() is None
            assert one.looks == {SecondUse.MISS: 1}


def test_a_wrong_password_is_said_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _refused(tmp_path, caplog)


@in_loop
async def _no_redis() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, bench(f"redis://127.0.0.1:{port}") as one:
        assert not one.values.usable
        assert await one.find() is None
        assert one.looks[SecondUse.SKIPPED] == 1


def test_what_is_no_redis_is_left_alone() -> None:
    _no_redis()


@in_loop
async def _full(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with redis_server(folder, "--maxmemory", "1") as server:
        one = Bench(server.url, within_s=20.0)
        one.keep()
        await soon(lambda: one.writes[SecondWrite.FAILED])
        for _ in range(10):
            assert await one.find() is None
        assert one.looks == {SecondUse.MISS: 10}  # it can still be read
        one.keep("a", size_bytes=WAITING_BYTES)
        one.keep("b", size_bytes=1)
        assert one.writes[SecondWrite.DROPPED] == 1  # more waits than may
        await one.values.close()
        assert one.writes[SecondWrite.FAILED] == 2
        assert caplog.text.count("does not take what is written") == 1


def test_what_cannot_be_written_is_dropped_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _full(tmp_path, caplog)
