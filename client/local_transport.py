"""The transport to an assistant in this process. Only load() imports it, since it imports the whole server."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from asksight.server.errors import AskError, Unavailable
from asksight.server.local import CLOSED, OPENING_ERRORS, LocalAssistant
from asksight.server.wire.requests import from_request
from asksight.server.wire.responses import to_batch_response, to_model_response
from asksight.v1 import vqa_pb2

from .errors import AskSightError, ClosedError, LoadError, WrongPlaceError
from .faults import Fault, to_error
from .switches import switch
from .talks import TALK_CLOSED, AsyncTalk, Talk

A = TypeVar("A")


class LocalTransport:
    """Takes and gives the same messages as the gRPC service, so that load() and connect() give the same results.

    Thread-safe.
    """

    def __init__(self, bundle: str | os.PathLike[str], *, engine: str, reader: bool = False) -> None:
        switch("reader", reader)
        where = bundle if isinstance(bundle, str) else Path(bundle)
        try:
            self._local = LocalAssistant.open(where, engine=engine, reader=reader)
        except OPENING_ERRORS as error:
            raise LoadError(str(error)) from error
        self._process = os.getpid()

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        self._check_process()
        try:
            return self._local.ask(from_request(request, _deadline_s(timeout_s)))
        except AskError as error:
            raise _told(error) from error

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        self._check_process()
        deadline_s = _deadline_s(timeout_s)
        try:
            results = self._local.ask_many([from_request(one, deadline_s) for one in request.asks])
        except AskError as error:  # the deadline, which all asks of the batch share
            raise _told(error) from error
        return to_batch_response(results)

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        try:
            return to_model_response(self._local.model())
        except AskError as error:
            raise _told(error) from error

    def start(self, request: vqa_pb2.AskRequest, timeout_s: float) -> Future[vqa_pb2.AskResponse]:
        """Begin what `ask` does; the future has the AskError."""
        self._check_process()
        return self._local.start(from_request(request, _deadline_s(timeout_s)))

    def start_batch(
        self, request: vqa_pb2.AskBatchRequest, timeout_s: float
    ) -> Future[list[vqa_pb2.AskResponse | AskError]]:
        """Begin what `ask_batch` does, likewise."""
        self._check_process()
        deadline_s = _deadline_s(timeout_s)
        return self._local.start_many([from_request(one, deadline_s) for one in request.asks])

    def talk(self) -> Talk:
        """The way of one conversation: that of all asks."""
        return LocalTalk(self)

    def close(self) -> None:
        self._local.close()

    def _check_process(self) -> None:
        """Threads do not outlive a fork: in the child nobody would answer."""
        if os.getpid() != self._process:
            raise WrongPlaceError(
                "This bundle was loaded in another process, and its engines did not come along when that was forked. "
                "Call load() in the process that asks, after the fork."
            )


class LocalTalk:
    """Asks as the transport does, until it is closed."""

    def __init__(self, transport: LocalTransport) -> None:
        self._transport = transport
        self._closed = False

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        if self._closed:
            raise ClosedError(TALK_CLOSED)
        return self._transport.ask(request, timeout_s)

    def close(self) -> None:
        self._closed = True


class AsyncLocalTransport:
    """The same for asyncio: who waits for an answer takes no thread, and who leaves is not answered."""

    def __init__(self, blocking: LocalTransport) -> None:
        self._blocking = blocking

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        return await _answered(lambda: self._blocking.start(request, timeout_s))

    async def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        results = await _answered(lambda: self._blocking.start_batch(request, timeout_s))
        return to_batch_response(results)

    async def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        return self._blocking.get_model(request, timeout_s)

    def talk(self) -> AsyncTalk:
        """The way of one conversation: that of all asks."""
        return AsyncLocalTalk(self)

    async def close(self) -> None:
        await asyncio.to_thread(self._blocking.close)  # what was accepted is finished


class AsyncLocalTalk:
    """Asks as the transport does, until it is closed."""

    def __init__(self, transport: AsyncLocalTransport) -> None:
        self._transport = transport
        self._closed = False

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        if self._closed:
            raise ClosedError(TALK_CLOSED)
        return await self._transport.ask(request, timeout_s)

    async def close(self) -> None:
        self._closed = True


async def _answered(begin: Callable[[], Future[A]]) -> A:
    """Begin it and wait for what it gives. Raises AskSightError."""
    begun: Future[A] | None = None
    try:
        begun = begin()
        return await asyncio.wrap_future(begun)
    except AskError as error:
        raise _told(error) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if begun is not None and begun.cancelled() and task is not None and not task.cancelling():
            raise _told(Unavailable(CLOSED)) from None  # not who waits: the assistant's loop has ended
        raise


def _told(error: AskError) -> AskSightError:
    return to_error(
        Fault(code=error.code, message=error.message, field=error.field, retry_after_s=error.retry_after_s)
    )


def _deadline_s(timeout_s: float) -> float | None:
    return None if math.isinf(timeout_s) else time.monotonic() + timeout_s
