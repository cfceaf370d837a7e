"""One caller's share: so many calls at once, so many a second, and nothing kept of those who have left."""

from __future__ import annotations

import grpc
import pytest
from photo_files import photo
from server_rig import WAIT_S, MakeServed, hold, release

from asksight.server.access.callers import Bucket, Caller, Callers
from asksight.server.errors import Overloaded
from asksight.v1 import vqa_pb2

ONE, OTHER = Caller("one"), Caller("other")


def test_a_caller_has_so_many_calls_at_once_and_others_theirs() -> None:
    callers = Callers(2)
    callers.enter(ONE)
    callers.enter(ONE)
    with pytest.raises(Overloaded, match="2 of your calls"):
        callers.enter(ONE)
    callers.enter(OTHER)
    callers.leave(ONE)
    callers.enter(ONE)
    for caller in (ONE, ONE, OTHER):
        callers.leave(caller)
    assert callers.inside == 0


def test_a_rate_lets_in_its_burst_and_then_so_many_a_second() -> None:
    now_s = 0.0
    callers = Callers(None, clock=lambda: now_s)
    fast = Caller("token:app", "app", 4.0)
    for _ in range(4):
        callers.enter(fast)
    with pytest.raises(Overloaded) as refused:
        callers.enter(fast)
    assert refused.value.retry_after_s == pytest.approx(0.25)
    now_s = 0.25
    callers.enter(fast)
    with pytest.raises(Overloaded):
        callers.enter(fast)


def test_a_slow_rate_lets_in_one_at_once() -> None:
    bucket = Bucket(0.1, 0.0)
    assert bucket.take(0.0) == 0.0
    assert bucket.take(0.0) == pytest.approx(10.0)


def test_the_port_keeps_one_address_within_its_share(make_served: MakeServed) -> None:
    served = make_served(calls_per_caller=1)
    request = vqa_pb2.AskRequest(image_data=photo(), question="what?")
    hold(served.rig.encoder)
    first = served.stub.Ask.future(request, timeout=WAIT_S)
    assert served.rig.encoder.entered.wait(WAIT_S)
    with pytest.raises(grpc.RpcError) as refused:
        served.stub.Ask(request, timeout=WAIT_S)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served.server.calls == 1  # who was refused takes no place
    release(served.rig.encoder)
    assert first.result(WAIT_S).answers
    assert served.stub.Ask(request, timeout=WAIT_S).answers


@pytest.mark.parametrize(
    ("retry_after_s", "said"), [(0.0, "0.1"), (0.001, "0.1"), (0.11, "0.2"), (3.0, "3.0")]
)
def test_nobody_is_told_to_come_again_in_no_time(retry_after_s: float, said: str) -> None:
    assert str(Overloaded(retry_after_s=retry_after_s)).endswith(f"Ask again in {said} seconds.")
