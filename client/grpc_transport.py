"""The blocking transport over gRPC: one channel, shared by all threads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

import grpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .channel import Balancing, Metadata, bearer, channel_options, complete_target
from .errors import ClosedError
from .faults import from_call
from .grpc_talk import GrpcTalk
from .photo_place import photo_place
from .talks import Talk
from .timeouts import as_metadata

CLOSED_MEANWHILE = "The client was closed while this ask was about to be sent."

Request = TypeVar("Request")
Response = TypeVar("Response")


class GrpcTransport:
    """Calls the server at `target`. Connects with the first call, and again after the connection broke. Thread-safe."""

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        balancing: Balancing = "round_robin",
    ) -> None:
        self._metadata = bearer(token)
        self.target = complete_target(target)
        options = channel_options(self.target, balancing)
        if credentials is None:
            self._channel = grpc.insecure_channel(self.target, options=options)
        else:
            self._channel = grpc.secure_channel(self.target, credentials, options=options)
        self._stub = vqa_pb2_grpc.VqaServiceStub(self._channel)

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        return self._call(self._stub.Ask, request, timeout_s, photo_place(request))

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        return self._call(self._stub.AskBatch, request, timeout_s, photo_place(request))

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        return self._call(self._stub.GetModel, request, timeout_s)

    def talk(self) -> Talk:
        """The way of one conversation."""

        def converse(messages: Iterator[vqa_pb2.ConverseRequest], request: vqa_pb2.AskRequest) -> object:
            try:
                return self._stub.Converse(messages, metadata=self._metadata + photo_place(request))
            except ValueError as error:
                raise ClosedError(CLOSED_MEANWHILE) from error

        return GrpcTalk(converse, self.ask, self.target)

    def close(self) -> None:
        """Close the connection; unfinished calls fail with AskCancelledError."""
        self._channel.close()

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout_s: float,
        place: Metadata = (),
    ) -> Response:
        within_s = None if math.isinf(timeout_s) else timeout_s
        try:
            metadata = self._metadata + as_metadata(timeout_s) + place
            return method(request, timeout=within_s, metadata=metadata)
        except grpc.RpcError as error:
            raise from_call(error, target=self.target) from error
        except ValueError as error:  # grpc raises it where another thread has closed the channel
            raise ClosedError(CLOSED_MEANWHILE) from error
