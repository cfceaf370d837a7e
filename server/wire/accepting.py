"""A gRPC server that outlives calls of methods whose names are no text.

grpcio's asyncio server, as of 1.85, decodes the name of each method that is not registered in the loop that accepts
calls; where that fails, the loop ends, and with it the server: one call by anybody whose path holds a byte FF. So our
methods are registered, which gRPC's core finds by their bytes, and a call of any other is refused without a look at
its name. That takes some of grpcio's inner functions; where a version has them no more, its own server is used as is.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import grpc

Methods = Mapping[str, Mapping[str, Any]]  # handlers by the names of service and method

cygrpc: Any = importlib.import_module("grpc._cython.cygrpc")  # which has no types

UNKNOWN = "an unknown method"
WANTED = ("_RequestCallError", "_MethodResolver", "_schedule_rpc_coro", "_handle_rpc")
HAS_ALL = hasattr(cygrpc.AioServer, "_request_call") and all(hasattr(cygrpc, name) for name in WANTED)


class _Accepting(cygrpc.AioServer):  # type: ignore[misc]
    """grpcio's server; with `refused_by` set, calls of what is not registered go no further than that."""

    refused_by: tuple[Any, ...] | None = None  # interceptors, which may refuse them with another status
    refusals: set[asyncio.Task[None]]

    async def _request_call(self) -> Any:
        """Accept a call of a method that is not registered; grpcio asks for another one after its own error."""
        state = await super()._request_call()
        if self.refused_by is None:
            return state
        loop = asyncio.get_running_loop()
        none = cygrpc._MethodResolver([], {})
        answer = cygrpc._handle_rpc(UNKNOWN, none, self.refused_by, state, loop, False)
        refusal = loop.create_task(cygrpc._schedule_rpc_coro(answer, state, loop, UNKNOWN))
        self.refusals.add(refusal)
        refusal.add_done_callback(self.refusals.discard)
        raise cygrpc._RequestCallError


def make_server(
    methods: Methods, *, interceptors: Sequence[Any], options: Sequence[tuple[str, Any]]
) -> grpc.aio.Server:
    """A server of these methods, not started yet; `interceptors` see calls of others too."""
    if not HAS_ALL:
        server = grpc.aio.server(interceptors=interceptors, options=options)
        for service, handlers in methods.items():
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, dict(handlers)),))
        return server
    theirs = cygrpc.AioServer
    cygrpc.AioServer = _Accepting
    try:
        server = grpc.aio.server(interceptors=interceptors, options=options)
    finally:
        cygrpc.AioServer = theirs
    accepting: Any = server
    accepting._server.refused_by = tuple(interceptors)
    accepting._server.refusals = set()
    for service, handlers in methods.items():
        accepting.add_registered_method_handlers(service, dict(handlers))
    return server
