"""Photos that were let in and are not yet queued count for those who come after them, and are not refused later."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from threading import Event

import grpc
import pytest
from photo_files import photo
from server_rig import WAIT_S, Served, until

from asksight.server.batcher import Batcher
from asksight.server.batching import BatchLimits
from asksight.server.errors import AskError, Overloaded
from asksight.server.patience import Patience
from asksight.v1 import vqa_pb2

ROW_S = 1.0  # as if measured


class Slow:
    """An engine in miniature that runs when it is let."""

    def __init__(self) -> None:
        self.gate = Event()

    def __call__(self, items: Sequence[int]) -> list[int | AskError]:
        assert self.gate.wait(WAIT_S)
        return list(items)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def batcher(slow: Slow) -> Iterator[Batcher[int, int]]:
    made = Batcher[int, int]("slow", slow, limits=BatchLimits(max_batch=2, queue_capacity=100))
    made._queue.rate.row_s = ROW_S
    yield made
    slow.gate.set()
    made.close(timeout_s=WAIT_S)


def soon() -> Patience:
    """Time for six rows of a second each, by the share that the engines have."""
    return Patience(time.monotonic() + 9 * ROW_S)


def test_who_is_expected_counts_for_those_who_come_after(batcher: Batcher[int, int]) -> None:
    came = [batcher.expect(soon()) for _ in range(5)]
    with pytest.raises(Overloaded):
        batcher.expect(soon())
    for one in came:
        one()
        one()  # whoever is told twice counts once
    batcher.expect(soon())()
    assert batcher._queue.coming == 0


def test_who_was_expected_is_not_refused_later(batcher: Batcher[int, int], slow: Slow) -> None:
    came = batcher.expect(soon())
    rows = [batcher.submit(number, Patience()) for number in range(20)]
    with pytest.raises(Overloaded):
        batcher.submit(20, soon())
    rows.append(batcher.submit(20, soon(), expected=True))
    came()
    slow.gate.set()
    assert rows[0].result(WAIT_S) == 0
    assert all(row.exception(WAIT_S) is None for row in rows[:20])


def test_nothing_is_expected_any_more_when_the_calls_are_over(served: Served) -> None:
    asks = [
        (vqa_pb2.AskRequest(image_data=photo(), question="what?"), None),
        (vqa_pb2.AskRequest(image_data=photo(), question="what now?"), None),  # of a photo that is cached
        (vqa_pb2.AskRequest(image_data=b"no photo", question="what?"), grpc.StatusCode.INVALID_ARGUMENT),
        (vqa_pb2.AskRequest(image_data=photo(), question=""), grpc.StatusCode.INVALID_ARGUMENT),
    ]
    for request, code in asks:
        if code is None:
            served.stub.Ask(request, timeout=WAIT_S)
            continue
        with pytest.raises(grpc.RpcError) as refused:
            served.stub.Ask(request, timeout=WAIT_S)
        assert refused.value.code() is code
    encoder = served.rig.assistant._answering._encoder
    until(lambda: encoder._queue.coming == 0)
