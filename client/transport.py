"""How a client reaches an assistant: one small protocol, so that the rest does not know where it is."""

from __future__ import annotations

from typing import Protocol

from asksight.v1 import vqa_pb2


class Transport(Protocol):
    """Carries one message at a time, from any thread; `timeout_s` may be infinite.

    Every method raises AskSightError, with the wire's failures already translated.
    """

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse: ...

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse: ...

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse: ...

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """The same for asyncio, within one event loop."""

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse: ...

    async def ask_batch(
        self, request: vqa_pb2.AskBatchRequest, timeout_s: float
    ) -> vqa_pb2.AskBatchResponse: ...

    async def get_model(
        self, request: vqa_pb2.GetModelRequest, timeout_s: float
    ) -> vqa_pb2.GetModelResponse: ...

    async def close(self) -> None: ...
