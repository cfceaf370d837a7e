"""A conversation over gRPC for the asyncio client: one stream, another one where that is lost (as grpc_talk.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
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

Sent = AsyncIterator[vqa_pb2.ConverseRequest]


class AsyncGrpcTalk:
    """Lives in one event loop. The stream is opened by the first ask."""

    def __init__(
        self,
        converse: Callable[[Sent, vqa_pb2.AskRequest], Any],
        ask: Callable[[vqa_pb2.AskRequest, float], Awaitable[vqa_pb2.AskResponse]],
        target: str,
    ) -> None:
        """`converse` opens a stream for an ask; `ask` is the way without a stream."""
        self._plain_ask = ask
        self._streams = Streams(lambda request: AsyncStream(converse, request, target))

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        deadline_s = time.monotonic() + timeout_s
        while (way := self._streams.way(request)) is not None:
            stream, fresh = way
            try:
                return await stream.ask(request, deadline_s - time.monotonic())
            except StreamLostError as lost:
                if lost.unclear:
                    break  # the plain way has the answer, or the reason
                self._streams.lost(stream, fresh, lost)
        return await self._plain_ask(request, deadline_s - time.monotonic())

    async def close(self) -> None:
        """End the stream; what is still asked by it fails."""
        stream = self._streams.close()
        if stream is not None:
            await stream.heard()


class AsyncStream:
    """One call of Converse, and the task that hears what comes by it."""

    def __init__(
        self,
        converse: Callable[[Sent, vqa_pb2.AskRequest], Any],
        request: vqa_pb2.AskRequest,
        target: str,
    ) -> None:
        self.questions = Questions(request)
        self._target = target
        self._sent: asyncio.Queue[vqa_pb2.ConverseRequest] = asyncio.Queue()
        self._sent.put_nowait(to_start(request))
        self._call = converse(self._messages(), request)
        self._hearing = asyncio.create_task(self._hear())

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        """Raises StreamLostError, and AskSightError where the ask itself failed."""
        answer: asyncio.Future[vqa_pb2.ConverseResponse] = asyncio.get_running_loop().create_future()
        number = self.questions.expect(answer)
        self._sent.put_nowait(to_question(request, number, timeout_s))
        try:
            async with asyncio.timeout(None if timeout_s == float("inf") else timeout_s):
                return to_response(await answer)
        except TimeoutError:
            raise too_late(self._target) from None
        finally:
            self.questions.forget(number)

    def close(self) -> None:
        self._call.cancel()

    async def heard(self) -> None:
        """Return when its end has been heard."""
        await self._hearing

    async def _messages(self) -> Sent:
        while True:
            yield await self._sent.get()

    async def _hear(self) -> None:
        lost = ended_by(self._target)
        try:
            async for response in self._call:
                self.questions.came(response)
        except grpc.aio.AioRpcError as error:
            lost = lost_by(error, self._target)
        except asyncio.CancelledError:  # by our own close, which gRPC tells so
            if not self._call.cancelled():
                raise
        finally:
            self.questions.end(lost)
