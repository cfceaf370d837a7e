"""One conversation: a photo, questions as they come, and what comes of each as soon as it is there.

Each question is a call of its own at the desk, let in, counted and logged as those of Ask are; whoever leaves cancels
all of them. Lives in the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from asksight.v1 import vqa_pb2

from ..access.calls import Call, Desk
from ..asks import Ask
from ..core.assistant import Assistant, in_time
from ..errors import AskError, DeadlineExceeded, ImageNotFound, Unauthenticated
from ..reply.follow_ups import refers_back
from .receiving import Context, Receiving
from .requests import in_s, read_question
from .status import to_item

T = TypeVar("T")

METHOD = "Converse"


class Turn(NamedTuple):
    """A question that is done, for the one after it."""

    question: str = ""  # or what it was taken for; empty where it failed
    answer: str = ""  # empty where it was not ANSWERED
    failed: str = ""  # a follow-up that failed; the turn is what it was about, for itself asked again


class Conversation:
    """Made once its first message is there."""

    def __init__(
        self,
        start: Ask,
        context: Context,
        call: Call,
        assistant: Assistant,
        desk: Desk,
        receiving: Receiving,
    ) -> None:
        """`start` is an ask without its question; `call` is that by which the conversation came in."""
        self.ending: AskError | None = None  # how it ends where it does not end by its caller's half-close
        self._start = replace(start, photo=None, image_id=None)
        self._photo = start.photo
        self._image_id = start.image_id
        self._context = context
        self._call = call
        self._assistant = assistant
        self._desk = desk
        self._receiving = receiving
        self._limits = assistant.limits
        self._asked = 0  # questions so far
        self._newest: asyncio.Task[Turn] | None = None  # the question that was asked last
        self._untaken_bytes = 0
        self._unanswered = 0  # questions whose answers have not been given to gRPC
        self._finishing = False
        self._places = asyncio.Semaphore(self._limits.conversation_questions)
        self._ready: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()  # None: there will be no more
        self._tasks: set[asyncio.Task[Any]] = set()
        self._handling: asyncio.Task[Any] | None = None  # that which gRPC answers the call by
        self._began_s = self._moved_s = time.monotonic()
        self._timer = self._next_look()
        context.add_done_callback(lambda _: self.leave())

    async def answers(self) -> AsyncIterator[bytes]:
        """What comes of its questions, until all are answered that ever will be. Raises what its messages are at."""
        self._handling = asyncio.current_task()
        self._start_task(self._read())
        while (answer := await self._ready.get()) is not None:
            if isinstance(answer, Exception):
                raise answer
            yield answer
            self._hold(-min(len(answer), self._untaken_bytes))  # none where it was left meanwhile
            self._moved_s = time.monotonic()
            self._unanswered -= 1
            self._places.release()
            self._end_if_finished()

    def finish(self, error: AskError | None = None) -> None:
        """Take no more questions, and end, with `error` if one is given, once the others are answered."""
        if not self._finishing:
            self._finishing, self.ending = True, error
            self._end_if_finished()

    def leave(self) -> None:
        """Let go of everything, answered or not."""
        self._timer.cancel()
        self._hold(-self._untaken_bytes)
        self.forget_photo()
        for task in self._tasks:
            task.cancel()

    @property
    def photo_bytes(self) -> int:
        """How many bytes of its photo are kept."""
        return 0 if self._photo is None else len(self._photo)

    def forget_photo(self) -> None:
        """Know the photo by its id alone from now on."""
        self._photo = None

    async def _read(self) -> None:
        caller = self._call.caller_key
        try:
            while True:
                await self._places.acquire()  # what nobody reads stays with the sender
                message = await self._receiving.next(self._context, caller, self._call, idle=True)
                if message is None:
                    break
                if self._finishing:  # whoever asks learns by the end that this is not answered
                    self._places.release()
                    continue
                self._moved_s = time.monotonic()
                question, refused = read_question(message)
                self._asked += 1
                self._unanswered += 1
                task = self._start_task(self._answer(question, self._asked, refused, self._newest))
                # An empty one is passed over: a follow-up of it is about the turn before it.
                if refused is not None or question.question.strip():
                    self._newest = task
        except AskError as error:  # that message is no question: what was asked before it is answered
            self.finish(error)
            return
        except Exception as error:  # noqa: BLE001  raised again where answers are given; gRPC's own too
            self._ready.put_nowait(error)
            return
        self.finish()

    async def _answer(
        self,
        question: vqa_pb2.ConversationQuestion,
        number: int,
        refused: AskError | None,
        before: asyncio.Task[Turn] | None,
    ) -> Turn:
        deadline_s = self._call.deadline_s
        if question.HasField("timeout"):
            stated_s = in_s(question.timeout.seconds + question.timeout.nanos / 1e9)
            deadline_s = min((one for one in (deadline_s, stated_s) if one is not None), default=None)
        call = self._desk.call(METHOD, self._context.invocation_metadata() or (), self._context, deadline_s)
        call.request_id = f"{self._call.request_id}:{number}"
        turn = Turn()
        try:
            call.identify()  # who was known at the start may be known no more
            self._check_untaken(call)
            call.questions = [question.question]
            ask = replace(
                self._start,
                question=question.question,
                top_k=question.top_k or self._start.top_k,
                want_attention=question.want_attention,
                deadline_s=deadline_s,
            )
            with call:
                if refused is not None:
                    raise refused
                response = await in_time(self._ask_after(before, ask), deadline_s)
            turn = _turn(question.question, response)
            outcome = vqa_pb2.ConverseResponse(id=question.id, response=response)
        except AskError as error:
            outcome = vqa_pb2.ConverseResponse(id=question.id, error=to_item(error))
            if isinstance(error, Unauthenticated):
                self.finish(error)
        answer = outcome.SerializeToString()
        self._hold(len(answer))
        self._ready.put_nowait(answer)
        if not turn.question and refused is None and refers_back(question.question):
            turn = await self._turn_before(before, question.question)
            turn = turn._replace(failed=question.question)
        return turn

    def _hold(self, count: int) -> None:
        """Count so many bytes of answers more, or less, that wait for the caller to take them."""
        self._untaken_bytes += count
        if count < 0:
            self._receiving.untaken.let_go(self._call.caller_key, -count)
        else:
            self._receiving.untaken.hold(self._call.caller_key, count)

    def _check_untaken(self, call: Call) -> None:
        """Raise Overloaded where too many bytes of answers wait for the caller."""
        try:
            self._receiving.untaken.check(call.caller_key)
        except AskError as error:
            call.refused(error)
            raise

    async def _ask_after(self, before: asyncio.Task[Turn] | None, ask: Ask) -> vqa_pb2.AskResponse:
        """Ask, but not what is about the turn before, until that is done."""
        if refers_back(ask.question):
            turn = await self._turn_before(before, ask.question)
            ask = replace(ask, previous_question=turn.question, previous_answer=turn.answer)
        return await self._ask(ask)

    async def _turn_before(self, before: asyncio.Task[Turn] | None, question: str) -> Turn:
        """What the question after `before` may be about; None: the first of the stream."""
        if before is None:
            return Turn(self._start.previous_question, self._start.previous_answer)
        await asyncio.wait((before,))
        if before.cancelled() or before.exception() is not None:
            return Turn()
        turn = before.result()
        # One that failed may have named another thing.
        return turn if turn.failed in ("", question) else Turn()

    async def _ask(self, ask: Ask) -> vqa_pb2.AskResponse:
        if self._image_id is not None:  # what is known by it need not be hashed again
            try:
                return await self._assistant.ask(replace(ask, image_id=self._image_id))
            except ImageNotFound:
                if self._photo is None:
                    raise
        if self._photo is None:
            raise ImageNotFound("")
        response = await self._assistant.ask(replace(ask, photo=self._photo))
        self._image_id = response.image_id
        return response

    def _end_if_finished(self) -> None:
        if self._finishing and not self._unanswered:
            self._ready.put_nowait(None)

    def _look(self) -> None:
        """End it where nothing has happened for too long, or after all its time."""
        idle_s, longest_s = self._limits.conversation_idle_s, self._limits.conversation_s
        now_s = time.monotonic()
        if now_s >= self._moved_s + idle_s:
            self.finish(_over(f"Nothing was asked for {idle_s:g} seconds"))
            if self._unanswered and self._handling is not None:  # and nobody takes the answers
                self._handling.cancel()  # gRPC would send no status before them; so it resets the stream
            return
        if now_s >= self._began_s + longest_s:
            self.finish(_over(f"It has lasted {longest_s:g} seconds"))
        self._timer = self._next_look()

    def _next_look(self) -> asyncio.TimerHandle:
        looks_s = self._moved_s + self._limits.conversation_idle_s
        if not self._finishing:
            looks_s = min(looks_s, self._began_s + self._limits.conversation_s)
        return asyncio.get_running_loop().call_later(looks_s - time.monotonic(), self._look)

    def _start_task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _turn(question: str, response: vqa_pb2.AskResponse) -> Turn:
    answered = response.verdict == vqa_pb2.VERDICT_ANSWERED and response.answers
    return Turn(response.question_meant or question, response.answers[0].label if answered else "")


def _over(why: str) -> AskError:
    return DeadlineExceeded(f"{why}, so the conversation is over. Open another.")
