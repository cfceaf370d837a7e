"""Asks that expire or are cancelled anywhere on their way: how many engine rows were computed for them.

Every batch is checked at its closing, by clocks of this script's own: a row whose callers had all left before counts.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import Any

from soak_fakes import end, fake_assistant, new_photo, promise, short_form

from asksight.server import sight
from asksight.server.asks import Ask, Reply
from asksight.server.batcher import Batcher
from asksight.server.entries import Entry
from asksight.server.errors import AskError
from asksight.server.limits import Limits
from asksight.server.observer import Observer, Reason, Stage
from asksight.server.patience import Cancellation, Crowd, Patience

CALLERS = 32


class Counting(Observer):
    """Counts asks by where and why they were dropped, and rows by why."""

    def __init__(self) -> None:
        self.asks: Counter[tuple[Stage, Reason]] = Counter()
        self.rows: Counter[Reason] = Counter()

    def ask_dropped(self, stage: Stage, reason: Reason) -> None:
        self.asks[stage, reason] += 1

    def rows_dropped(self, stage: str, reason: Reason, count: int) -> None:
        self.rows[reason] += count


class Timed(Cancellation):
    """A cancellation that remembers when it was thrown."""

    at_s: float | None = None

    def cancel(self) -> None:
        super().cancel()
        self.at_s = self.at_s or time.monotonic()


def gone(patience: Patience, before_s: float) -> bool:
    deadline_s = patience.deadline_s()
    thrown_s = getattr(patience._switch, "at_s", None)
    return (deadline_s is not None and deadline_s < before_s) or (
        thrown_s is not None and thrown_s < before_s
    )


computed = Counter[str]()


class Checked(Batcher[Any, Any]):
    """A batcher that checks whose rows it runs."""

    def _close_batch(self) -> list[Entry[Any, Any]]:
        before_s = time.monotonic()
        batch = super()._close_batch()
        for entry in batch:
            interest = entry.interest
            members = interest._members if isinstance(interest, Crowd) else [interest]
            dead = all(isinstance(one, Patience) and gone(one, before_s) for one in members)
            computed["in vain" if dead else "wanted"] += 1
        return batch


def main() -> None:
    short = short_form()
    asks = 1500 if short else 10_000
    import asksight.server.answering as answering

    setattr(answering, "Batcher", Checked)  # noqa: B010 - it is a class to mypy
    real_decode = vars(sight)["decode"]

    def slow_decode(*args: Any, **kwargs: Any) -> Any:
        picture = real_decode(*args, **kwargs)
        time.sleep(0.002)
        return picture

    setattr(sight, "decode", slow_decode)  # noqa: B010
    counting = Counting()
    limits = Limits(cache_bytes=5000, encoder_batch=8, decoding_bytes=100_000)
    assistant = fake_assistant(row_s=0.001, limits=limits, observer=counting)
    slow = assistant._answering._engines["answerer"]
    quick = slow._function  # type: ignore[attr-defined]

    def slow_answer(arrays: Any) -> Any:
        time.sleep(0.03)
        return quick(arrays)

    slow._function = slow_answer  # type: ignore[attr-defined]
    outcomes: Counter[str] = Counter()

    def given_up(_: AskError) -> None:
        outcomes["left a thread in an engine"] += 1

    def call(number: int) -> None:
        chance = random.Random(number)
        cancellation = Timed()
        soon_s = chance.uniform(0, 0.09)
        deadline = time.monotonic() + (soon_s if number % 3 == 0 else 60)
        timer = Timer(soon_s, cancellation.cancel)
        if number % 3 == 1:
            timer.start()
        some = [
            # Half of them about a few photos that stay in the cache, so that they meet the answerer's queue.
            Ask(
                question="what?",
                photo=new_photo(chance.randrange(*((0, 4) if chance.random() < 0.5 else (4, 60)))),
            )
            for _ in range(4 if number % 10 == 0 else 1)
        ]
        lead = len(some) == 1 and number % 4 > 0
        for result in assistant.ask_many(
            some, deadline=deadline, cancelled=cancellation, given_up=given_up if lead else None
        ):
            outcomes[type(result).__name__] += 1
            assert isinstance(result, (Reply, AskError))
        timer.cancel()

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(call, range(asks)))
    assistant.close()
    inner = assistant._answering
    left = (
        assistant.inside
        + len(assistant._inside)
        + inner._sight._cache.in_flight
        + inner._sight._room.waiting
        + inner._sight._room._taken
        + inner._encoder.waiting
        + inner._answerer.waiting
    )
    print("outcomes:", dict(outcomes))
    print(
        "dropped:", {f"{stage}/{reason}": count for (stage, reason), count in sorted(counting.asks.items())}
    )
    points = [
        counting.asks[stage, reason] for stage in Stage for reason in (Reason.EXPIRED, Reason.CANCELLED)
    ]
    least = 15 if short else 200
    promise("each point of leaving", min(points) >= least, f"hit at least {min(points)} times")
    promise(
        "rows run", computed["in vain"] == 0, f"{computed['wanted']} wanted, {computed['in vain']} in vain"
    )
    promise("left behind", left == 0, str(left))


if __name__ == "__main__":
    main()
    end()
