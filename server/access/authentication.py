"""Who calls? Tokens are looked at before a byte of the message is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from ..errors import Unauthenticated
from .callers import Caller
from .networks import network_of
from .tokens import Token, TokenFile

# Load balancers ask these, and they tell nothing.
OPEN_TO_ALL = (
    "/grpc.health.v1.Health/",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
)
BEARER = "bearer "

Metadata = Iterable[tuple[str, str | bytes]]


class Peer(Protocol):
    """Where a call comes from; asked only where no token says whose it is."""

    def peer(self) -> str:
        """As in "ipv4:127.0.0.1:50000"."""
        ...

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """What its certificate says, by gRPC's names."""
        ...


@dataclass(frozen=True, slots=True)
class Authentication:
    """Tells callers apart by token, certificate or address. Thread-safe."""

    tokens: TokenFile | None = None
    certificates: bool = False  # whether clients must show one

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

    def who(self, metadata: Metadata, peer: Peer) -> Caller:
        """Say who calls. Raises Unauthenticated."""
        token = self.check(metadata)
        if token is not None:
            return Caller(f"token:{token.name}", token.name, token.asks_per_s)
        if self.certificates:
            for name in peer.auth_context().get("x509_common_name", ()):
                common_name = name.decode("utf-8", "replace")[:64]
                return Caller(f"certificate:{common_name}", common_name)
        return Caller(network_of(peer.peer()))


class TokenCheck(grpc.aio.ServerInterceptor):
    """Stands before all handlers and turns away who has no token, before the message is received."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication
        # A stream is not read before it is asked for; of a unary call the whole message would be received first.
        self._refuse: Any = grpc.stream_stream_rpc_method_handler(_refuse)

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """Return the handler that refuses, or the call's own."""
        if not handler_call_details.method.startswith(OPEN_TO_ALL):
            try:
                self._authentication.check(handler_call_details.invocation_metadata or ())
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
