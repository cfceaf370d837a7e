"""The door of the server: who is it? Tokens are looked at before a byte of the message is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from ..errors import Unauthenticated
from .callers import Caller
from .tokens import Token, TokenFile

OPEN_TO_ALL = "/grpc.health.v1.Health/"  # load balancers ask it, and it tells nothing
BEARER = "bearer "
INNER = "unix:"  # the HTTP face of this process, in a folder that only this user may enter

Metadata = Iterable[tuple[str, str | bytes]]
Handler = Any  # grpc.RpcMethodHandler


@dataclass(frozen=True, slots=True)
class Door:
    """Tells callers apart by token, certificate or address. Thread-safe."""

    tokens: TokenFile | None = None

    def check(self, metadata: Metadata) -> Token | None:
        """Look at the token, where any is needed. Raises Unauthenticated."""
        if self.tokens is None:
            return None
        given = _value(metadata, "authorization")
        known = self.tokens.find(
            given[len(BEARER) :].strip() if given[: len(BEARER)].lower() == BEARER else ""
        )
        if known is None:
            raise Unauthenticated
        return known

    def who(self, metadata: Metadata, peer: str, certificate: Mapping[str, Iterable[bytes]]) -> Caller:
        """Say who calls. Raises Unauthenticated."""
        token = self.check(metadata)
        if token is not None:
            return Caller(f"token:{token.name}", token.name, token.asks_per_s)
        for name in certificate.get("x509_common_name", ()):
            common_name = name.decode("utf-8", "replace")[:64]
            return Caller(f"certificate:{common_name}", common_name)
        if peer.startswith(INNER):
            return Caller(f"http:{_value(metadata, 'x-forwarded-for')}")
        return Caller(peer.rpartition(":")[0])  # without the port: as many as there are connections


class TokenCheck(grpc.aio.ServerInterceptor):
    """Turns away who has no token, before the message is received."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._refuse: Handler = grpc.unary_unary_rpc_method_handler(_refuse)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        if not handler_call_details.method.startswith(OPEN_TO_ALL):
            try:
                self._door.check(handler_call_details.invocation_metadata or ())
            except Unauthenticated:
                return self._refuse
        return await continuation(handler_call_details)


async def _refuse(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, Unauthenticated().message)


def _value(metadata: Metadata, wanted: str) -> str:
    for key, value in metadata:
        if key == wanted and isinstance(value, str):
            return value
    return ""
