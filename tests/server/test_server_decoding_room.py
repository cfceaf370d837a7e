"""The memory that decoding takes is bounded over all threads, in order of arrival, and always given back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock

import pytest

from asksight.server.decoding_room import DecodingRoom
from asksight.server.errors import DeadlineExceeded
from asksight.server.patience import Patience

WAIT_S = 20.0
FOREVER = Patience()


def test_what_fits_is_let_in_together() -> None:
    room, both_inside = DecodingRoom(100), Barrier(2)

    def decode() -> None:
        with room.take(50, FOREVER):
            both_inside.wait(WAIT_S)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(decode) for _ in range(2)]:
            future.result(WAIT_S)


def test_never_more_than_the_room_is_taken() -> None:
    room, lock, taken, most = DecodingRoom(100), Lock(), [0], [0]

    def decode(size: int) -> None:
        with room.take(size, FOREVER):
            with lock:
                taken[0] += size
                most[0] = max(most[0], taken[0])
            with lock:
                taken[0] -= size

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(decode, size) for size in (30, 60, 90, 10, 50) * 40]:
            future.result(WAIT_S)
    assert 0 < most[0] <= 100


def test_one_that_is_larger_than_the_room_goes_in_alone() -> None:
    room = DecodingRoom(100)
    with room.take(1000, FOREVER), pytest.raises(DeadlineExceeded), room.take(1, brief()):
        pytest.fail("there was no room")
    with room.take(1, brief(60)):
        pass


def test_a_failure_inside_and_a_deadline_outside_give_the_room_back() -> None:
    room = DecodingRoom(100)
    with pytest.raises(ValueError, match="broken"), room.take(100, FOREVER):
        raise ValueError("broken")
    with room.take(100, FOREVER), pytest.raises(DeadlineExceeded), room.take(100, brief()):
        pytest.fail("there was no room")
    with room.take(100, brief(60)):
        pass


def test_small_ones_do_not_overtake_a_big_one_for_ever() -> None:
    room, order, holding, leave = DecodingRoom(100), list[str](), Event(), Event()

    def hold() -> None:
        with room.take(60, FOREVER):
            holding.set()
            assert leave.wait(WAIT_S)

    def enter(name: str, size: int) -> None:
        with room.take(size, FOREVER):
            order.append(name)

    with ThreadPoolExecutor(3) as pool:
        held = pool.submit(hold)
        assert holding.wait(WAIT_S)
        big = pool.submit(enter, "big", 100)
        while not room.waiting:
            assert not big.done()
        small = pool.submit(enter, "small", 10)  # would fit, but the big one came first
        while room.waiting < 2:
            assert not small.done()
        leave.set()
        for future in (held, big, small):
            future.result(WAIT_S)
    assert order == ["big", "small"]


def brief(seconds: float = 0.01) -> Patience:
    return Patience(time.monotonic() + seconds)
