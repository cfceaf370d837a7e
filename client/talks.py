"""Conversations by the RPC Converse, without any I/O: an ask as a stream's messages, and who waits for which answer.

A conversation asks as all asks do (dialogue.py); only the way that its messages go is another one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from threading import Lock
from typing import Generic, Protocol, TypeAlias, TypeVar

import grpc

from asksight.v1 import vqa_pb2

from .errors import AskSightError, ClosedError, UnavailableError
from .faults import FailedCall, from_call, from_item

MOST_CHARS = 65_536  # of a question by a stream; gRPC ends one by which too large a message comes, others' asks and all
MOST_TIMEOUT_S = 1e9  # more is for ever, and too much for a Duration

NOT_SENT = "Internal error from Core"  # grpc.aio's own words, where a call ended while it was sending
TALK_CLOSED = "This conversation is closed. Begin another."

Waiting: TypeAlias = "Future[vqa_pb2.ConverseResponse] | asyncio.Future[vqa_pb2.ConverseResponse]"


class Talk(Protocol):
    """The way of one conversation's asks, all about one photo. Every failed ask raises an AskSightError."""

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse: ...

    def close(self) -> None: ...


class AsyncTalk(Protocol):
    """The same for asyncio."""

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse: ...

    async def close(self) -> None: ...


class StreamLostError(Exception):
    """The stream ended before the answer came; `error` says why.

    `unknown`: the server has no such call. `unclear`: gRPC could not send, and keeps the server's own reason to itself.
    """

    def __init__(self, error: AskSightError, *, unknown: bool = False, unclear: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.unknown = unknown
        self.unclear = unclear


class Questions:
    """The questions on their way by one stream. Thread-safe."""

    def __init__(self, request: vqa_pb2.AskRequest) -> None:
        """`request` is what the stream begins with."""
        self.brought_photo = request.WhichOneof("image") == "image_data"
        self.lost: StreamLostError | None = None
        self._waiting: dict[int, Waiting] = {}
        self._numbers = count(1)
        self._lock = Lock()

    def suits(self, request: vqa_pb2.AskRequest) -> bool:
        """Whether it may be asked by this stream: one that knows the photo by its id alone does not take the photo."""
        return self.lost is None and (self.brought_photo or request.WhichOneof("image") == "image_id")

    def expect(self, answer: Waiting) -> int:
        """Note who waits for the next question's answer, and give that question's number. Raises StreamLostError."""
        with self._lock:
            if self.lost is not None:
                raise self.lost
            number = next(self._numbers)
            self._waiting[number] = answer
        return number

    def forget(self, number: int) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._waiting.pop(number, None)

    def came(self, response: vqa_pb2.ConverseResponse) -> None:
        """Give an answer to who waits for it."""
        with self._lock:
            answer = self._waiting.pop(response.id, None)
        if answer is not None and not answer.done():
            answer.set_result(response)

    def end(self, lost: StreamLostError) -> None:
        """Tell all who wait, and all who come."""
        with self._lock:
            if self.lost is not None:
                return
            self.lost = lost
            waiting = list(self._waiting.values())
            self._waiting.clear()
        for answer in waiting:
            if not answer.done():
                answer.set_exception(lost)


class AskedStream(Protocol):
    """One call of Converse."""

    @property
    def questions(self) -> Questions: ...

    def close(self) -> None: ...


AnyStream = TypeVar("AnyStream", bound=AskedStream)


class Streams(Generic[AnyStream]):
    """The streams of one conversation, one after another: which of them an ask goes by, if any. Thread-safe."""

    def __init__(self, begin: Callable[[vqa_pb2.AskRequest], AnyStream]) -> None:
        """`begin` opens one for an ask."""
        self._begin = begin
        self._lock = Lock()
        self._stream: AnyStream | None = None
        self._plain = False
        self._closed = False

    def way(self, request: vqa_pb2.AskRequest) -> tuple[AnyStream, bool] | None:
        """The stream for an ask, and whether it was opened for it; None: ask without one. Raises ClosedError."""
        with self._lock:
            if self._closed:
                raise ClosedError(TALK_CLOSED)
            if self._plain or len(request.question) > MOST_CHARS:
                return None
            if self._stream is not None:
                if self._stream.questions.suits(request):
                    return self._stream, False
                self._stream.close()
            self._stream = self._begin(request)
            return self._stream, True

    def lost(self, stream: AnyStream, fresh: bool, lost: StreamLostError) -> None:
        """Note why an ask has no answer by a stream. Raises the reason where another stream would have it too."""
        if lost.unknown:
            self._plain = True
        elif fresh and stream is self._stream:  # an older one ended long ago, perhaps, or was replaced
            raise lost.error from lost

    def close(self) -> AnyStream | None:
        """Open no more, and end the one that is open, which is given."""
        with self._lock:
            self._closed = True
            if self._stream is not None:
                self._stream.close()
            return self._stream


def lost_by(error: FailedCall, target: str) -> StreamLostError:
    """Why a call to `target` that failed was lost."""
    return StreamLostError(
        from_call(error, target=target),
        unknown=error.code() is grpc.StatusCode.UNIMPLEMENTED,
        unclear=error.details() == NOT_SENT,
    )


def ended_by(target: str) -> StreamLostError:
    """The server ended the call, though nobody had asked it to."""
    return StreamLostError(UnavailableError(f"The server at {target} ended the conversation. Ask again."))


def to_start(request: vqa_pb2.AskRequest) -> vqa_pb2.ConverseRequest:
    """What a stream for this ask begins with: all but its question."""
    start = vqa_pb2.ConversationStart(
        top_k=request.top_k,
        model=request.model,
        locale=request.locale,
        previous_question=request.previous_question,
        previous_answer=request.previous_answer,
    )
    if request.WhichOneof("image") == "image_data":
        start.image_data = request.image_data
    else:
        start.image_id = request.image_id
    return vqa_pb2.ConverseRequest(start=start)


def to_question(request: vqa_pb2.AskRequest, number: int, timeout_s: float) -> vqa_pb2.ConverseRequest:
    """The ask's question."""
    question = vqa_pb2.ConversationQuestion(
        id=number,
        question=request.question,
        top_k=request.top_k,
        want_attention=request.want_attention,
    )
    if not math.isinf(timeout_s) and timeout_s < MOST_TIMEOUT_S:
        question.timeout.FromNanoseconds(round(1e9 * timeout_s))
    return vqa_pb2.ConverseRequest(question=question)


def to_response(said: vqa_pb2.ConverseResponse) -> vqa_pb2.AskResponse:
    """What was answered. Raises AskSightError for an error."""
    if said.WhichOneof("result") == "error":
        raise from_item(said.error)
    return said.response
