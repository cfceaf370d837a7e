"""Callers that go on asking while a cluster changes, and what they saw, second by second."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from asksight.client import AskSightError, Client
from asksight.client.grpc_transport import GrpcTransport
from asksight.v1 import vqa_pb2

from .places import PHOTO, QUESTIONS, WITHIN_S

FOUND = 0.97  # of the follow-ups of one second, some two hundred, that find their photo


class Counting(GrpcTransport):
    """The client's own transport, which notes for its thread whether a photo was sent."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.noted = threading.local()

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        if request.WhichOneof("image") == "image_data":
            self.noted.sent = True
        return super().ask(request, timeout_s)


@dataclass
class Second:
    """What came to an end in one second."""

    asked: int = 0
    failed: int = 0
    follow_ups: int = 0
    missed: int = 0


@dataclass
class Tally:
    """What one load came to."""

    seconds: dict[int, Second] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def sum(self, name: str) -> int:
        return sum(getattr(one, name) for one in self.seconds.values())

    def seconds_below(self, event_s: float, next_s: float) -> list[tuple[int, int, int]]:
        """The seconds, before the next event, in which too few found their photo.

        Of each: how many seconds after the event, its follow-ups, and those that missed.
        """
        first, below = int(event_s), []
        for number in range(first, int(next_s)):
            second = self.seconds.get(number, Second())
            if second.follow_ups - second.missed < FOUND * second.follow_ups or not second.asked:
                below.append((number - first, second.follow_ups, second.missed))
        return below


class Load:
    """Callers that ask without a pause, ten questions about each photo, until `stop`."""

    def __init__(self, target: str, callers: int) -> None:
        self.tally = Tally()
        self._transport = Counting(target)
        self._client = Client(self._transport, timeout=WITHIN_S)
        self._numbers = itertools.count(time.time_ns())
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            photo = PHOTO + next(self._numbers).to_bytes(8, "big")  # behind its end: a new photo
            for number, question in enumerate(QUESTIONS):
                if self._stopped.is_set():
                    return
                self._transport.noted.sent = False
                failure = model = ""
                try:
                    model = self._client.ask(photo, question).model
                except AskSightError as error:
                    failure = f"{type(error).__name__}: {error}"
                with self._lock:
                    second = self.tally.seconds.setdefault(int(time.monotonic()), Second())
                    second.asked += 1
                    second.failed += bool(failure)
                    second.follow_ups += number > 0
                    second.missed += number > 0 and self._transport.noted.sent
                    self.tally.models[model] += 1
                    if failure:
                        self.tally.failures[failure[:200]] += 1

    def stop(self) -> Tally:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._client.close()
        return self.tally
