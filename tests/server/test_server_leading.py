"""A caller who finds the engine idle runs it in its own thread, and is given up if the engine hangs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from threading import Event, Thread, get_ident

import grpc
import pytest
from photo_files import photo
from server_rig import WAIT_S, MakeServed, hold, until

from asksight.engine import EngineLostError
from asksight.server.batcher import Batcher, Run
from asksight.server.batching import BatchLimits, FailureStreak
from asksight.server.errors import AskError, Cancelled, InternalError, Reopening, Unavailable
from asksight.server.patience import Cancellation, Patience
from asksight.server.watchdog import Watchdog
from asksight.v1 import vqa_pb2

FOREVER = Patience()


class Engine:
    """One in miniature that notes who runs what, and waits or fails as told."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, list[int]]] = []
        self.entered = Event()
        self.gate = Event()
        self.gate.set()
        self.failure: Exception | None = None

    def __call__(self, items: Sequence[int]) -> list[int | AskError]:
        self.runs.append((get_ident(), list(items)))
        self.entered.set()
        assert self.gate.wait(10 * WAIT_S)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return [2 * item for item in items]

    @property
    def batches(self) -> list[list[int]]:
        return [items for _, items in self.runs]


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def batcher(engine: Engine) -> Iterator[Batcher[int, int]]:
    made = Batcher[int, int]("doubler", engine, limits=BatchLimits(max_batch=4), reopen=lambda: engine)
    until(lambda: asleep(made))
    yield made
    engine.gate.set()
    made.close(timeout_s=WAIT_S)


def asleep(batcher: Batcher[int, int]) -> bool:
    """Whether its own thread is, which takes what waits before it lies down."""
    return len(vars(batcher._changed)["_waiters"]) == 1


class Caller:
    """Asks and leads in a thread of its own."""

    def __init__(self, batcher: Batcher[int, int], item: int) -> None:
        self.given_up: list[AskError] = []
        self.row: Future[int] = batcher.submit(item, FOREVER, lead=True)
        self.thread = Thread(target=batcher.lead, args=(self.given_up.append,))
        self.thread.start()


def held(engine: Engine, batcher: Batcher[int, int], item: int = 0) -> Caller:
    """One who is inside the engine."""
    engine.gate.clear()
    engine.entered.clear()
    caller = Caller(batcher, item)
    assert engine.entered.wait(WAIT_S)
    return caller


def unexpected(error: AskError) -> None:
    pytest.fail(f"given up: {error}")


def test_an_idle_engine_is_run_by_who_asks(batcher: Batcher[int, int], engine: Engine) -> None:
    row = batcher.submit(21, FOREVER, lead=True)
    batcher.lead(unexpected)
    assert row.result(0) == 42  # there when it returns
    assert engine.runs == [(get_ident(), [21])]


def test_what_comes_while_a_caller_leads_is_run_when_it_has(
    batcher: Batcher[int, int], engine: Engine
) -> None:
    leader = held(engine, batcher)
    waiting = [batcher.submit(number, FOREVER) for number in (1, 2)]
    follower = Caller(batcher, 3)
    follower.thread.join(WAIT_S)  # it does not wait in the engine's queue, but for its row
    assert engine.batches == [[0]]
    engine.gate.set()
    assert [row.result(WAIT_S) for row in (leader.row, *waiting, follower.row)] == [0, 2, 4, 6]
    assert engine.batches == [[0], [1, 2, 3]]


def test_who_leads_takes_along_what_waits(batcher: Batcher[int, int], engine: Engine) -> None:
    first = batcher.submit(1, FOREVER, lead=True)
    second = batcher.submit(2, FOREVER, lead=True)
    batcher.lead(unexpected)
    batcher.lead(unexpected)  # with nothing to do
    assert (first.result(0), second.result(0)) == (2, 4)
    assert engine.batches == [[1, 2]]


def test_a_failure_is_the_batch_s_own(batcher: Batcher[int, int], engine: Engine) -> None:
    engine.failure = RuntimeError("broken")
    row = batcher.submit(1, FOREVER, lead=True)
    batcher.lead(unexpected)
    assert isinstance(row.exception(0), InternalError)
    row = batcher.submit(2, FOREVER, lead=True)
    batcher.lead(unexpected)
    assert row.result(0) == 4


def test_an_engine_that_fails_under_leaders_is_tried_by_its_own_thread() -> None:
    def broken(_: Sequence[int]) -> list[int | AskError]:
        raise RuntimeError("broken")

    probed = Event()
    batcher = Batcher[int, int]("doubler", broken, limits=BatchLimits(), probe=probed.set, probe_every_s=0.01)
    until(lambda: asleep(batcher))
    for _ in range(FailureStreak.TOO_MANY):
        assert not probed.is_set()
        row = batcher.submit(1, FOREVER, lead=True)
        batcher.lead(unexpected)
        assert isinstance(row.exception(0), InternalError)
    assert probed.wait(WAIT_S)
    until(lambda: batcher.healthy)
    assert batcher.close(timeout_s=WAIT_S)


