"""A conversation with a server by gRPC's own stub, for tests."""

from __future__ import annotations

import queue
from typing import Any

import grpc
import pytest
from photo_files import photo
from server_rig import WAIT_S, Served

from asksight.v1 import vqa_pb2

CONVERSE = "/asksight.v1.VqaService/Converse"


QUESTION = "what colour is this?"


IN_TIME = grpc.StatusCode.DEADLINE_EXCEEDED


def open_ones(served: Served) -> list[Any]:
    return served.rig.look(lambda: list(served.server._service.conversations._open))


class Talk:
    """A conversation by gRPC's own stub."""

    def __init__(self, served: Served, *, metadata: Any = (), timeout: float = WAIT_S, **start: Any) -> None:
        self._sent: queue.SimpleQueue[vqa_pb2.ConverseRequest | None] = queue.SimpleQueue()
        if not start.keys() & {"image_id", "image_data"}:
            start["image_data"] = photo(seed=1)
        self._sent.put(vqa_pb2.ConverseRequest(start=vqa_pb2.ConversationStart(**start)))
        self.call = served.stub.Converse(iter(self._sent.get, None), timeout=timeout, metadata=metadata)

    def ask(
        self, number: int, question: str = QUESTION, *, timeout: float | None = None, top_k: int = 0
    ) -> None:
        asked = vqa_pb2.ConversationQuestion(id=number, question=question, top_k=top_k)
        if timeout is not None:
            asked.timeout.FromMilliseconds(round(1000 * timeout))
        self.send(vqa_pb2.ConverseRequest(question=asked))

    def send(self, message: vqa_pb2.ConverseRequest) -> None:
        self._sent.put(message)

    def hear(self) -> vqa_pb2.ConverseResponse:
        said: vqa_pb2.ConverseResponse = next(self.call)
        return said

    def answer(self, number: int, question: str = QUESTION, **more: Any) -> vqa_pb2.AskResponse:
        self.ask(number, question, **more)
        said = self.hear()
        assert (said.id, said.WhichOneof("result")) == (number, "response"), said
        return said.response

    def end(self) -> None:
        """Half-close."""
        self._sent.put(None)

    def ended(self) -> grpc.RpcError:
        """The error that it ended with."""
        with pytest.raises(grpc.RpcError) as refused:
            for _ in self.call:
                pass
        return refused.value
