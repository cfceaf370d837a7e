"""The asyncio client: the methods of `Client`, as coroutines; it follows the same dialogues (dialogue.py)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Self, TypeVar

import grpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from . import batches, dialogue
from .blocking import CLOSED, DEFAULT_TIMEOUT_S, NO_TIME
from .channel import CHANNEL_OPTIONS, bearer, complete_target
from .dialogue import Done, advance
from .errors import AskSightError, ClosedError, DeadlineError
from .faults import from_call
from .photo_bytes import Photo
from .remembered import RememberedPhotos
from .results import Model, Reply
from .transport import AsyncTransport

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")


class AsyncClient:
    """Asks questions about photos from within one event loop. Client documents the methods.

    Photos are read, encoded and hashed in a thread, so that a slow disk does not hold up the loop.
    """

    def __init__(
        self, transport: AsyncTransport, *, timeout: float = DEFAULT_TIMEOUT_S, model: str = ""
    ) -> None:
        self._transport = transport
        self._timeout_s = timeout
        self._model = model
        self._remembered = RememberedPhotos()
        self._closed = False

    async def ask(
        self, photo: Photo, question: str, *, top_k: int = 5, timeout: float | None = None, locale: str = "en"
    ) -> Reply:
        """Ask one question about one photo. `timeout`, in seconds, covers reading, sending and any second attempt."""
        conversation = dialogue.ask(
            photo, question, top_k=top_k, locale=locale, model=self._model, remembered=self._remembered
        )
        deadline = time.monotonic() + self._timeout(timeout)
        return await self._drive(conversation, self._transport.ask, lambda: deadline - time.monotonic())

    async def ask_many(
        self,
        asks: Iterable[tuple[Photo, str]],
        *,
        top_k: int = 5,
        timeout: float | None = None,
        locale: str = "en",
    ) -> list[Reply | AskSightError]:
        """Ask (photo, question) pairs. Where an ask fails, the list has its exception instead of a reply."""
        conversation = batches.ask_many(
            asks, top_k=top_k, locale=locale, model=self._model, remembered=self._remembered
        )
        each_s = self._timeout(timeout)
        return await self._drive(conversation, self._transport.ask_batch, lambda: each_s)

    async def model(self, *, timeout: float | None = None) -> Model:
        """Describe the served model."""
        each_s = self._timeout(timeout)
        return await self._drive(dialogue.get_model(self._model), self._transport.get_model, lambda: each_s)

    async def close(self) -> None:
        """Close the connection. Later asks raise ClosedError; closing twice does no harm."""
        if not self._closed:
            self._closed = True
            await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _timeout(self, timeout: float | None) -> float:
        return self._timeout_s if timeout is None else timeout

    async def _drive(
        self,
        conversation: Generator[Q, A, R],
        send: Callable[[Q, float], Awaitable[A]],
        left_s: Callable[[], float],
    ) -> R:
        if self._closed:
            raise ClosedError(CLOSED)
        outcome: A | AskSightError | None = None
        while True:
            message = await asyncio.to_thread(advance, conversation, outcome)
            if isinstance(message, Done):
                return message.result
            time_left_s = left_s()
            if time_left_s <= 0:
                outcome = DeadlineError(NO_TIME)
                continue
            try:
                outcome = await send(message, time_left_s)
            except ClosedError:
                raise
            except AskSightError as error:
                outcome = error


class AsyncGrpcTransport:
    """Calls the server at `target`. The first call opens the channel, which belongs to the event loop of that call."""

    def __init__(
        self, target: str, *, credentials: grpc.ChannelCredentials | None = None, token: str | None = None
    ) -> None:
        self._metadata = bearer(token)
        self.target = complete_target(target)
        self._credentials = credentials
        self._channel: grpc.aio.Channel | None = None

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        return await self._call(self._stub().Ask, request, timeout_s)

    async def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        return await self._call(self._stub().AskBatch, request, timeout_s)

    async def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        return await self._call(self._stub().GetModel, request, timeout_s)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    def _stub(self) -> vqa_pb2_grpc.VqaServiceAsyncStub:
        if self._channel is None:
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self.target, options=CHANNEL_OPTIONS)
            else:
                self._channel = grpc.aio.secure_channel(
                    self.target, self._credentials, options=CHANNEL_OPTIONS
                )
        return vqa_pb2_grpc.VqaServiceStub(self._channel)

    async def _call(self, method: Callable[..., Awaitable[A]], request: object, timeout_s: float) -> A:
        try:
            return await method(
                request, timeout=None if math.isinf(timeout_s) else timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            raise from_call(error, target=self.target, timeout_s=timeout_s) from error
        except grpc.aio.UsageError as error:  # grpc raises it where the channel was closed in the meantime
            raise ClosedError(CLOSED) from error