def test_who_leads_into_an_engine_that_hangs_is_given_up(batcher: Batcher[int, int], engine: Engine) -> None:
    other = Engine()

    def reopen() -> Run[int, int]:
        return other

    leader = held(engine, batcher)
    waiting = batcher.submit(1, FOREVER)
    dog = Watchdog(batcher, reopen, hang_after_s=0.3)
    until(lambda: len(leader.given_up) == 1)
    assert isinstance(leader.given_up[0], InternalError)
    assert isinstance(leader.row.exception(WAIT_S), InternalError)
    assert waiting.result(WAIT_S) == 2
    dog.stop()
    engine.gate.set()  # it comes back, and is not heard
    leader.thread.join(WAIT_S)
    until(lambda: batcher.healthy and asleep(batcher))
    row = batcher.submit(2, FOREVER, lead=True)
    batcher.lead(unexpected)
    assert row.result(0) == 4
    assert other.batches == [[1], [2]]
    assert len(leader.given_up) == 1


def test_a_lost_engine_is_opened_anew_by_another_thread(engine: Engine) -> None:
    opening = Event()

    def reopen() -> Run[int, int]:
        assert opening.wait(WAIT_S)
        return engine

    batcher = Batcher[int, int]("doubler", engine, limits=BatchLimits(), reopen=reopen)
    until(lambda: asleep(batcher))
    engine.failure = EngineLostError("the card is gone")
    row = batcher.submit(1, FOREVER, lead=True)
    batcher.lead(unexpected)  # returns, though the engine is not back
    assert isinstance(row.exception(0), Reopening)
    with pytest.raises(Reopening):
        batcher.submit(2, FOREVER, lead=True)
    opening.set()
    until(lambda: batcher.healthy and asleep(batcher))
    row = batcher.submit(3, FOREVER, lead=True)
    batcher.lead(unexpected)
    assert row.result(0) == 6
    assert batcher.close(timeout_s=WAIT_S)


def test_a_close_waits_for_who_leads(batcher: Batcher[int, int], engine: Engine) -> None:
    leader = held(engine, batcher)
    ended: list[bool] = []
    closing = Thread(target=lambda: ended.append(batcher.close()))
    closing.start()
    until(lambda: not batcher.healthy)
    engine.gate.set()
    closing.join(WAIT_S)
    assert ended == [True]
    assert leader.row.result(0) == 0
    assert leader.given_up == []


def test_a_close_that_waits_no_longer_gives_up_who_leads(batcher: Batcher[int, int], engine: Engine) -> None:
    leader = held(engine, batcher)
    assert not batcher.close(timeout_s=0.01)
    assert isinstance(leader.row.exception(0), Unavailable)
    assert isinstance(leader.given_up[0], Unavailable)


def test_an_ask_whose_engine_hangs_is_answered_and_leaves_nothing_behind(make_served: MakeServed) -> None:
    served = make_served()
    assistant, encoder = served.rig.assistant, served.rig.encoder
    inner = assistant._answering
    request = vqa_pb2.AskRequest(image_data=photo(seed=1), question="what?")
    hold(encoder)
    hung = served.stub.Ask.future(request)  # without a deadline
    assert encoder.entered.wait(WAIT_S)
    gate, encoder.gate = encoder.gate, None
    assert gate is not None
    inner._encoder.replace_owner(inner._watchdogs[0]._reopen)
    with pytest.raises(grpc.RpcError) as failed:
        hung.result(WAIT_S)
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert (assistant.inside, assistant._inside, served.server.calls) == (0, {}, 0)
    until(lambda: assistant.healthy)
    assert served.stub.Ask(request, timeout=WAIT_S).answers
    assert encoder.batch_sizes == [1, 1]
    gate.set()  # the thread comes back, and takes nothing that is not its own
    assert served.stub.Ask(request, timeout=WAIT_S).timings.features_cached
    assert (assistant.inside, assistant._inside, served.server.calls) == (0, {}, 0)


def test_who_leaves_while_its_thread_leads_is_given_up_at_once(
    batcher: Batcher[int, int], engine: Engine
) -> None:
    told: list[AskError] = []
    cancellation = Cancellation()
    patience = Patience(None, cancellation, given_up=told.append)
    engine.gate.clear()
    row = batcher.submit(1, patience, lead=True)
    leader = Thread(target=patience.wait_for, args=(row, batcher))
    leader.start()
    assert engine.entered.wait(WAIT_S)
    cancellation.cancel()
    assert [type(error) for error in told] == [Cancelled]
    engine.gate.set()
    leader.join(WAIT_S)
    assert row.result(0) == 2  # for those who share it
    assert cancellation._wake == []
