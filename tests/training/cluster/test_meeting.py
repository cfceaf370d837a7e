"""Workers meet: all reach one another and have read the same, or each says who is missing or differs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
from peers.processes import free_port

from asksight.training.cluster.meeting import Hello, meet
from asksight.training.cluster.tf_config import Cluster
from asksight.training.errors import ClusterError

SAME = {"the answers of train": "0" * 64, "the setting seed": "3"}


def cluster_of(count: int) -> list[Cluster]:
    """As each of its workers sees it."""
    jobs = {"worker": tuple(f"127.0.0.1:{free_port()}" for _ in range(count))}
    return [Cluster(jobs=jobs, job="worker", task=index) for index in range(count)]


def met(calls: Sequence[Callable[[], None]]) -> list[str]:
    """What each says that meets: nothing where all is well."""

    def said(call: Callable[[], None]) -> str:
        try:
            call()
        except ClusterError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(said, calls))


def test_three_workers_meet() -> None:
    workers = cluster_of(3)
    for _ in range(2):  # the ports are free again
        assert met([partial(meet, one, SAME, wait_s=60) for one in workers]) == ["", "", ""]


def test_whoever_has_read_something_else_is_named() -> None:
    workers = cluster_of(2)
    other = SAME | {"the answers of train": "1" * 64, "the setting seed": "4"}
    first, second = met(
        [lambda: meet(workers[0], SAME, wait_s=60), lambda: meet(workers[1], other, wait_s=60)]
    )
    assert first.startswith(
        f"Worker 1 ({workers[0].addresses[1]}) differs from this one in the answers of train; the setting seed "
        "(4 there, 3 here). All workers read the same data"
    )
    assert "the setting seed (3 there, 4 here)" in second


def test_whoever_cannot_begin_tells_the_others() -> None:
    workers = cluster_of(2)
    first, second = met(
        [
            lambda: meet(workers[0], SAME, wait_s=60),
            lambda: meet(workers[1], {}, trouble="It has no data.", wait_s=60),
        ]
    )
    assert first == f"Worker 1 ({workers[0].addresses[1]}) cannot begin: It has no data."
    assert second == ""  # it says itself what it has


def test_whoever_is_missing_is_named_with_what_was_seen() -> None:
    one, two, three = cluster_of(3)
    first, second = met([lambda: meet(one, SAME, wait_s=1.5), lambda: meet(two, SAME, wait_s=1.5)])
    addresses = three.addresses
    for own, said in enumerate((first, second)):
        assert said.startswith(
            f"After 1.5 s this is worker {own} ({addresses[own]}) of 3, without worker 2 ("
        )
        assert (
            f"worker 2 ({addresses[2]}): Connection refused. Give the same command on every machine" in said
        )
        assert f"worker {1 - own} (" not in said


def test_a_port_that_is_taken_or_something_else_there_is_said() -> None:
    one, _ = cluster_of(2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        here = Cluster(jobs={"worker": (f"127.0.0.1:{port}", one.addresses[1])}, job="worker", task=0)
        with pytest.raises(ClusterError, match=r"its port cannot be listened at \(Address already in use\)"):
            meet(here, SAME, wait_s=1)
        there = Cluster(jobs={"worker": (one.addresses[0], f"127.0.0.1:{port}")}, job="worker", task=0)

        def something_else() -> None:
            with suppress(OSError):  # until it is shut down
                while True:
                    line, _ = taken.accept()
                    with line:
                        line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        with ThreadPoolExecutor(1) as pool:
            pool.submit(something_else)
            with pytest.raises(ClusterError, match=r"worker 1 .*: something else answers there"):
                meet(there, SAME, wait_s=1)
            taken.shutdown(socket.SHUT_RDWR)


def test_strangers_do_not_disturb_it() -> None:
    for line in (b"", b"GET / HTTP/1.1\r\n", b"[]", b"1", b'{"asksight": "training"}', b"\xff\n"):
        assert Hello.of(line) is None
    hello = Hello(index=1, same=SAME, trouble=None)
    assert Hello.of(hello.line()) == hello
