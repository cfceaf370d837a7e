"""The interface through which a client calls an assistant, over gRPC or in this process."""

from __future__ import annotations

from typing import Protocol

from asksight.v1 import vqa_pb2

from .talks import AsyncTalk, Talk


class Transport(Protocol):
    """Sends one message and gives its response. Thread-safe; `timeout_s` may be infinite.

    Every failed call raises an AskSightError.
    """

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse: ...

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse: ...

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse: ...

    def talk(self) -> Talk: ...

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """The same interface for asyncio, within one event loop."""

    async def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse: ...

    async def ask_batch(
        self, request: vqa_pb2.AskBatchRequest, timeout_s: float
    ) -> vqa_pb2.AskBatchResponse: ...

    async def get_model(
        self, request: vqa_pb2.GetModelRequest, timeout_s: float
    ) -> vqa_pb2.GetModelResponse: ...

    def talk(self) -> AsyncTalk: ...

    async def close(self) -> None: ...
