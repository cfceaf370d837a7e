"""The transport to an assistant in this process. Only load() imports it, since it imports the whole server."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from asksight.server.errors import AskError
from asksight.server.local import OPENING_ERRORS, LocalAssistant
from asksight.server.wire.requests import from_request
from asksight.server.wire.responses import to_batch_response, to_model_response
from asksight.v1 import vqa_pb2

from .errors import AskSightError, ClosedError, LoadError, WrongPlaceError
from .faults import Fault, to_error
from .switches import switch
from .talks import TALK_CLOSED, Talk


class LocalTransport:
    """Takes and gives the same messages as the gRPC service, so that load() and connect() give the same results.

    Thread-safe.
    """

    def __init__(self, bundle: str | os.PathLike[str], *, engine: str, reader: bool = False) -> None:
        switch("reader", reader)
        where = bundle if isinstance(bundle, str) else Path(bundle)
        try:
            self._local = LocalAssistant.open(where, engine=engine, reader=reader)
        except OPENING_ERRORS as error:
            raise LoadError(str(error)) from error
        self._process = os.getpid()

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        self._check_process()
        try:
            return self._local.ask(from_request(request, _deadline_s(timeout_s)))
        except AskError as error:
            raise _told(error) from error

    def ask_batch(self, request: vqa_pb2.AskBatchRequest, timeout_s: float) -> vqa_pb2.AskBatchResponse:
        self._check_process()
        deadline_s = _deadline_s(timeout_s)
        try:
            results = self._local.ask_many([from_request(one, deadline_s) for one in request.asks])
        except AskError as error:  # the deadline, which all asks of the batch share
            raise _told(error) from error
        return to_batch_response(results)

    def get_model(self, request: vqa_pb2.GetModelRequest, timeout_s: float) -> vqa_pb2.GetModelResponse:
        try:
            return to_model_response(self._local.model())
        except AskError as error:
            raise _told(error) from error

    def talk(self) -> Talk:
        """The way of one conversation: that of all asks."""
        return LocalTalk(self)

    def close(self) -> None:
        self._local.close()

    def _check_process(self) -> None:
        """Threads do not outlive a fork: in the child nobody would answer."""
        if os.getpid() != self._process:
            raise WrongPlaceError(
                "This bundle was loaded in another process, and its engines did not come along when that was forked. "
                "Call load() in the process that asks, after the fork."
            )


class LocalTalk:
    """Asks as the transport does, until it is closed."""

    def __init__(self, transport: LocalTransport) -> None:
        self._transport = transport
        self._closed = False

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        if self._closed:
            raise ClosedError(TALK_CLOSED)
        return self._transport.ask(request, timeout_s)

    def close(self) -> None:
        self._closed = True


def _told(error: AskError) -> AskSightError:
    return to_error(
        Fault(code=error.code, message=error.message, field=error.field, retry_after_s=error.retry_after_s)
    )


def _deadline_s(timeout_s: float) -> float | None:
    return None if math.isinf(timeout_s) else time.monotonic() + timeout_s
