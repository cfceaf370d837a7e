"""HTTP requests as calls: the same caller, limits, ids, metrics and models as over gRPC, in the same event loop."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from starlette.requests import Request

from asksight.v1 import vqa_pb2

from ..access.authentication import Metadata
from ..access.callers import Caller
from ..access.calls import REQUEST_ID, Call, Desk
from ..asks import Ask
from ..core.assistant import Assistant, in_time
from ..errors import AskError, Cancelled, ImageNotFound, InvalidAsk, Stopping
from ..reply.spoken import spoken_in
from ..wire.requests import from_request
from ..wire.responses import to_batch_response, to_model_response
from .arriving import Arriving, Body
from .problems import from_error, refused
from .reading import Aside, Batch

M = TypeVar("M")
Q = TypeVar("Q")

DEFAULT_TIMEOUT_S = 30.0  # for callers that state none: a browser's tab may wait for ever
TIMEOUT_HEADER = "grpc-timeout"  # as in gRPC over HTTP/2 and in grpc-gateway: "2500m" is 2.5 seconds
TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
LONGEST_S = 86_400.0  # whoever waits longer states no practical deadline; timers take no millennia
UNIT_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

READING_S = 10e-9  # for each byte of JSON, in a decoder's thread
READING_BYTES = 3  # of memory for each: itself, its photo as text and as bytes

Reads = Callable[[Request, Body, Aside], Awaitable[M]]


class Asking:
    """Answers requests, in the assistant's event loop."""

    def __init__(self, assistant: Assistant, desk: Desk) -> None:
        self._assistant = assistant
        self._desk = desk
        self._arriving = Arriving(assistant.arrivals)

    async def end_receiving(self, grace_s: float) -> None:
        """Refuse bodies that are still coming once all calls have left and no more come, or after `grace_s`."""
        await self._desk.admission.nobody_comes(time.monotonic() + grace_s)
        self._arriving.end_all(Stopping())

    async def ask(
        self, request: Request, read: Reads[vqa_pb2.AskRequest]
    ) -> tuple[vqa_pb2.AskResponse, dict[str, str]]:
        """Ask, as `read` reads it once the caller is known; its leaving cancels the ask. Raises Problem."""

        async def work(asked: vqa_pb2.AskRequest, call: Call) -> vqa_pb2.AskResponse:
            call.questions = [asked.question]
            return await self._assistant.ask(from_request(asked, call.deadline_s, caller=call.caller_key))

        return await self._asked("Ask", request, read, work, lambda asked: [asked.locale])

    async def batch(
        self, request: Request, read: Reads[Batch]
    ) -> tuple[vqa_pb2.AskBatchResponse, dict[str, str]]:
        """Ask many, each by itself, likewise."""

        async def work(batch: Batch, call: Call) -> vqa_pb2.AskBatchResponse:
            asks = [
                from_request(one, call.deadline_s, caller=call.caller_key)
                for one in batch.asks
                if not isinstance(one, InvalidAsk)
            ]
            call.questions = [one.question for one in asks]
            call.holds(len(batch.asks))
            if batch.photo is None:
                results = await self._assistant.ask_each(asks)
            else:
                results = await self._ask_about(batch.photo, asks)
            for row, one in enumerate(batch.asks):
                if isinstance(one, InvalidAsk):
                    results.insert(row, one)
            return to_batch_response(results)

        def locales(batch: Batch) -> list[str]:
            return [one.locale for one in batch.asks if not isinstance(one, InvalidAsk)]

        return await self._asked("AskBatch", request, read, work, locales)

    async def _ask_about(self, photo: bytes, asks: Sequence[Ask]) -> list[vqa_pb2.AskResponse | AskError]:
        """Answer asks about one photo, which comes with the first that is answered; the others go by its id."""
        results: list[vqa_pb2.AskResponse | AskError] = []
        for ask in asks:
            results += await self._assistant.ask_each([replace(ask, photo=photo)])
            if isinstance(results[-1], vqa_pb2.AskResponse):
                image_id = results[-1].image_id
                results += await self._assistant.ask_each(
                    [replace(one, image_id=image_id) for one in asks[len(results) :]]
                )
                break
            if isinstance(results[-1], AskError) and results[-1].field == "image_data":  # the others' too
                results += [results[-1]] * (len(asks) - len(results))
                break
        for row, result in enumerate(results):
            if isinstance(result, ImageNotFound):  # what it was seen for is not kept, or it is to be read now
                results[row : row + 1] = await self._assistant.ask_each([replace(asks[row], photo=photo)])
        return results

    async def _asked(
        self,
        method: str,
        request: Request,
        read: Reads[Q],
        work: Callable[[Q, Call], Coroutine[Any, Any, M]],
        locales: Callable[[Q], Sequence[str]],
    ) -> tuple[M, dict[str, str]]:
        said_in: dict[str, str] = {}

        async def answer(call: Call, caller: Caller) -> M:
            timeout_s = stated_timeout_s(request)
            try:
                with self._arriving.body(caller.key) as body:
                    asked = await read(request, body, self._aside(caller))
            except AskError as error:
                call.refused(error)
                raise
            languages = {spoken_in(one) for one in locales(asked)}
            if len(languages) == 1:
                said_in["Content-Language"] = languages.pop()
            call.deadline_s = time.monotonic() + timeout_s
            with call:
                return await _while_there(request, in_time(work(asked, call), call.deadline_s))

        response, headers = await self._called(method, request, answer)
        return response, {**headers, **said_in}

    def _aside(self, caller: Caller) -> Aside:
        """Large bodies are read where photos are decoded, and are of the caller's share of that."""

        async def run(read: Callable[[], M], size_bytes: int) -> M:
            with self._arriving.waiting(caller.key, size_bytes):
                return await self._assistant.decoders.run(
                    read, READING_BYTES * size_bytes, caller=caller.key, estimate_s=READING_S * size_bytes
                )

        return run

    async def model(self, request: Request, name: str) -> tuple[vqa_pb2.GetModelResponse, dict[str, str]]:
        """Say what is being served. Raises Problem."""

        async def answer(call: Call, _: Caller) -> vqa_pb2.GetModelResponse:
            stated_timeout_s(request)
            with call:
                return to_model_response(self._assistant.model_info(name))

        return await self._called("GetModel", request, answer)

    async def models(self, request: Request) -> tuple[list[str], dict[str, str]]:
        """The names of what is being served, that of the default first. Raises Problem."""

        async def answer(call: Call, _: Caller) -> list[str]:
            with call:
                return self._assistant.models.names

        return await self._called("GetModel", request, answer)

    async def _called(
        self, method: str, request: Request, answer: Callable[[Call, Caller], Awaitable[M]]
    ) -> tuple[M, dict[str, str]]:
        call = self._desk.call(method, _metadata(request), _Peer(request))
        headers = {REQUEST_ID: call.request_id}
        try:
            caller = call.identify()
            return await answer(call, caller), headers
        except AskError as error:
            raise from_error(error, headers) from None
        except asyncio.CancelledError:  # by uvicorn, once the time to stop in is over
            raise from_error(Stopping(), headers) from None


