"""The asyncio client: the methods of `Client`, as coroutines; it follows the same dialogues (dialogue.py)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import grpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from . import batches, dialogue
from .async_talk import AsyncGrpcTalk
from .blocking import CLOSED, DEFAULT_TIMEOUT_S, NO_TIME
from .channel import Balancing, Metadata, bearer, channel_options, complete_target
from .conversation import AsyncConversation
from .dialogue import Done, ReadOnce, advance
from .errors import AskSightError, ClosedError, DeadlineError, WrongPlaceError
from .faults import from_call
from .photo_bytes import Photo
from .photo_place import photo_place
from .remembered import RememberedPhotos
from .results import Model, Reply
from .sending import Sending
from .switches import switch
from .talks import AsyncTalk
from .timeouts import as_metadata, default_timeout_s, timeout_s
from .transport import AsyncTransport

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")


class AsyncClient:
    """Asks questions about photos from within one event loop. Client documents the methods.

    Photos are read, encoded and hashed in a thread, so that a slow disk does not hold up the loop.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        model: str = "",
        wait_for_server: bool = True,
    ) -> None:
        self._transport = transport
        self._timeout_s = default_timeout_s(timeout)
        self._model = model
        self._wait_for_server = switch("wait_for_server", wait_for_server)
        self._remembered = RememberedPhotos()
        self._closed = False

    async def ask(
        self,
        photo: Photo,
        question: str,
        *,
        top_k: int = 5,
        timeout: float | None = None,
        locale: str = "en",
        after: Reply | None = None,
        attention: bool = False,
    ) -> Reply:
        """Ask one question about one photo. `timeout`, in seconds, covers reading, sending and any second attempt."""
        send = self._transport.ask
        return await self._ask(
            send,
            photo,
            question,
            top_k=top_k,
            timeout=timeout,
            locale=locale,
            after=after,
            attention=attention,
        )

    def conversation(self, photo: Photo, *, top_k: int = 5, locale: str = "en") -> AsyncConversation:
        """Begin a conversation about one photo."""
        talk = self._transport.talk()
        return AsyncConversation(partial(self._ask, talk.ask), talk, photo, top_k=top_k, locale=locale)

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
        return await self._drive(
            conversation, self._transport.ask_batch, each_s, lambda: time.monotonic() + each_s
        )

    async def model(self, *, timeout: float | None = None) -> Model:
        """Describe the served model."""
        each_s = self._timeout(timeout)
        conversation = dialogue.get_model(self._model)
        return await self._drive(
            conversation, self._transport.get_model, each_s, lambda: time.monotonic() + each_s
        )

    async def close(self) -> None:
        """Close the connection. Later asks raise ClosedError; closing twice does no harm."""
        if not self._closed:
            self._closed = True
            await self._transport.close()

    def __reduce__(self) -> str:
        """Say in words why it cannot be pickled or copied, as for a process that is spawned. Raises TypeError."""
        raise TypeError("A client cannot be copied or sent to another process. Call connect_async() there.")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(
        self,
        send: Callable[[vqa_pb2.AskRequest, float], Awaitable[vqa_pb2.AskResponse]],
        photo: Photo | ReadOnce,
        question: str,
        *,
        top_k: int,
        timeout: float | None,
        locale: str,
        after: Reply | None,
        attention: bool,
    ) -> Reply:
        conversation = dialogue.ask(
            photo,
            question,
            top_k=top_k,
            locale=locale,
            model=self._model,
            remembered=self._remembered,
            after=after,
            attention=attention,
        )
        within_s = self._timeout(timeout)
        deadline = time.monotonic() + within_s
        return await self._drive(conversation, send, within_s, lambda: deadline)

    def _timeout(self, timeout: float | None) -> float:
        return self._timeout_s if timeout is None else timeout_s(timeout)

    async def _drive(
        self,
        conversation: Generator[Q, A, R],
        send: Callable[[Q, float], Awaitable[A]],
        within_s: float,
        deadline_s: Callable[[], float],
    ) -> R:
        if self._closed:
            raise ClosedError(CLOSED)
        outcome: A | AskSightError | None = None
        while True:
            message = await asyncio.to_thread(advance, conversation, outcome)
            if isinstance(message, Done):
                return message.result
            outcome = await self._sent(message, send, within_s, deadline_s())

    async def _sent(
        self, message: Q, send: Callable[[Q, float], Awaitable[A]], within_s: float, deadline_s: float
    ) -> A | AskSightError | None:
        sending: Sending[Q, A] = Sending(message, timeout_s=within_s, wait_for_server=self._wait_for_server)
        while True:
            if self._closed:
                raise ClosedError(CLOSED)
            left_s = deadline_s - time.monotonic()
            try:
                if left_s <= 0:
                    raise DeadlineError(NO_TIME)
                came: A | AskSightError = await send(sending.message, left_s)
            except (ClosedError, WrongPlaceError):
                raise
            except AskSightError as error:
                came = error
            wait_s = sending.after(came, deadline_s - time.monotonic())
            if wait_s is None:
                return sending.outcome
            await asyncio.sleep(wait_s)


class AsyncGrpcTransport:
    """Calls the server at `target`. The first call opens the channel, which belongs to the event loop of that call."""

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        balancing: Balancing = "round_robin",
    ) -> None:
        self._metadata = bearer(token)
        self.target = complete_target(target)
        self._options = channel_options(self.target, balancing)
        self._credentials = credentials
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channel: grpc.aio.Channel | None = None

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        return await self._call(self._stub().Ask, request, timeout_s, photo_place(request))

    async def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        return await self._call(self._stub().AskBatch, request, timeout_s, photo_place(request))

    async def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        return await self._call(self._stub().GetModel, request, timeout_s)

    def talk(self) -> AsyncTalk:
        """The way of one conversation."""

        def converse(messages: AsyncIterator[vqa_pb2.ConverseRequest], request: vqa_pb2.AskRequest) -> object:
            return self._stub().Converse(messages, metadata=self._metadata + photo_place(request))

        return AsyncGrpcTalk(converse, self.ask, self.target)

    async def close(self) -> None:
        if self._channel is not None and self._loop is asyncio.get_running_loop():
            await self._channel.close()

    def _stub(self) -> vqa_pb2_grpc.VqaServiceAsyncStub:
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._loop = loop
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self.target, options=self._options)
            else:
                self._channel = grpc.aio.secure_channel(self.target, self._credentials, options=self._options)
        elif self._loop is not loop:
            raise WrongPlaceError(
                "This client belongs to the event loop of its first ask, and was used from another. Make one with "
                "connect_async() in each loop; asyncio.run() starts a new loop each time."
            )
        return vqa_pb2_grpc.VqaServiceStub(self._channel)

    async def _call(
        self, method: Callable[..., Awaitable[A]], request: object, timeout_s: float, place: Metadata = ()
    ) -> A:
        within_s = None if math.isinf(timeout_s) else timeout_s
        try:
            metadata = self._metadata + as_metadata(timeout_s) + place
            return await method(request, timeout=within_s, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise from_call(error, target=self.target) from error
        except grpc.aio.UsageError as error:  # grpc raises it where the channel was closed in the meantime
            raise ClosedError(CLOSED) from error
