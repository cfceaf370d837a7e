"""The gRPC face of the assistants: requests in, responses or statuses out, and no logic of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

import grpc
from grpc_status import rpc_status

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .asks import Reply
from .assistant import Assistant
from .errors import AskError, Cancelled, InternalError, InvalidAsk, ModelNotFound, Overloaded
from .gate import Gate
from .patience import Cancellation
from .status import to_item, to_status
from .wire import from_request, to_model_response, to_response

log = logging.getLogger(__name__)

T = TypeVar("T")

FOREVER_S = 10 * 365 * 86400.0  # a call without a deadline has centuries left, in some versions of grpcio


class VqaService(vqa_pb2_grpc.VqaServiceServicer):
    """Serves assistants by name; the first is the default. Thread-safe."""

    def __init__(self, assistants: Mapping[str, Assistant], gate: Gate) -> None:
        self._assistants = dict(assistants)
        self._default = next(iter(self._assistants))
        self._gate = gate

    def Ask(  # noqa: N802 (gRPC's name)
        self, request: vqa_pb2.AskRequest, context: grpc.ServicerContext
    ) -> vqa_pb2.AskResponse:
        def answer(deadline: float | None, cancelled: Cancellation) -> vqa_pb2.AskResponse:
            assistant = self._assistant(request.model)
            return to_response(assistant.ask(from_request(request), deadline=deadline, cancelled=cancelled))

        return self._call(context, answer)

    def AskBatch(  # noqa: N802
        self, request: vqa_pb2.AskBatchRequest, context: grpc.ServicerContext
    ) -> vqa_pb2.AskBatchResponse:
        def answer(deadline: float | None, cancelled: Cancellation) -> vqa_pb2.AskBatchResponse:
            most = self._assistants[self._default].limits.max_asks_per_batch
            if not 1 <= len(request.asks) <= most:
                raise InvalidAsk(
                    f"The batch holds {len(request.asks)} asks; 1 to {most} are taken. Split it.",
                    field="asks",
                )
            results = self._answer_all(request.asks, deadline, cancelled)
            return vqa_pb2.AskBatchResponse(results=[_to_result(result) for result in results])

        return self._call(context, answer)

    def GetModel(  # noqa: N802
        self, request: vqa_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> vqa_pb2.GetModelResponse:
        try:
            return to_model_response(self._assistant(request.model).model())
        except AskError as error:
            return _abort(context, error)

    def _assistant(self, model: str) -> Assistant:
        assistant = self._assistants.get(model or self._default)
        if assistant is None:
            raise ModelNotFound(model, known=list(self._assistants))
        return assistant

    def _answer_all(
        self, requests: Sequence[vqa_pb2.AskRequest], deadline: float | None, cancelled: Cancellation
    ) -> list[Reply | AskError]:
        results: dict[int, Reply | AskError] = {}
        rows: dict[str, list[int]] = {}  # by model
        for row, request in enumerate(requests):
            try:
                self._assistant(request.model)
            except ModelNotFound as error:
                results[row] = error
            else:
                rows.setdefault(request.model, []).append(row)
        for model, chosen in rows.items():
            asks = [from_request(requests[row]) for row in chosen]
            answered = self._assistant(model).ask_many(asks, deadline=deadline, cancelled=cancelled)
            results.update(zip(chosen, answered, strict=True))
        return [results[row] for row in range(len(requests))]

    def _call(self, context: grpc.ServicerContext, answer: Callable[[float | None, Cancellation], T]) -> T:
        """Run one call with its deadline and cancellation; every error leaves through here."""
        remaining_s = context.time_remaining()
        deadline = None if remaining_s is None or remaining_s > FOREVER_S else time.monotonic() + remaining_s
        cancelled = Cancellation()
        try:
            if not context.add_callback(cancelled.cancel):
                raise Cancelled
            if not self._gate.admit():
                raise Overloaded(retry_after_s=self._assistants[self._default].retry_after_s())
            try:
                return answer(deadline, cancelled)
            finally:
                self._gate.leave()
        except AskError as error:
            failure = error
        except Exception:
            log.exception("A call failed unexpectedly")
            failure = InternalError()
        return _abort(context, failure)


def _to_result(result: Reply | AskError) -> vqa_pb2.AskResult:
    if isinstance(result, AskError):
        return vqa_pb2.AskResult(error=to_item(result))
    return vqa_pb2.AskResult(response=to_response(result))


def _abort(context: grpc.ServicerContext, error: AskError) -> NoReturn:
    context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise AssertionError("abort_with_status raises")
