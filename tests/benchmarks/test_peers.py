"""The peers' benchmark compares like with like: servers of the same work answer the same, and its callers hear them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from peers import wire
from peers.inputs import QUESTIONS, SIZE_BYTES, new_photos, photos
from peers.lineup import AIO, ASKSIGHT, ROOT, Setting, Started
from peers.processes import read_stat
from peers.turns import CLOSE, Length, new, one_turn, ten

SCENES = Setting(bundle=ROOT / "engine" / "bundles" / "scenes")


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Started, Started]]:
    """AskSight and the bare grpc.aio server, each in a process of its own."""
    with ExitStack() as stack:
        started = []
        for peer in (ASKSIGHT, AIO):
            started.append(Started(peer, SCENES))
            stack.callback(started[-1].end)
        yield started[0], started[1]


def test_asksight_and_bare_grpc_give_the_same_answers(both: tuple[Started, Started]) -> None:
    asked = [(photo, question) for photo in photos()[:2] for question in QUESTIONS[:4]]
    for ask in asked:
        ours, bare = (dict(one.answers(*ask)) for one in both)
        assert len(ours) == 5
        assert ours == pytest.approx(bare, abs=CLOSE)


def test_a_turn_counts_asks_and_processor_time(both: tuple[Started, Started]) -> None:
    for ask in (new, ten):
        turn = one_turn(both[0], ask, Length(turns=1, seconds=0.3, callers=4))
        assert turn.asks_per_s > 0
        assert 0 < turn.p50_ms < 60_000
        assert turn.caller_cpu_ms > 0


def test_no_process_is_left_behind() -> None:
    started = Started(AIO, Setting(bundle=SCENES.bundle))
    pid = started.tree.process.pid
    assert read_stat(pid) is not None
    started.end()
    assert read_stat(pid) is None


def test_new_photos_are_of_one_size_and_all_different() -> None:
    shown = new_photos(0)
    found = [next(shown) for _ in range(20)]
    assert {len(photo) for photo in found} == {SIZE_BYTES}
    assert len(set(found)) == len(found)


def test_a_tensor_that_is_written_is_read_back() -> None:
    request = wire.infer("vqa", wire.text("photo", b"x" * 300), wire.floats("features", b"\0" * 8))
    found = list(wire.fields(request))
    assert found[0] == (1, b"vqa")
    assert [number for number, _ in found] == [1, 5, 5, 7, 7]
    assert [value for number, value in found if number == 7] == [b"\x2c\x01\0\0" + b"x" * 300, b"\0" * 8]
