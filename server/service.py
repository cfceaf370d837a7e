"""The gRPC face of the assistants: requests in, responses or statuses out, and no logic of its own.

It lives in one event loop. A call is let in or refused there, at once; one that is let in is answered in a thread of
the pool, which the loop tells when its caller goes away. A message that arrives slowly holds no thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import grpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .access.callers import Callers
from .access.door import Door
from .asks import Reply
from .assistant import Assistant
from .calls import Call, request_id
from .errors import (
    AskError,
    Cancelled,
    DeadlineExceeded,
    InternalError,
    InvalidAsk,
    ModelNotFound,
    Overloaded,
)
from .gate import Gate
from .observer import Observer
from .once import Once
from .patience import Cancellation, GivenUp
from .pool import Pool
from .status import to_item, trailing
from .wire import from_request, to_model_response, to_response

log = logging.getLogger(__name__)

T = TypeVar("T")

FOREVER_S = 10 * 365 * 86400.0  # a call without a deadline has centuries left, in some versions of grpcio

Context = Any  # grpc.aio.ServicerContext, whose types differ from version to version


def _nothing(*_: object) -> None:
    pass


class VqaService(vqa_pb2_grpc.VqaServiceServicer):
    """Serves assistants by name; the first is the default."""

    def __init__(
        self,
        assistants: Mapping[str, Assistant],
        *,
        gate: Gate,
        pool: Pool,
        door: Door,
        callers: Callers,
        observer: Observer,
        log_questions: bool = False,
    ) -> None:
        self._assistants = dict(assistants)
        self._default = next(iter(self._assistants))
        self._gate = gate
        self._pool = pool
        self._door = door
        self._callers = callers
        self._observer = observer
        self._log_questions = log_questions

    async def Ask(self, request: vqa_pb2.AskRequest, context: Context) -> vqa_pb2.AskResponse:  # noqa: N802
        came: Callable[[], object] | None = None  # the photo, which needs no more to be expected

        def answer(deadline: float | None, cancelled: Cancellation, given_up: GivenUp) -> vqa_pb2.AskResponse:
            reply = self._assistant(request.model).ask(
                from_request(request),
                deadline=deadline,
                cancelled=cancelled,
                expected=came,
                given_up=given_up,
            )
            return to_response(reply)

        def expect(deadline: float | None) -> None:
            # A photo that is cached might still be answered; but who knows that sends its image_id.
            nonlocal came
            if request.WhichOneof("image") == "image_data":
                came = self._assistant(request.model).expect(deadline)

        try:
            return await self._call("Ask", context, answer, [request.question], expect)
        finally:
            if came is not None:
                came()

    async def AskBatch(  # noqa: N802
        self, request: vqa_pb2.AskBatchRequest, context: Context
    ) -> vqa_pb2.AskBatchResponse:
        def answer(deadline: float | None, cancelled: Cancellation, _: GivenUp) -> vqa_pb2.AskBatchResponse:
            most = self._assistants[self._default].limits.max_asks_per_batch
            if not 1 <= len(request.asks) <= most:
                raise InvalidAsk(
                    f"The batch holds {len(request.asks)} asks; 1 to {most} are taken. Split it.",
                    field="asks",
                )
            results = self._answer_all(request.asks, deadline, cancelled)
            return vqa_pb2.AskBatchResponse(results=[_to_result(result) for result in results])

        return await self._call("AskBatch", context, answer, [ask.question for ask in request.asks])

    async def GetModel(  # noqa: N802
        self, request: vqa_pb2.GetModelRequest, context: Context
    ) -> vqa_pb2.GetModelResponse:
        call = Call("GetModel", request_id(context.invocation_metadata() or ()), self._observer)
        context.set_trailing_metadata(call.trailing())
        try:
            response = to_model_response(self._assistant(request.model).model())
        except AskError as error:
            call.end(error)
            return await _abort(context, error, call)
        call.end()
        return response

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

    async def _call(
        self,
        method: str,
        context: Context,
        answer: Callable[[float | None, Cancellation, GivenUp], T],
        questions: Sequence[str],
        expect: Callable[[float | None], object] = _nothing,
    ) -> T:
        """Run one call with its deadline and cancellation; every error leaves through here.

        `expect` refuses in the loop what would only be refused later, in a thread.
        """
        remaining_s = context.time_remaining()
        deadline = None if remaining_s is None or remaining_s > FOREVER_S else time.monotonic() + remaining_s
        metadata = context.invocation_metadata() or ()
        call = Call(method, request_id(metadata), self._observer)
        if self._log_questions:
            call.questions = questions
        context.set_trailing_metadata(call.trailing())
        cancelled = Cancellation()
        try:
            caller = self._door.who(metadata, context.peer(), context.auth_context())
            call.caller = caller.name
            self._callers.enter(caller)
            try:
                expect(deadline)
                answered = await self._in_a_thread(lambda given_up: answer(deadline, cancelled, given_up))
            finally:
                self._callers.leave(caller)
            call.end()
            return answered
        except AskError as error:
            failure = error
        except asyncio.CancelledError:  # the caller has left, or its time is up
            cancelled.cancel()
            late = deadline is not None and time.monotonic() >= deadline
            call.end(DeadlineExceeded() if late else Cancelled())
            raise
        except Exception:
            log.exception("Call %s failed unexpectedly", call.request_id)
            failure = InternalError()
        call.end(failure)
        return await _abort(context, failure, call)

    async def _in_a_thread(self, work: Callable[[GivenUp], T]) -> T:
        """Run `work` in the pool, where there is always a thread for those who were let in.

        What is given up before it returns fails with the error that it is given up with; its thread is not counted
        any more.
        """
        if not self._gate.admit():
            raise Overloaded(retry_after_s=self._assistants[self._default].retry_after_s())
        leave = Once(self._gate.leave)  # when the thread is done, not its caller
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()  # a caller who leaves does not end the thread

        def given_up(error: AskError) -> None:
            leave()
            _fail(outcome, error)

        def run() -> None:
            try:
                result = work(given_up)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                leave()
                _fail(outcome, error)
            else:
                leave()
                _succeed(outcome, result)

        try:
            self._pool.start(run)
        except BaseException:
            leave()
            raise
        return await asyncio.wrap_future(outcome)


def _succeed(outcome: Future[T], result: T) -> None:
    with suppress(InvalidStateError):  # it was given up
        outcome.set_result(result)


def _fail(outcome: Future[T], error: BaseException) -> None:
    with suppress(InvalidStateError):
        outcome.set_exception(error)


def _to_result(result: Reply | AskError) -> vqa_pb2.AskResult:
    if isinstance(result, AskError):
        return vqa_pb2.AskResult(error=to_item(result))
    return vqa_pb2.AskResult(response=to_response(result))


async def _abort(context: Context, error: AskError, call: Call) -> NoReturn:
    await context.abort(grpc.StatusCode[error.code], error.message, (*call.trailing(), *trailing(error)))
    raise AssertionError("abort raises")