class _Peer:
    """Where a request comes from."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def peer(self) -> str:
        client = self._request.client
        return f"http:{client.host}:{client.port}" if client else "http:"

    def auth_context(self) -> Mapping[str, list[bytes]]:
        """uvicorn does not tell what a certificate says."""
        return {}


def _metadata(request: Request) -> Metadata:
    return [
        (name, request.headers[name]) for name in ("authorization", REQUEST_ID) if name in request.headers
    ]


def stated_timeout_s(request: Request) -> float:
    """How long the caller waits, in seconds, by its Grpc-Timeout header. Raises Problem for one that is none."""
    stated = request.headers.get(TIMEOUT_HEADER)
    if stated is None:
        return DEFAULT_TIMEOUT_S
    found = TIMEOUT.fullmatch(stated)
    if found is None:
        raise refused(
            400,
            f"Grpc-Timeout is {stated[:20]!r}; write one to eight digits and H, M, S, m, u or n: 2500m is 2.5 s.",
        )
    return min(LONGEST_S, int(found[1]) * UNIT_S[found[2]])


async def _while_there(request: Request, work: Coroutine[Any, Any, M]) -> M:
    """Do the work for as long as the caller is there. Raises Cancelled when it has hung up."""
    answered = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({answered, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise Cancelled
        return answered.result()
    finally:
        gone.cancel()
        answered.cancel()  # nothing to one that is done
        del (
            answered,
            gone,
        )  # which hold their error, and its traceback this frame: the photo would stay with them


async def _gone(request: Request) -> None:
    """Return when the caller has hung up; its request was read to the end before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
