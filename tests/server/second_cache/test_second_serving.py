"""Real servers with a real Redis between them: what one has seen the others answer about, and no ask fails with it."""

from __future__ import annotations

import itertools
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from certificates import make_authority, sign
from redis import Redis
from scale.fleet import SERVE, Fleet, RedisServer, fleet, redis_server
from scale.places import Load
from served import PHOTOS
from waiting import until

from asksight.cli.main import main
from asksight.client import PhotoNotFoundError, connect
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

SHAPES = (PHOTOS / "shapes.jpg").read_bytes()
QUESTION = "What colour is the circle?"
LOOKS = "asksight_features_cache_looks_total"
PATIENT = ("--features-cache-within-ms", "1000")  # a slow machine makes no look late
UP = "asksight_features_cache_up"
NUMBERS = itertools.count()


def new_photo() -> bytes:
    return SHAPES + b"photo %d" % next(NUMBERS)  # behind its end: as quickly decoded


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def servers(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet"), 2, (*PATIENT, "--features-cache", redis.url)) as two:
        yield two


def stored(redis: RedisServer, image_id: str) -> list[bytes | str]:
    """The keys of a photo's features, once they are there."""
    with Redis.from_url(redis.url) as client:
        until(lambda: bool(client.keys(f"*:{image_id}")))
        keys = client.keys(f"*:{image_id}")
        assert isinstance(keys, list)
        return keys


def test_a_follow_up_at_another_server_needs_no_photo(servers: Fleet, redis: RedisServer) -> None:
    with connect(servers.addresses[0]) as here, connect(servers.addresses[1]) as there:
        asked = here.ask(new_photo(), QUESTION)
        (key,) = stored(redis, asked.image_id)
        followed = there.ask(asked.image_id, QUESTION)
        assert followed.answers == asked.answers
        assert followed.timings.features_cached
        assert servers.metric(1, f'{LOOKS}{{result="hit"}}') == 1
        assert servers.metric(1, 'asksight_cache_lookups_total{result="second"}') == 1
        assert [servers.metric(number, UP) for number in (0, 1)] == [1, 1]
        with Redis.from_url(redis.url) as client:
            assert 86_000 < int(str(client.ttl(key))) <= 86_400


def test_poisoned_features_are_not_gone_by(servers: Fleet, redis: RedisServer) -> None:
    with connect(servers.addresses[0]) as here, connect(servers.addresses[1]) as there:
        one, other = here.ask(new_photo(), QUESTION), here.ask(new_photo(), QUESTION)
        ((key,), (another,)) = (stored(redis, asked.image_id) for asked in (one, other))
        with Redis.from_url(redis.url) as client:
            good = client.get(another)
            assert isinstance(good, bytes)
            for number, poison in enumerate((good, good[:-1] + b"?", b"x"), 1):
                client.set(key, poison)
                with pytest.raises(PhotoNotFoundError):
                    there.ask(one.image_id, QUESTION)
                assert servers.metric(1, f'{LOOKS}{{result="invalid"}}') == number


def test_no_ask_fails_while_the_redis_dies_comes_back_and_stalls(servers: Fleet, redis: RedisServer) -> None:
    with connect(servers.addresses[0], timeout=60) as client:

        def ask(photo: bytes, question: str) -> None:
            client.ask(photo, question)

        load = Load(ask)

        def some_more() -> None:
            enough = load.tally.photos + 40
            until(lambda: load.tally.photos >= enough)

        try:
            some_more()
            redis.kill()
            until(lambda: servers.metric(0, UP) == 0)
            some_more()
            redis.start()
            until(lambda: servers.metric(0, UP) == 1)
            redis.signal(signal.SIGSTOP)
            until(lambda: servers.metric(0, UP) == 0)
            some_more()
            redis.signal(signal.SIGCONT)
            until(lambda: servers.metric(0, UP) == 1)
            some_more()
        finally:
            tally = load.stop()
            redis.signal(signal.SIGCONT)
    assert (tally.failed, tally.last) == (0, "")
    for result in ("unreachable", "late", "skipped"):
        assert servers.metric(0, f'{LOOKS}{{result="{result}"}}') > 0


def test_processes_of_one_server_share_it(redis: RedisServer, tmp_path: Path) -> None:
    with fleet(tmp_path, 1, (*PATIENT, "--processes", "2", "--features-cache", redis.url)) as both:
        log = tmp_path / "server0.log"
        until(lambda: log.read_text().count("Serving scenes 0.2.0") == 2)  # each of them
        with connect(both.addresses[0]) as client:
            asked = client.ask(new_photo(), QUESTION)
        stored(redis, asked.image_id)
        for number in range(16):  # connections, which the kernel deals out to the processes
            options = [("grpc.use_local_subchannel_pool", 1), ("asksight.number", number)]
            with grpc.insecure_channel(both.addresses[0], options) as channel:
                by_id = vqa_pb2.AskRequest(image_id=asked.image_id, question=QUESTION)
                answer = vqa_pb2_grpc.VqaServiceStub(channel).Ask(
                    by_id, timeout=60
                )  # there is nobody to resend it
                assert answer.answers[0].label == asked.answer
        looks = [f'{LOOKS}{{result="{result}"}}' for result in ("hit", "miss")]
        # Each process writes its counts down by itself, a few times a second, in whatever order.
        until(lambda: [both.metric(0, name) for name in looks] == [1, 1])


def test_a_wrong_password_is_said_at_the_start_and_by_metrics_and_nothing_shows_it(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "right") as closed:
        url = closed.url.replace("//", "//:wr0ng@")
        with fleet(tmp_path, 1, ("--features-cache", url)) as one, connect(one.addresses[0]) as client:
            assert client.ask(new_photo(), QUESTION).answer == "red"
            assert one.metric(0, f'{LOOKS}{{result="refused"}}') >= 1
            assert one.metric(0, UP) == 0
            log = (tmp_path / "server0.log").read_text()
            assert "is left alone, and asks go on without it: invalid username-password pair" in log
            assert "wr0ng" not in log


def test_over_tls(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    pair = sign(authority, tmp_path, "server")
    tls = ["--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "no"]
    tls += ["--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key)]
    with redis_server(tmp_path, *tls, "--tls-ca-cert-file", str(authority.certificate)) as secret:
        url = f"rediss://localhost:{secret.port}/0?ssl_ca_certs={authority.certificate}"
        with fleet(tmp_path, 1, ("--features-cache", url)) as one:
            assert one.metric(0, UP) == 1
            assert "a look for 33 kB takes" in (tmp_path / "server0.log").read_text()


def test_a_check_asks_the_redis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with redis_server(tmp_path, "--requirepass", "right") as closed:
        for password, wrong in (("right", ""), ("wr0ng", "invalid username-password pair")):
            url = closed.url.replace("//", f"//:{password}@")
            with pytest.raises(SystemExit) as ended:
                main(["serve", "--check", "--features-cache", url])
            said = capsys.readouterr()
            assert ended.value.code == (1 if wrong else 0)
            assert wrong in said.err
            assert ".." not in said.err
            assert password not in said.out + said.err


def test_without_the_extra_the_server_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "redis.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'redis'\", name='redis')\n"
    )
    ran = subprocess.run(
        [*SERVE, "--check", "--features-cache", "redis://localhost"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "asksight: features_cache needs the package redis. In a copy of AskSight's repository, run: "
        "pip install -e '.[redis]'"
    ]
