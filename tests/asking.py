"""The asks that tests send, each about a photo of its own by `seed`, and a refusal over the wire."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from photo_files import photo
from server_rig import WAIT_S

from asksight.server.asks import Ask
from asksight.v1 import vqa_pb2

QUESTION = "what colour is this?"


def ask(seed: int = 0, question: str = QUESTION, **more: Any) -> Ask:
    return Ask(question=question, photo=photo(seed=seed), **more)


def request(seed: int = 0, question: str = QUESTION, **more: Any) -> vqa_pb2.AskRequest:
    if "image_id" not in more and "image_data" not in more:
        more["image_data"] = photo(seed=seed)
    return vqa_pb2.AskRequest(question=question, **more)


def refusal(call: Any, *args: Any, timeout: float = WAIT_S) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as refused:
        call(*args, timeout=timeout)
    return refused.value
