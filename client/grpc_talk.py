"""A conversation over gRPC for the blocking client: one stream, another one where that is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

import grpc

from asksight.v1 import vqa_pb2

from .errors import ClosedError
from .faults import too_late
from .talks import (
    TALK_CLOSED,
    Questions,
    StreamLostError,
    ended_by,
    lost_by,
    to_question,
    to_response,
    to_start,
)

Sent = Iterator[vqa_pb2.ConverseRequest]


class GrpcTalk:
    """Thread-safe. The stream is opened by the first ask."""

    def __init__(
        self,
        converse: Callable[[Sent, vqa_pb2.AskRequest], Any],
        ask: Callable[[vqa_pb2.AskRequest, float], vqa_pb2.AskResponse],
        target: str,
    ) -> None:
        """`converse` opens a stream for an ask; `ask` is the way where the server knows no streams."""
        self._converse = converse
        self._plain_ask = ask
        self._target = target
        self._lock = Lock()
        self._stream: Stream | None = None
        self._plain = False
        self._closed = False

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        deadline_s = time.monotonic() + timeout_s
        while not self._plain:
            stream, fresh = self._stream_for(request)
            try:
                return stream.ask(request, deadline_s - time.monotonic())
            except StreamLostError as lost:
                if lost.unknown:
                    self._plain = True
                elif (
                    fresh and stream is self._stream
                ):  # an older one ended long ago, perhaps, or was replaced
                    raise lost.error from lost
        return self._plain_ask(request, deadline_s - time.monotonic())

    def close(self) -> None:
        """End the stream; what is still asked by it fails."""
        with self._lock:
            self._closed = True
            if self._stream is not None:
                self._stream.close()

    def _stream_for(self, request: vqa_pb2.AskRequest) -> tuple[Stream, bool]:
        with self._lock:
            if self._closed:
                raise ClosedError(TALK_CLOSED)
            if self._stream is not None:
                if self._stream.questions.suits(request):
                    return self._stream, False
                self._stream.close()
            self._stream = Stream(self._converse, request, self._target)
            return self._stream, True


class Stream:
    """One call of Converse, and the thread that hears what comes by it."""

    def __init__(
        self,
        converse: Callable[[Sent, vqa_pb2.AskRequest], Any],
        request: vqa_pb2.AskRequest,
        target: str,
    ) -> None:
        self.questions = Questions(request)
        self._target = target
        self._sent: SimpleQueue[vqa_pb2.ConverseRequest | None] = SimpleQueue()
        self._sent.put(to_start(request))
        self._call = converse(iter(self._sent.get, None), request)
        Thread(target=self._hear, name="asksight-conversation", daemon=True).start()

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        """Raises StreamLostError, and AskSightError where the ask itself failed."""
        answer: Future[vqa_pb2.ConverseResponse] = Future()
        number = self.questions.expect(answer)
        self._sent.put(to_question(request, number, timeout_s))
        try:
            return to_response(answer.result(None if timeout_s == float("inf") else max(0.0, timeout_s)))
        except TimeoutError:
            raise too_late(self._target) from None
        finally:
            self.questions.forget(number)

    def close(self) -> None:
        self._call.cancel()

    def _hear(self) -> None:
        lost = ended_by(self._target)
        try:
            for response in self._call:
                self.questions.came(response)
        except grpc.RpcError as error:
            lost = lost_by(error, self._target)
        finally:
            self.questions.end(lost)
            self._sent.put(None)  # lets gRPC's thread go that waits for the next
