"""gRPC's standard services, health and reflection, whose messages are read as ours are: once there is room for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from ..errors import AskError
from .health import SERVICES, Health
from .receiving import Context, Receiving
from .requests import read
from .status import abort

M = TypeVar("M", bound=Message)

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
# Clients ask for v1 first; its messages are v1alpha's byte for byte, and grpcio has no servicer of its own for it.
REFLECTION = (reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection")


def health_handlers(health: Health, receiving: Receiving) -> grpc.GenericRpcHandler:
    """Check and Watch."""

    async def request(context: Context) -> health_pb2.HealthCheckRequest:
        return await _one(health_pb2.HealthCheckRequest, context, receiving)

    async def check(_: Any, context: Context) -> health_pb2.HealthCheckResponse:
        return await health.Check(await request(context), context)

    async def watch(_: Any, context: Context) -> None:
        await health.Watch(await request(context), context)

    written = health_pb2.HealthCheckResponse.SerializeToString
    return grpc.method_handlers_generic_handler(
        HEALTH,
        {
            "Check": grpc.stream_unary_rpc_method_handler(check, response_serializer=written),
            "Watch": grpc.stream_stream_rpc_method_handler(watch, response_serializer=written),
        },
    )


def reflection_handlers(receiving: Receiving) -> Sequence[grpc.GenericRpcHandler]:
    """What grpcurl and buf ask first."""
    servicer: Any = ReflectionServicer([*(name for name in SERVICES if name), HEALTH, *REFLECTION])

    async def requests(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        try:
            while (message := await receiving.next(context, _address(context))) is not None:
                yield read(reflection_pb2.ServerReflectionRequest, message)
        except AskError as error:
            await abort(context, error)

    async def info(_: Any, context: Context) -> AsyncIterator[Message]:
        async for response in servicer.ServerReflectionInfo(requests(context), context):
            yield response

    handler: Any = grpc.stream_stream_rpc_method_handler(
        info, response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString
    )
    return [
        grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}) for name in REFLECTION
    ]


async def _one(kind: type[M], context: Context, receiving: Receiving) -> M:
    try:
        return read(kind, await receiving.message(context, _address(context)))
    except AskError as error:
        await abort(context, error)
        raise AssertionError("abort raises") from error


def _address(context: Context) -> str:
    """Whose messages they are: nobody needs a token for health."""
    return str(context.peer()).rpartition(":")[0]
