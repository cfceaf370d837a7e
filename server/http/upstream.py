"""The way from HTTP to the gRPC server of this process, over a socket of its own.

So an ask meets the same tokens, limits, deadlines, metrics and models by either door, whatever they come to be.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from starlette.requests import Request

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .problems import Problem, from_rpc, refused

R = TypeVar("R")

DEFAULT_TIMEOUT_S = 30.0  # for callers that state none: a browser's tab may wait for ever
TIMEOUT_HEADER = "grpc-timeout"  # as in gRPC over HTTP/2 and in grpc-gateway: "2500m" is 2.5 seconds
TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
UNIT_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
PASSED_ON = ("authorization", "x-request-id", "traceparent", "tracestate")
REQUEST_ID = "x-request-id"


class Upstream:
    """Calls the service; lives in one event loop, from `open` to `close`."""

    def __init__(self, address: str, *, max_message_bytes: int) -> None:
        self._address = address
        self._max_message_bytes = max_message_bytes
        self._channel: grpc.aio.Channel | None = None

    async def open(self) -> None:
        """Connect, in the loop that will call."""
        self._channel = grpc.aio.insecure_channel(
            self._address,
            options=[
                (
                    "grpc.max_send_message_length",
                    2 * self._max_message_bytes,
                ),  # the server says what is too long
                ("grpc.max_receive_message_length", self._max_message_bytes),
                ("grpc.enable_http_proxy", 0),
            ],
        )

    async def close(self) -> None:
        """Hang up."""
        if self._channel is not None:
            await self._channel.close()

    async def ask(
        self, ask: vqa_pb2.AskRequest, request: Request
    ) -> tuple[vqa_pb2.AskResponse, dict[str, str]]:
        """Ask on behalf of an HTTP request; its leaving cancels the ask. Raises Problem."""
        return await self._call(self._stub().Ask, ask, request)

    async def model(
        self, wanted: vqa_pb2.GetModelRequest, request: Request
    ) -> tuple[vqa_pb2.GetModelResponse, dict[str, str]]:
        """Ask what is being served. Raises Problem."""
        return await self._call(self._stub().GetModel, wanted, request)

    def _stub(self) -> Any:
        assert self._channel is not None, "open() comes first"
        return vqa_pb2_grpc.VqaServiceStub(self._channel)

    async def _call(
        self, method: Callable[..., Any], message: Any, request: Request
    ) -> tuple[Any, dict[str, str]]:
        metadata = [(name, request.headers[name]) for name in PASSED_ON if name in request.headers]
        if request.client is not None:
            metadata.append(("x-forwarded-for", request.client.host))
        call = method(message, timeout=timeout_s(request), metadata=metadata)
        gone = asyncio.create_task(_gone(request))
        answered: asyncio.Task[Any] = asyncio.create_task(_awaited(call))
        try:
            await asyncio.wait({gone, answered}, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                raise Problem(499, "CANCELLED", "The caller went away.")
            response = answered.result()
            trailing = dict(await call.trailing_metadata() or ())
            return response, {REQUEST_ID: str(trailing[REQUEST_ID])} if REQUEST_ID in trailing else {}
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error.code(), error.details(), list(error.trailing_metadata() or ())) from None
        except (
            grpc.aio.UsageError
        ) as error:  # what metadata cannot carry, such as a token with control characters
            raise refused(400, f"A header cannot be passed on: {error}") from None
        finally:
            gone.cancel()
            answered.cancel()
            call.cancel()  # nothing to a call that is done


def timeout_s(request: Request) -> float:
    """How long the caller waits, in seconds, by its Grpc-Timeout header. Raises Problem for one that is none."""
    stated = request.headers.get(TIMEOUT_HEADER)
    if stated is None:
        return DEFAULT_TIMEOUT_S
    found = TIMEOUT.fullmatch(stated)
    if found is None:
        raise refused(
            400,
            f"Grpc-Timeout is {stated[:20]!r}; write one to eight digits and H, M, S, m, u or n: 2500m is 2.5 s.",
        )
    return int(found[1]) * UNIT_S[found[2]]


async def _awaited(call: Awaitable[R]) -> R:
    return await call


async def _gone(request: Request) -> None:
    """Return when the caller has hung up; its request was read to the end before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
