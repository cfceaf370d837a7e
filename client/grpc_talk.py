"""A conversation over gRPC for the blocking client: one stream, another one where that is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any

import grpc

from asksight.v1 import vqa_pb2

from .faults import too_late
from .talks import (
    Questions,
    StreamLostError,
    Streams,
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
        """`converse` opens a stream for an ask; `ask` is the way without a stream."""
        self._plain_ask = ask
        self._streams = Streams(lambda request: Stream(converse, request, target))

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        deadline_s = time.monotonic() + timeout_s
        while (way := self._streams.way(request)) is not None:
            stream, fresh = way
            try:
                return stream.ask(request, deadline_s - time.monotonic())
            except StreamLostError as lost:
                self._streams.lost(stream, fresh, lost)
        return self._plain_ask(request, deadline_s - time.monotonic())

    def close(self) -> None:
        """End the stream; what is still asked by it fails."""
        self._streams.close()


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
