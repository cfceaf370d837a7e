"""The gRPC face of the assistant: messages in, messages or statuses out. Lives in the event loop.

Messages come and go as bytes: a message is received once its caller is known, and looked at once it is let in.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import grpc
from google.protobuf.message import Message

from asksight.v1 import vqa_pb2

from ..access.calls import Call, Desk
from ..core.assistant import Assistant
from .accepting import Methods
from .called import called
from .conversations import METHOD as CONVERSE
from .conversations import Conversations
from .receiving import Receiving
from .requests import read, read_ask, read_batch
from .responses import to_batch_response, to_model_response

NAME = vqa_pb2.DESCRIPTOR.services_by_name["VqaService"].full_name


Answer = Callable[[bytes, Call], Coroutine[Any, Any, Message]]  # raises AskError


class VqaMethods:
    """What each method answers, once its call was let in, whoever carries the messages."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.by_name: dict[str, Answer] = {
            "Ask": self.ask,
            "AskBatch": self.ask_batch,
            "GetModel": self.get_model,
        }

    async def ask(self, message: bytes, call: Call) -> vqa_pb2.AskResponse:
        """Answer one ask."""
        ask = read_ask(message, call.deadline_s, caller=call.caller_key)
        call.questions = [ask.question]
        return await self._assistant.ask(ask)

    async def ask_batch(self, message: bytes, call: Call) -> vqa_pb2.AskBatchResponse:
        """Answer many, each by itself."""
        most = self._assistant.limits.max_asks_per_batch
        asks = read_batch(message, call.deadline_s, most=most, caller=call.caller_key)
        call.questions = [ask.question for ask in asks]
        call.holds(len(asks))
        return to_batch_response(await self._assistant.ask_each(asks))

    async def get_model(self, message: bytes, call: Call) -> vqa_pb2.GetModelResponse:
        """Say what is served."""
        wanted = read(vqa_pb2.GetModelRequest, message).model
        return to_model_response(self._assistant.model_info(wanted))


class VqaService:
    """Answers calls of VqaService."""

    def __init__(self, assistant: Assistant, desk: Desk, receiving: Receiving) -> None:
        self._methods = VqaMethods(assistant)
        self._desk = desk
        self._receiving = receiving
        self.conversations = Conversations(assistant, desk, receiving)

    def methods(self) -> Methods:
        """What a gRPC server is to be given. Of a stream's messages none is received before it is asked for."""
        return {
            NAME: {
                CONVERSE: self.conversations.handler(),
                **{
                    name: grpc.stream_unary_rpc_method_handler(
                        called(name, answer, desk=self._desk, receiving=self._receiving)
                    )
                    for name, answer in self._methods.by_name.items()
                },
            }
        }
