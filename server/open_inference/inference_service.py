"""The Open Inference Protocol at our own server: its calls go through the same doors as `VqaService`'s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from ..access.calls import Desk
from ..core.assistant import Assistant
from ..wire.accepting import Methods
from ..wire.called import called
from ..wire.health import Health
from ..wire.receiving import Context, Receiving
from ..wire.standard import one_message
from .inference_messages import SERVICE
from .inference_methods import InferenceMethods


class InferenceService:
    """Answers calls of GRPCInferenceService."""

    def __init__(self, assistant: Assistant, desk: Desk, receiving: Receiving, health: Health) -> None:
        self._methods = InferenceMethods(assistant, lambda: health.is_serving)
        self._desk = desk
        self._receiving = receiving

    def methods(self) -> Methods:
        """What a gRPC server is to be given. Two of them need no token, as health needs none."""

        def open_to_all(kind: Any, answer: Callable[[], Any]) -> Callable[[Any, Context], Awaitable[bytes]]:
            async def handler(_: Any, context: Context) -> bytes:
                await one_message(kind, context, self._receiving)
                written: bytes = answer().SerializeToString()
                return written

            return handler

        handlers: dict[str, Any] = {
            name: called(name, answer, desk=self._desk, receiving=self._receiving)
            for name, answer in self._methods.by_name.items()
        }
        handlers |= {
            name: open_to_all(kind, answer) for name, (kind, answer) in self._methods.open_to_all.items()
        }
        return {SERVICE: {name: grpc.stream_unary_rpc_method_handler(one) for name, one in handlers.items()}}
