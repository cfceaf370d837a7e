"""gRPC's standard services, health and reflection, whose messages are read as ours are: once there is room for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from ..access.networks import network_of
from ..core.arrivals import STRANGER
from ..errors import AskError, InvalidAsk, Overloaded
from ..open_inference.inference_messages import POOL
from .accepting import Methods
from .health import SERVICES, Health
from .receiving import Context, Receiving
from .requests import read
from .status import abort

M = TypeVar("M", bound=Message)

MOST_WATCHES = 1024  # that wait, in all; one address may have a quarter. Each takes 20 kB
RETRY_S = 5.0

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
# Clients ask for v1 first; its messages are v1alpha's byte for byte, and grpcio has no servicer of its own for it.
REFLECTION = (reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection")


def health_methods(health: Health, receiving: Receiving) -> Methods:
    """Check and Watch."""

    async def request(context: Context) -> health_pb2.HealthCheckRequest:
        return await one_message(health_pb2.HealthCheckRequest, context, receiving)

    async def check(_: Any, context: Context) -> health_pb2.HealthCheckResponse:
        return await health.Check(await request(context), context)

    watches = Watches()

    async def watch(_: Any, context: Context) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        wanted = await request(context)
        try:
            with watches.one(_address(context)):
                async for status in health.Watch(wanted, context):
                    yield status
        except AskError as error:
            await abort(context, error)

    written = health_pb2.HealthCheckResponse.SerializeToString
    return {
        HEALTH: {
            "Check": grpc.stream_unary_rpc_method_handler(check, response_serializer=written),
            "Watch": grpc.stream_stream_rpc_method_handler(watch, response_serializer=written),
        }
    }


class Watches:
    """Counts those who watch, who need no token and may stay for ever."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Count one more for as long as it watches. Raises Overloaded."""
        if self._of.total() >= MOST_WATCHES or self._of[address] >= MOST_WATCHES // 4:
            raise Overloaded(retry_after_s=RETRY_S, what="Too many watch already")
        self._of[address] += 1
        try:
            yield
        finally:
            self._of[address] -= 1
            self._of += Counter()  # forgets who watches no more


class BothPools:
    """The descriptors of the Open Inference Protocol, which are in a pool of their own, and all others."""

    def FindFileByName(self, name: str) -> Any:  # noqa: N802 (protobuf's names)
        """As a DescriptorPool does; ours is found before another's of the same name."""
        return _either("FindFileByName", name)

    def FindFileContainingSymbol(self, name: str) -> Any:  # noqa: N802
        """Likewise."""
        return _either("FindFileContainingSymbol", name)

    def FindMessageTypeByName(self, name: str) -> Any:  # noqa: N802
        """Likewise."""
        return _either("FindMessageTypeByName", name)

    def FindExtensionByNumber(self, message: Any, number: int) -> Any:  # noqa: N802
        """In the message's own pool."""
        return message.file.pool.FindExtensionByNumber(message, number)

    def FindAllExtensions(self, message: Any) -> Any:  # noqa: N802
        """In the message's own pool."""
        return message.file.pool.FindAllExtensions(message)


def _either(method: str, name: str) -> Any:
    try:
        return getattr(POOL, method)(name)
    except KeyError:
        return getattr(descriptor_pool.Default(), method)(name)


def reflection_methods(receiving: Receiving) -> Methods:
    """What grpcurl and buf ask first."""
    known: Any = BothPools()
    servicer: Any = ReflectionServicer([*(name for name in SERVICES if name), HEALTH, *REFLECTION], known)

    async def request(context: Context) -> reflection_pb2.ServerReflectionRequest | None:
        message = await receiving.next(context, _address(context))
        return None if message is None else read(reflection_pb2.ServerReflectionRequest, message)

    async def requests(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        try:
            while (one := await request(context)) is not None:
                yield one
        except AskError as error:
            await abort(context, error)

    async def info(_: Any, context: Context) -> AsyncIterator[Message]:
        async for response in servicer.ServerReflectionInfo(requests(context), context):
            yield response

    handler: Any = grpc.stream_stream_rpc_method_handler(
        info, response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString
    )
    return {name: {"ServerReflectionInfo": handler} for name in REFLECTION}


async def one_message(kind: type[M], context: Context, receiving: Receiving) -> M:
    """The call's one message, once no other can follow: what nobody reads would be held while the call lasts."""
    try:
        return await _one_message(kind, context, receiving)
    except AskError as error:
        await abort(context, error)
        raise AssertionError("abort raises") from error


async def _one_message(kind: type[M], context: Context, receiving: Receiving) -> M:
    message = await receiving.message(context, _address(context))
    if await receiving.next(context, _address(context)) is not None:
        raise InvalidAsk("The call has more than one message. Send one, and end.", field="")
    return read(kind, message)


def _address(context: Context) -> str:
    """Whose messages they are: nobody needs a token for health."""
    return STRANGER + network_of(context.peer())
