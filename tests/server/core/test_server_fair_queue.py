"""Who used least is next, within each caller first come first served, and nobody is remembered for ever."""

from __future__ import annotations

import pytest

from asksight.server.core import fair_queue
from asksight.server.core.fair_queue import FairQueue


def serve(queue: FairQueue[str], cost_s: float = 1.0, *, settle: bool = True) -> str | None:
    found = queue.first(lambda item: True)
    if found is None:
        return None
    caller, item = found
    queue.take(caller, cost_s)
    if settle:
        queue.settle(caller, 0.0)
    return item


def filled(**items: str) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for caller, names in items.items():
        for name in names.split():
            queue.put(caller, name)
    return queue


def test_one_caller_is_served_in_order_of_arrival() -> None:
    queue = filled(a="1 2 3")
    assert [serve(queue) for _ in range(4)] == ["1", "2", "3", None]


def test_callers_take_turns_however_many_one_of_them_brings() -> None:
    queue = filled(a="a1 a2 a3 a4", b="b1 b2")
    assert [serve(queue) for _ in range(6)] == ["a1", "b1", "a2", "b2", "a3", "a4"]


def test_who_uses_less_time_has_more_turns() -> None:
    queue = filled(a="a1 a2", b="b1 b2 b3 b4")
    order = []
    for _ in range(6):
        found = queue.first(lambda item: True)
        assert found is not None
        order.append(found[1])
        queue.take(found[0], 0.0)
        queue.settle(found[0], 3.0 if found[0] == "a" else 1.0)  # told afterwards only
    assert order == ["a1", "b1", "b2", "b3", "a2", "b4"]


def test_what_runs_is_charged_before_it_ends() -> None:
    queue = filled(a="a1 a2", b="b1")
    assert [serve(queue, settle=False) for _ in range(3)] == ["a1", "b1", "a2"]


def test_a_newcomer_begins_where_the_others_are_and_not_at_nothing() -> None:
    queue = filled(a="a1 a2 a3 a4", b="b1 b2 b3 b4")
    assert [serve(queue) for _ in range(4)] == ["a1", "b1", "a2", "b2"]
    for name in ("c1", "c2", "c3"):
        queue.put("c", name)
    assert [serve(queue) for _ in range(6)] == ["c1", "a3", "b3", "c2", "a4", "b4"]


def test_who_was_away_still_has_used_what_it_used() -> None:
    queue = filled(a="a1", b="b1 b2 b3 b4")
    assert serve(queue, 2.5) == "a1"
    assert serve(queue) == "b1"
    queue.put("a", "a2")
    assert [serve(queue) for _ in range(4)] == ["b2", "b3", "a2", "b4"]


def test_only_what_may_start_is_given_and_others_keep_their_place() -> None:
    queue = filled(a="long short", b="b1")
    assert queue.first(lambda item: item != "long") == ("b", "b1")
    assert queue.first(lambda item: item == "short") is None  # behind the long one of its own caller
    assert queue.first(lambda item: True) == ("a", "long")


def test_what_leaves_is_gone() -> None:
    queue = filled(a="1 2", b="3")
    items = queue.items()
    queue.remove("a", items[0])
    queue.remove("nobody", items[0])
    assert queue.items() == ["2", "3"]


def test_nobody_is_remembered_once_all_have_left() -> None:
    queue = filled(a="1", b="2")
    assert queue.callers == 2
    serve(queue)
    serve(queue)
    assert queue.callers == 0
    queue = filled(a="1")
    queue.remove("a", queue.items()[0])
    assert queue.callers == 0


def test_callers_that_come_once_and_leave_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "MOST_CALLERS", 10)
    queue = filled(busy="1 2 3")
    serve(queue, settle=False)
    for number in range(100):
        queue.put(f"caller {number}", "x")
        while queue.first(lambda item: item == "x") is not None:
            queue.take(f"caller {number}", 1.0)
            queue.settle(f"caller {number}", 0.0)
    assert queue.callers <= 10
    assert queue.items() == ["2", "3"]
