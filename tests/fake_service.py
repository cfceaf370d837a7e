"""A small real gRPC servicer that remembers what it was sent and fails as it is told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from asksight.v1 import vqa_pb2, vqa_pb2_grpc


@dataclass
class Failure:
    """One failure to be given out instead of an answer."""

    code: grpc.StatusCode
    text: str
    details: tuple[message.Message, ...] = ()

    def abort(self, context: grpc.ServicerContext) -> None:
        packed = []
        for detail in self.details:
            packed.append(any_pb2.Any())
            packed[-1].Pack(detail)
        status = status_pb2.Status(code=self.code.value[0], message=self.text, details=packed)
        context.abort_with_status(rpc_status.to_status(status))


def bad_field(name: str) -> error_details_pb2.BadRequest:
    violation = error_details_pb2.BadRequest.FieldViolation(field=name, description="wrong")
    return error_details_pb2.BadRequest(field_violations=[violation])


def retry_in(seconds: float) -> error_details_pb2.RetryInfo:
    delay = duration_pb2.Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))
    return error_details_pb2.RetryInfo(retry_delay=delay)


@dataclass
class FakeService(vqa_pb2_grpc.VqaServiceServicer):
    """Answers each question with the question itself; photos that begin with b"bad" are refused."""

    asks: list[vqa_pb2.AskRequest] = field(default_factory=list)
    batches: list[vqa_pb2.AskBatchRequest] = field(default_factory=list)
    starts: list[vqa_pb2.ConversationStart] = field(default_factory=list)
    questions: list[vqa_pb2.ConversationQuestion] = field(default_factory=list)
    converses: bool = True  # else it knows no conversations
    ends_after: int | None = None  # how many questions of a conversation are answered before it is ended
    photos: set[str] = field(default_factory=set)  # the digests that it holds
    failures: deque[Failure] = field(default_factory=deque)  # given out first, one a call
    swallowed_results: int = 0  # how many of a batch it does not give back
    before: Callable[[grpc.ServicerContext], object] | None = None  # called at the start of each call

    def Ask(  # noqa: N802
        self, request: vqa_pb2.AskRequest, context: grpc.ServicerContext
    ) -> vqa_pb2.AskResponse:
        self._begin(context)
        self.asks.append(request)
        result = self._answer(request)
        if result.WhichOneof("result") == "error":
            code = next(one for one in grpc.StatusCode if one.value[0] == result.error.code)
            Failure(code, result.error.message, (bad_field(result.error.field),)).abort(context)
        return result.response

    def AskBatch(  # noqa: N802
        self, request: vqa_pb2.AskBatchRequest, context: grpc.ServicerContext
    ) -> vqa_pb2.AskBatchResponse:
        self._begin(context)
        self.batches.append(request)
        results = [self._answer(one) for one in request.asks]
        return vqa_pb2.AskBatchResponse(results=results[self.swallowed_results :])

    def Converse(  # noqa: N802
        self, request_iterator: Iterator[vqa_pb2.ConverseRequest], context: grpc.ServicerContext
    ) -> Iterator[vqa_pb2.ConverseResponse]:
        if not self.converses:
            Failure(grpc.StatusCode.UNIMPLEMENTED, "Method not found!").abort(context)
        self._begin(context)
        start = next(request_iterator).start
        self.starts.append(start)
        for count, asked in enumerate(request_iterator):
            if count == self.ends_after:
                Failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Nothing was asked.").abort(context)
            self.questions.append(asked.question)
            self._begin(context)
            ask = vqa_pb2.AskRequest(question=asked.question.question, model=start.model)
            if start.WhichOneof("image") == "image_id":
                ask.image_id = start.image_id
            else:
                ask.image_data = start.image_data
            result = self._answer(ask)
            said = vqa_pb2.ConverseResponse(id=asked.question.id, response=result.response)
            if result.WhichOneof("result") == "error":
                said.error.CopyFrom(result.error)
            yield said

    def GetModel(  # noqa: N802
        self, request: vqa_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> vqa_pb2.GetModelResponse:
        self._begin(context)
        limits = vqa_pb2.Limits(max_message_bytes=16 * 2**20, max_asks_per_batch=256)
        return vqa_pb2.GetModelResponse(
            name=request.model or "fake", version="1.2.3", answers=["yes", "no"], limits=limits
        )

    def _begin(self, context: grpc.ServicerContext) -> None:
        if self.before is not None:
            self.before(context)
        if self.failures:
            self.failures.popleft().abort(context)

    def _answer(self, request: vqa_pb2.AskRequest) -> vqa_pb2.AskResult:
        if not request.question.strip():
            return _error(code_pb2.INVALID_ARGUMENT, "The question is empty.", "question")
        if request.WhichOneof("image") == "image_id":
            digest = request.image_id
            if digest not in self.photos:
                return _error(code_pb2.NOT_FOUND, "No such photo is remembered.", "image_id")
        elif request.image_data.startswith(b"bad"):
            return _error(code_pb2.INVALID_ARGUMENT, "That is no photo.", "image_data")
        else:
            digest = sha256(request.image_data).hexdigest()
            self.photos.add(digest)
        response = vqa_pb2.AskResponse(
            answers=[
                vqa_pb2.Answer(label=request.question, probability=0.75),
                vqa_pb2.Answer(label="other", probability=0.25),
            ],
            verdict=vqa_pb2.VERDICT_ANSWERED,
            spoken=f"It is {request.question}.",
            image_id=digest,
            photo_issues=[
                vqa_pb2.PhotoIssue(kind=vqa_pb2.PHOTO_ISSUE_KIND_DARK, severity=0.5, hint="More light.")
            ],
            timings=vqa_pb2.Timings(decode_us=1, encode_us=2, tokenize_us=3, answer_us=4, total_us=10),
            model=f"{request.model or 'fake'} 1.2.3",
        )
        return vqa_pb2.AskResult(response=response)


@contextmanager
def serving(service: FakeService, *, port: int = 0) -> Iterator[str]:
    """Serve it on the loopback; gives host:port."""
    server = grpc.server(
        ThreadPoolExecutor(8),
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 16 * 2**20)],
    )
    vqa_pb2_grpc.add_VqaServiceServicer_to_server(service, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        server.stop(grace=None).wait()


def _error(code: int, text: str, name: str) -> vqa_pb2.AskResult:
    return vqa_pb2.AskResult(error=vqa_pb2.AskError(code=code, message=text, field=name))
