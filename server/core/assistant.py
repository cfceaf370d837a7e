"""The assistant: a photo and a question in, a response out; the one way through for gRPC, HTTP and load().

Coroutines decide, threads compute. All of its state belongs to one event loop, and needs no locks: who is inside, what
is cached, what waits, which bundle is at work, what is healthy. Photos are decoded by a few threads (decoders.py), and
each engine runs in a thread of its own (worker.py); they are given bytes and arrays and give arrays back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from asksight.engine.cores import available_cores
from asksight.v1 import vqa_pb2

from ..asks import Ask, ModelInfo, Skill, expired
from ..errors import AskError, DeadlineExceeded, InternalError, Overloaded, Unavailable
from ..limits import Limits
from ..observer import Observer, Reason, Stage
from ..reading.asked import Request, asked_to_read
from ..reading.reader import Reader
from ..reading.telling import tell_text
from ..reply.follow_ups import meaning
from ..reply.skills import missing_skill
from .admission import Admission
from .arrivals import Arrivals
from .decoders import Decoders
from .model import Model
from .models import Models
from .questions import check_previous_answer, check_question
from .row_queue import NEVER_S

T = TypeVar("T")

BEGUN_TOGETHER = 32  # asks of a batch that begin in one turn of the loop
LAST_LEAVE_WITHIN_S = 1.0  # once all that they wait for has ended

log = logging.getLogger(__name__)


class Assistant:
    """Answers asks about photos with the models that it is given."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        limits: Limits | None = None,
        calls: int = 256,
        observer: Observer | None = None,
    ) -> None:
        """`loop` is where it lives; `calls` is how many may be under way at once, of any number of asks."""
        self.loop = loop
        self.limits = limits or Limits()
        self.observer = observer or Observer()
        self.models = Models()
        self.reader: Reader | None = None  # where text is read; all models share it
        self.admission = Admission(
            calls=calls, asks=self.limits.queue_capacity, size_bytes=self.limits.queue_bytes
        )
        self.admission.drained_in_s = self.models.retry_after_s
        self.arrivals = Arrivals(self.limits)
        self.decoders = Decoders(available_cores(), self.limits.decoding_bytes, loop)
        self._closing = False
        # Called in the loop, when health may have changed.
        self.health_listeners: list[Callable[[], object]] = []

    async def ask(self, ask: Ask) -> vqa_pb2.AskResponse:
        """Answer one ask. Raises AskError; cancel it when its caller leaves, at its deadline at the latest."""
        came_s, stage = time.perf_counter(), Stage.PHOTO

        def decoded() -> None:
            nonlocal stage
            stage = Stage.ENCODER

        if self._closing:
            raise Unavailable
        try:
            if time.monotonic() >= ask.until_s:
                raise DeadlineExceeded
            with (
                self.admission.ask(0 if ask.photo is None else len(ask.photo)),
                self.models.in_use(ask.model) as model,
            ):
                ask = self._understood(ask)
                request = self._to_read(ask.question, model)
                if self.reader is not None and request is not None:
                    stage = Stage.READER
                    read = await self.reader.read(ask)
                    return tell_text(ask, request, read, came_s=came_s, observer=self.observer)
                seen = await model.photos.see(ask, decoded)
                stage, seen_s = Stage.ANSWERER, time.perf_counter()
                scored = await model.answerer.submit(
                    model.question(ask, seen), ask.until_s, caller=ask.caller
                )
                return model.teller.tell(ask, seen, scored, came_s=came_s, seen_s=seen_s)
        except Overloaded:
            self.observer.ask_dropped(stage, Reason.SHED)
            raise
        except DeadlineExceeded:
            self.observer.ask_dropped(stage, Reason.EXPIRED)
            raise
        except asyncio.CancelledError:
            self.observer.ask_dropped(stage, Reason.EXPIRED if expired(ask.deadline_s) else Reason.CANCELLED)
            raise

    def _understood(self, ask: Ask) -> Ask:
        """The ask with the question that it means. Raises InvalidAsk where that cannot be asked."""
        most = self.limits.max_question_chars
        check_question(ask.question, max_chars=most)
        check_previous_answer(ask.previous_answer, max_chars=most)
        if not ask.previous_question:
            return ask
        check_question(ask.previous_question, max_chars=most, field="previous_question")
        meant = meaning(ask.question, ask.previous_question, ask.previous_answer)
        return ask if meant is None else replace(ask, question=meant.question, manner=meant.manner)

    def _to_read(self, question: str, model: Model) -> Request | None:
        """What the question wants to be read, where the reader may answer it: never in the place of a warning."""
        if self.reader is None or Skill.READ_TEXT in model.bundle.skills:
            return None
        missing = missing_skill(question, model.bundle.skills, dates_are_read=True)
        if missing not in (None, Skill.READ_TEXT):
            return None
        return asked_to_read(question, to_read=missing is Skill.READ_TEXT)

    def model_info(self, name: str) -> ModelInfo:
        """Say what is being served under a name. Raises ModelNotFound."""
        return replace(self.models[name].info(), reads_text=self.reader is not None)

    async def ask_each(self, asks: Iterable[Ask]) -> list[vqa_pb2.AskResponse | AskError]:
        """Answer asks that go through the engines together; one that fails is an AskError in its place."""
        return await begun_together(self._ask_alone(ask) for ask in asks)

    async def _ask_alone(self, ask: Ask) -> vqa_pb2.AskResponse | AskError:
        try:
            return await self.ask(ask)
        except AskError as error:
            return error
        except Exception:
            log.exception("An ask failed unexpectedly")
            return InternalError()

    @property
    def stuck(self) -> bool:
        """Whether only a new process helps."""
        return self.models.stuck or (self.reader is not None and self.reader.stuck)

    @property
    def healthy(self) -> bool:
        """Whether all models are, and it is not closing."""
        return not self._closing and self.models.healthy and (self.reader is None or self.reader.healthy)

    def health_changed(self) -> None:
        """Tell those who listen."""
        for listener in self.health_listeners:
            listener()

    async def close(self, *, drain: bool = True, timeout_s: float | None = None) -> None:
        """Finish what was accepted, or fail it with Unavailable, and give the engines' memory back."""
        self._closing = True
        self.health_changed()
        began_s = time.monotonic()
        if drain:
            await self._all_left(timeout_s)
        self.decoders.end()
        left_s = None if timeout_s is None else max(0.0, timeout_s - (time.monotonic() - began_s))
        await self.models.close(drain=drain, timeout_s=left_s)
        if self.reader is not None:
            await self.reader.close(drain=drain, timeout_s=left_s)
        await self._all_left(LAST_LEAVE_WITHIN_S)

    async def _all_left(self, timeout_s: float | None) -> None:
        ends_s = NEVER_S if timeout_s is None else time.monotonic() + timeout_s
        while self.admission.asks and time.monotonic() < ends_s:
            await asyncio.sleep(0.005)


async def begun_together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all, which begin a few a turn of the loop. Where one fails the others end, and ExceptionGroup is raised."""
    begun: list[asyncio.Task[T]] = []
    async with asyncio.TaskGroup() as group:
        for one in work:
            begun.append(group.create_task(one))
            if len(begun) % BEGUN_TOGETHER == 0:
                await asyncio.sleep(0)
    return [one.result() for one in begun]


async def in_time(work: Coroutine[Any, Any, T], deadline_s: float | None) -> T:
    """Await it until a time of the monotonic clock, and cancel it then. Raises DeadlineExceeded."""
    try:
        async with asyncio.timeout(None if deadline_s is None else deadline_s - time.monotonic()):
            return await work
    except TimeoutError:
        raise DeadlineExceeded from None
