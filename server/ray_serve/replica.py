"""One replica under Ray Serve: an assistant with its own cache, queues and limits, and our calls in Ray's hands.

Ray hands over a message and a context that says who sent it. Status, details and trailing metadata reach the caller
only if they are set on that context and an (empty) message is returned: of what is raised, Ray tells but the text.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from prometheus_client import CollectorRegistry

from asksight.engine.memory import return_freed_memory

from ..access.authentication import Authentication, Metadata
from ..access.callers import Callers
from ..access.calls import Call, Desk
from ..access.tokens import TokenFile
from ..core.assistant import in_time
from ..errors import AskError, InvalidAsk, ServerError, TooLarge
from ..local import LocalAssistant
from ..open_inference.inference_methods import InferenceMethods
from ..running.bundles import Bundles
from ..running.logs import set_up_logs
from ..running.metrics import Metrics
from ..running.monitoring import MonitoringPort
from ..running.serving import HUNG_AFTER_S, SWITCH_EVERY_S
from ..running.settings import Settings
from ..wire.addresses import join
from ..wire.health import SERVICES
from ..wire.requests import read
from ..wire.service import VqaMethods
from ..wire.status import trailing
from .haproxy_mode import behind_haproxy

log = logging.getLogger(__name__)

TIMEOUT = "asksight-timeout-ms"  # the caller's deadline, which Ray's context does not hand on
LONGEST_TIMEOUT_DIGITS = 12  # thirty years
MONITORING_PORTS = 32  # that replicas on one machine try, from the one that was given


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of a call; Ray asks it for its bytes as it would ask a protobuf message."""

    message: bytes = b""
    error: AskError | None = None
    trailing: tuple[tuple[str, str | bytes], ...] = ()

    def SerializeToString(self) -> bytes:  # noqa: N802 (protobuf's name)
        return self.message


