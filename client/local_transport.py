"""The transport to an assistant in this process; only load() imports it, since it brings the whole server in."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from asksight.server.assistant import OPENING_ERRORS, Assistant
from asksight.server.errors import AskError
from asksight.server.status import to_item
from asksight.server.wire import from_request, to_model_response, to_response
from asksight.v1 import vqa_pb2

from .errors import LoadError
from .faults import Fault, to_error


class LocalTransport:
    """Answers through the same messages as the service does, so that both faces give the same. Thread-safe."""

    def __init__(self, bundle: str | os.PathLike[str], *, engine: str) -> None:
        where = bundle if isinstance(bundle, str) else Path(bundle)
        try:
            self._assistant = Assistant.open(where, engine=engine)
        except OPENING_ERRORS as error:
            raise LoadError(str(error)) from error

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        try:
            return to_response(self._assistant.ask(from_request(request), deadline=_deadline(timeout_s)))
        except AskError as error:
            raise to_error(
                Fault(
                    code=error.code,
                    message=error.message,
                    field=error.field,
                    retry_after_s=error.retry_after_s,
                )
            ) from error

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        asks = [from_request(one) for one in request.asks]
        outcomes = self._assistant.ask_many(asks, deadline=_deadline(timeout_s))
        return vqa_pb2.AskBatchResponse(
            results=[
                vqa_pb2.AskResult(error=to_item(one))
                if isinstance(one, AskError)
                else vqa_pb2.AskResult(response=to_response(one))
                for one in outcomes
            ]
        )

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        return to_model_response(self._assistant.model())

    def close(self) -> None:
        self._assistant.close()


def _deadline(timeout_s: float) -> float | None:
    return None if math.isinf(timeout_s) else time.monotonic() + timeout_s
