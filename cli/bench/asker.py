"""Asks a server over gRPC through a few connections, without retries, so that failures are counted."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc

from .choices import Choice
from .errors import BenchError
from .material import Material
from .new_photos import made_new
from .tally import OK, TIMED_OUT, AskOutcome

if TYPE_CHECKING:
    from asksight.v1 import vqa_pb2

FIRST_S = 10.0  # at least, for what is asked before anything is measured
MAX_KNOWN = 256  # photos that follow-ups are about
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),  # or all channels would share one connection
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", 64 * 2**20),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class Asker:
    """Belongs to one event loop. Its `ask` never raises for what a server says; `model` and `show` do."""

    def __init__(
        self,
        address: str,
        material: Material,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        channels: int = 4,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from asksight.client.channel import bearer, complete_target, straight
        from asksight.v1 import vqa_pb2, vqa_pb2_grpc

        self.address = complete_target(address)
        self._options = [*OPTIONS, *straight(self.address)]
        self.material = material
        self.known: list[str] = []  # ids of the first photos, once they were shown
        self._metadata = bearer(token)
        self._timeout_s = timeout_s
        self._first_s = max(FIRST_S, timeout_s)
        self._clock = clock
        self._channels = [self._channel(credentials) for _ in range(channels)]
        stubs: list[vqa_pb2_grpc.VqaServiceAsyncStub] = [
            vqa_pb2_grpc.VqaServiceStub(channel) for channel in self._channels
        ]
        self._stub = itertools.cycle(stubs).__next__
        self._request = vqa_pb2.AskRequest
        self._verdicts = {
            number: name.removeprefix("VERDICT_").lower() for name, number in vqa_pb2.Verdict.items()
        }
        self._run, self._count = os.urandom(8), itertools.count()  # no photo of another run is sent again

    def _channel(self, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
        if credentials is None:
            return grpc.aio.insecure_channel(self.address, options=self._options)
        return grpc.aio.secure_channel(self.address, credentials, options=self._options)

    async def model(self) -> vqa_pb2.GetModelResponse:
        """Ask what is served. Raises AskSightError, where there is no server too."""
        from asksight.client.faults import from_call
        from asksight.v1 import vqa_pb2

        try:
            return await self._stub().GetModel(
                vqa_pb2.GetModelRequest(), timeout=self._first_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            raise from_call(error, target=self.address) from error

    async def show(self, count: int) -> None:
        """Ask once about each of the first `count` photos. Raises AskSightError; BenchError for a bad photo."""
        from asksight.client import InvalidAskError
        from asksight.client.faults import from_call

        self.known = []
        for name, photo in list(zip(self.material.names, self.material.photos, strict=True))[:count]:
            request = self._request(image_data=photo, question=self.material.questions[0])
            try:
                response = await self._stub().Ask(request, timeout=self._first_s, metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                failure = from_call(error, target=self.address)
                if isinstance(failure, InvalidAskError) and failure.field.startswith("image"):
                    raise BenchError(f"{name} is refused: {failure}") from error
                raise failure from error
            self.known.append(response.image_id)

    async def ask(self, choice: Choice, due_s: float) -> AskOutcome:
        """Ask until the timeout, which runs from `due_s`; a photo that was forgotten is sent again within it."""
        question = self.material.questions[choice.question]
        resent = False
        if choice.follow_up:
            request = self._request(image_id=self.known[choice.photo], question=question)
            outcome = await self._send(request, due_s)
            if outcome.code != "NOT_FOUND":
                return outcome._replace(follow_up=True)
            photo, resent = self.material.photos[choice.photo], True
        else:
            photo = self._new(self.material.photos[choice.photo])
        outcome = await self._send(self._request(image_data=photo, question=question), due_s)
        return outcome._replace(resent=resent, follow_up=choice.follow_up)

    async def _send(self, request: vqa_pb2.AskRequest, due_s: float) -> AskOutcome:
        left_s = due_s + self._timeout_s - self._clock()
        if left_s <= 0:
            return AskOutcome(TIMED_OUT)
        try:
            response = await self._stub().Ask(request, timeout=left_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            return AskOutcome(error.code().name)
        return AskOutcome(OK, self._verdicts.get(response.verdict, "other"))

    def _new(self, photo: bytes) -> bytes:
        return made_new(photo, self._run + next(self._count).to_bytes(8, "big")) or photo

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