class Replica:
    """Its methods have the names of the wire's, by which Ray finds them; `grpc_context` is Ray's name too."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Open the bundles and warm them. `given` are Settings as a dictionary. Raises what opening them raises."""
        settings = self._settings = Settings(**given)
        sys.setswitchinterval(SWITCH_EVERY_S)
        return_freed_memory()
        writer = set_up_logs(settings.log, calls=settings.log_calls)
        metrics = Metrics()
        self._tokens = TokenFile(Path(settings.tokens), forgiving=True) if settings.tokens else None
        self._local = LocalAssistant(limits=settings.limits(), calls=settings.workers, observer=metrics)
        self._bundles = Bundles(settings, self._local, metrics)
        assistant = self._local.assistant
        self._desk = Desk(
            assistant.admission,
            authentication=Authentication(self._tokens),
            callers=Callers(_calls_per_caller(settings)),
            observer=metrics,
            log_questions=settings.log_questions,
        )
        self._inference = InferenceMethods(assistant, lambda: self._local.healthy)
        self._methods = {**VqaMethods(assistant).by_name, **self._inference.by_name}
        self._monitoring: MonitoringPort | None = None

        def registry() -> CollectorRegistry:
            metrics.lines_dropped(writer.dropped)
            metrics.token_file(fault=bool(self._tokens and self._tokens.fault))
            return metrics.registry

        if settings.metrics is not None:
            self._monitoring = self._watched(settings.metrics, registry)
        if settings.watch:
            self._bundles.watch()
        gc.freeze()

    async def Ask(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Answer one ask."""
        return await self._answer("Ask", message, grpc_context)

    async def AskBatch(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Answer many, each by itself."""
        return await self._answer("AskBatch", message, grpc_context)

    async def GetModel(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Say what is served."""
        return await self._answer("GetModel", message, grpc_context)

    async def ModelInfer(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Answer asks as tensors, by the Open Inference Protocol, whose other calls follow."""
        return await self._answer("ModelInfer", message, grpc_context)

    async def ModelMetadata(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Say what a model is given and gives."""
        return await self._answer("ModelMetadata", message, grpc_context)

    async def ModelReady(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Say whether a model's engines work."""
        return await self._answer("ModelReady", message, grpc_context)

    async def ServerMetadata(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Say what this is."""
        return await self._answer("ServerMetadata", message, grpc_context)

    async def ServerLive(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Say whether it is worth while to wait; nobody needs a token for it."""
        return self._open_to_all("ServerLive", message, grpc_context)

    async def ServerReady(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """Say whether asks should come here; likewise."""
        return self._open_to_all("ServerReady", message, grpc_context)

    async def Check(self, message: bytes, grpc_context: Any) -> Outcome:  # noqa: N802
        """gRPC's health, of the replica that is asked; nobody needs a token for it."""
        try:
            service = read(health_pb2.HealthCheckRequest, message).service
        except InvalidAsk as error:
            return _told(Outcome(error=error, trailing=trailing(error)), grpc_context)
        if service not in SERVICES:
            grpc_context.set_code(grpc.StatusCode.NOT_FOUND)
            grpc_context.set_details(f"There is no service {service[:80]!r} here.")
            return Outcome()
        health = health_pb2.HealthCheckResponse
        status = health.SERVING if self._local.healthy else health.NOT_SERVING
        return Outcome(health(status=status).SerializeToString())

    async def reload(self) -> list[str]:
        """Read the bundles again, and say what is served then, as "scenes 2".

        One that is refused leaves the old one at work, and the log says why.
        """
        await asyncio.to_thread(self._bundles.reload)
        models = map(self._local.model, self._local.assistant.models.names)
        return [f"{model.name} {model.version}" for model in models]

    def check_health(self) -> None:
        """Ray asks now and then, and starts another replica in the place of one that raises."""
        if self._local.assistant.stuck:
            raise ServerError("An engine hangs, and could not be opened anew.")

    def __del__(self) -> None:
        """Ray ends a replica by this, once its asks are answered."""
        with suppress(AttributeError):  # where it could not be opened
            self._bundles.stop_watching()
            if self._monitoring is not None:
                self._monitoring.stop()
            self._local.close(timeout_s=HUNG_AFTER_S)

    def _open_to_all(self, method: str, message: bytes, context: Any) -> Outcome:
        kind, answer = self._inference.open_to_all[method]
        try:
            read(kind, message)
        except InvalidAsk as error:
            return _told(Outcome(error=error, trailing=trailing(error)), context)
        return Outcome(answer().SerializeToString())

    async def _answer(self, method: str, message: bytes, context: Any) -> Outcome:
        """One call, in the assistant's loop; if Ray cancels it, because its caller has left, it is cancelled there."""
        answering = self._local.thread.start(self._called(method, message, context))
        return _told(await asyncio.wrap_future(answering), context)

    async def _called(self, method: str, message: bytes, context: Any) -> Outcome:
        metadata = context.invocation_metadata()
        call = self._desk.call(method, metadata, context, deadline_of(metadata))
        try:
            call.identify()
            with call:
                self._check_size(message)
                answer = await in_time(self._methods[method](message, call), call.deadline_s)
            return Outcome(answer.SerializeToString(), trailing=call.trailing())
        except AskError as error:
            return _failed(call, error)
        except Exception as error:  # noqa: BLE001  of which Ray would tell the caller
            return _failed(call, call.failed(error))

    def _check_size(self, message: bytes) -> None:
        most = self._local.limits.max_message_bytes
        if len(message) > most:
            raise TooLarge(
                f"The message has {len(message)} bytes; at most {most} are taken. Send a smaller photo, or fewer asks."
            )

    def _watched(self, port: int, registry: Any) -> MonitoringPort:
        """Listen on the first port that is free, since replicas may share a machine. Raises ServerError."""
        host = self._settings.metrics_host
        for number in range(port, port + MONITORING_PORTS):
            try:
                watched = MonitoringPort(
                    host=host,
                    port=number if port else 0,
                    registry=registry,
                    live=lambda: not self._local.assistant.stuck,
                    ready=lambda: self._local.healthy,
                    faults=lambda: [self._tokens.fault] if self._tokens and self._tokens.fault else [],
                )
            except ServerError:
                if number == port + MONITORING_PORTS - 1:
                    raise
                continue
            log.info("Metrics are at http://%s/metrics.", join(host, watched.start()))
            return watched
        raise AssertionError("the last port raises")


def deadline_of(metadata: Metadata) -> float | None:
    """Until when the caller waits, by the monotonic clock; None where its metadata does not say, or says nonsense."""
    for key, value in metadata:
        if (
            key == TIMEOUT
            and isinstance(value, str)
            and value.isascii()
            and value.isdigit()
            and len(value) <= LONGEST_TIMEOUT_DIGITS
        ):
            return time.monotonic() + int(value) / 1000
    return None


def _calls_per_caller(settings: Settings) -> int | None:
    """Behind Ray's HAProxy all who have no token come from one address: its own."""
    if behind_haproxy() and not settings.tokens:
        return None
    return settings.calls_per_caller or None


def _failed(call: Call, error: AskError) -> Outcome:
    return Outcome(error=error, trailing=(*call.trailing(), *trailing(error)))


def _told(outcome: Outcome, context: Any) -> Outcome:
    """Set on Ray's context what its proxy is to tell the caller."""
    if outcome.error is not None:
        context.set_code(grpc.StatusCode[outcome.error.code])
        context.set_details(outcome.error.message)
    if outcome.trailing:
        context.set_trailing_metadata(list(outcome.trailing))
    return outcome
