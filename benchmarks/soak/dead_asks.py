"""How many rows an engine computes for asks that have expired or were cancelled, at any point on their way.

Each batch is checked when it is closed, by this script's own clocks. A row counts where all its callers had left
before. A caller who cancels has left once the event loop knows of it; rows of batches that are closed before that are
counted separately.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from threading import Timer
from typing import Any

from photo_files import photo
from soak_fakes import end, fake_assistant, promise, short_form

from asksight.server.asks import Ask
from asksight.server.core import batcher as batcher_module
from asksight.server.core.row_queue import Row, RowQueue
from asksight.server.errors import AskError
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.server.observer import Observer, Reason, Stage
from asksight.v1 import vqa_pb2

CALLERS = 32
SIDE_PX = 360  # the photos' side, so that decoding one takes some milliseconds
STAYS_S = 60.0
HERE = (Stage.PHOTO, Stage.ENCODER, Stage.ANSWERER)  # nothing is read
SETTLED_WITHIN_S = 10.0  # a thread finishes the photo that it decodes, even when its callers have left


class Counting(Observer):
    """Counts dropped asks by stage and reason."""

    def __init__(self) -> None:
        self.asks: Counter[tuple[Stage, Reason]] = Counter()

    def ask_dropped(self, stage: Stage, reason: Reason) -> None:
        self.asks[stage, reason] += 1


@dataclass
class Caller:
    """When a caller left, by the monotonic clock."""

    deadline_s: float
    cancelled_s: float = float("inf")
    heard_s: float = float("inf")  # when the event loop knew of the cancellation

    def hear(self) -> None:
        self.heard_s = time.monotonic()


callers: dict[float, Caller] = {}  # by deadline, which is different for each caller
closed: Counter[str] = Counter()  # rows of closed batches


class Checked(RowQueue[Any, Any]):
    """A queue that checks, for each row it gives to the engine, whether somebody still waits for it."""

    def take(self, at_most: int) -> list[Row[Any, Any]]:
        now_s = time.monotonic()
        rows = super().take(at_most)
        for row in rows:
            waiting = [callers[deadline_s] for deadline_s in row.awaited_by.values()]
            if all(min(one.deadline_s, one.heard_s) < now_s for one in waiting):
                closed["in vain"] += 1
            elif all(min(one.deadline_s, one.cancelled_s) < now_s for one in waiting):
                closed["not heard of yet"] += 1
            else:
                closed["wanted"] += 1
        return rows


@cache
def picture(number: int) -> bytes:
    return photo("PNG", seed=number, width=SIDE_PX, height=SIDE_PX)


def one_ask(chance: random.Random, deadline_s: float) -> Ask:
    """Make an ask. Two in five are about a few cached photos, so that they reach the answerer's queue."""
    number = chance.randrange(*((0, 4) if chance.random() < 0.4 else (4, 60)))
    return Ask(question="what?", photo=picture(number), deadline_s=deadline_s)


def call(local: LocalAssistant, number: int) -> list[str]:
    """A caller's asks: a third expires, a third is cancelled, a third is waited for. Gives how they ended."""
    chance = random.Random(number)
    soon_s = chance.uniform(0, 0.12)
    expires, cancels = number % 3 == 0, number % 3 == 1
    caller = Caller(time.monotonic() + soon_s + (0 if expires else STAYS_S))
    callers[caller.deadline_s] = caller
    some = [one_ask(chance, caller.deadline_s) for _ in range(4 if number % 10 == 0 else 1)]
    if len(some) > 1 and not cancels:
        try:
            return [type(one).__name__ for one in local.ask_many(some)]
        except AskError as error:
            return [type(error).__name__] * len(some)
    asking = [local.start(ask) for ask in some]

    def leave() -> None:
        caller.cancelled_s = time.monotonic()
        for one in asking:
            one.cancel()
        local.thread.loop.call_soon_threadsafe(caller.hear)

    timer = Timer(soon_s, leave)
    if cancels:
        timer.start()
    outcomes = [outcome(one) for one in asking]
    if cancels:
        timer.cancel()
        timer.join()
    return outcomes


def outcome(asking: Future[vqa_pb2.AskResponse]) -> str:
    try:
        return type(asking.result()).__name__
    except (AskError, CancelledError) as error:
        return type(error).__name__


async def left_behind(local: LocalAssistant) -> dict[str, int]:
    """What the assistant still holds when nobody asks."""
    assistant = local.assistant
    model = assistant.models[""]
    return {
        "asks": assistant.admission.asks,
        "bytes": assistant.admission.size_bytes,
        "photos": len(model.photos.in_flight),
        "decodings": assistant.decoders.waiting,
        "decoding bytes": assistant.decoders.taken_bytes,
        "encoder rows": model.encoder.waiting,
        "answerer rows": model.answerer.waiting,
    }


def settled(local: LocalAssistant) -> dict[str, int]:
    """The same, after the threads have finished their work."""
    ends_s = time.monotonic() + SETTLED_WITHIN_S
    while any((left := local.thread.run(left_behind(local))).values()) and time.monotonic() < ends_s:
        time.sleep(0.01)  # no event says when
    return left


def main() -> None:
    short = short_form()
    calls = 1500 if short else 40_000
    setattr(batcher_module, "RowQueue", Checked)  # noqa: B010 - it is a class to mypy
    counting = Counting()
    # Memory to decode one photo at a time, and a small cache, so that most photos are decoded again and again.
    limits = Limits(cache_bytes=5000, encoder_batch=8, decoding_bytes=3 * SIDE_PX**2)
    with fake_assistant(row_s=0.002, answer_s=0.03, limits=limits, observer=counting) as local:
        with ThreadPoolExecutor(CALLERS) as pool:
            done = list(pool.map(lambda number: call(local, number), range(calls)))
        left = settled(local)
    outcomes = Counter(one for some in done for one in some)
    print("outcomes:", dict(outcomes))
    print(
        "dropped:", {f"{stage}/{reason}": count for (stage, reason), count in sorted(counting.asks.items())}
    )
    points = [counting.asks[stage, reason] for stage in HERE for reason in (Reason.EXPIRED, Reason.CANCELLED)]
    cancelled = sum(counting.asks[stage, Reason.CANCELLED] for stage in HERE)
    least = 15 if short else 200
    promise("each point of leaving", min(points) >= least, f"hit at least {min(points)} times")
    promise(
        "rows run",
        closed["in vain"] == 0,
        f"{closed['wanted']} wanted, {closed['in vain']} in vain, "
        f"{closed['not heard of yet']} of callers whose cancellation had not arrived",
    )
    promise(
        "nobody who expired is counted as cancelled",
        cancelled <= outcomes["CancelledError"],
        f"{cancelled} counted, {outcomes['CancelledError']} cancelled",
    )
    unexpected = {key: count for key, count in left.items() if count}
    promise("left behind", not unexpected, str(unexpected or 0))


if __name__ == "__main__":
    main()
    end()
