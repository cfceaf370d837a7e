"""One serving process: models, ports, signals; from warm to drained."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asksight.engine.memory import return_freed_memory

from ..access.authentication import Authentication
from ..access.tls import Certificates
from ..access.tokens import TokenFile
from ..local import LocalAssistant
from ..second_cache.paying import price
from ..wire.addresses import join
from ..wire.server import Server
from .bundles import Bundles
from .checks import tls_files
from .descriptors import raise_limit, within
from .logs import set_up_logs
from .metrics import Metrics
from .monitoring import MonitoringPort
from .settings import Settings
from .signals import Signals

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)

# How long a thread keeps Python's lock when others want it. By Python's own 5 ms the event loop waits behind every
# thread that decodes: at five times the capacity most answers came too late, and with this none did.
SWITCH_EVERY_S = 0.0005
HAND_OVER_EVERY_S = 0.2  # of metrics
HUNG_AFTER_S = 5.0  # an engine that does not end by then is left behind
ENDS_WITHIN_S = 1.0  # threads that have nothing to do
# Threads that may be inside an engine, by name.
INTO_ENGINES = (
    "asksight-encoder",
    "asksight-answerer",
    "asksight-finder",
    "asksight-turner",
    "asksight-line_reader",
    "asksight-reload",
    "asksight-bundles",
)


def serve(settings: Settings, say: Callable[[str], object], *, share_port: bool = False) -> None:
    """Serve until told to stop. Raises ServerError, BundleError and EngineError where it cannot begin.

    SIGTERM: NOT_SERVING, and answering on for `drain_grace`; then no new asks, and an end as soon as the accepted
    ones are answered. SIGINT, from a person who waits: the same without the grace. SIGHUP: bundles are read again.
    Where a thread is inside an engine in the end, it ends the process itself.
    """
    sys.setswitchinterval(SWITCH_EVERY_S)
    return_freed_memory()
    signals = Signals(signal.SIGHUP)
    writer = set_up_logs(settings.log, calls=settings.log_calls)
    settings = within(settings, raise_limit())
    metrics = Metrics()
    with ExitStack() as stack:
        stack.callback(metrics.hand_over)  # the last counts, for the supervisor
        local = LocalAssistant(limits=settings.limits(), calls=settings.workers, observer=metrics)
        stack.callback(local.close, timeout_s=HUNG_AFTER_S)
        bundles = Bundles(settings, local, metrics)
        stack.callback(bundles.stop_watching)
        tls = tls_files(settings)
        certificates = Certificates(tls) if tls else None
        # One of several processes may be started again at any time: what was right at the start may have a fault now.
        tokens = TokenFile(Path(settings.tokens), forgiving=share_port) if settings.tokens else None
        server = Server(
            local,
            host=settings.host,
            port=settings.port,
            finish_s=settings.finish_within,
            certificates=certificates,
            authentication=Authentication(tokens, certificates=bool(settings.tls_client_authority)),
            calls_per_caller=settings.calls_per_caller or None,
            connections=settings.connections,
            log_questions=settings.log_questions,
            share_port=share_port,
            interceptors=_tracing() if settings.tracing else (),
        )
        shared_features = [] if local.second is None else _priced(local, local.second.where)
        bound = server.start()
        stack.callback(server.stop)
        stopping: list[int] = []
        lines = [_serving(local, settings, bound), *shared_features]
        if settings.http is not None:
            lines.append(
                _serve_http(stack, server, settings, certificates, lambda: bool(stopping), share_port)
            )

        def look() -> None:
            metrics.lines_dropped(writer.dropped)
            metrics.token_file(fault=bool(tokens and tokens.fault))
            metrics.hand_over()

        def registry() -> CollectorRegistry:
            look()
            return metrics.registry

        if settings.metrics is not None:
            watched = MonitoringPort(
                host=settings.metrics_host,
                port=settings.metrics,
                registry=registry,
                live=lambda: not local.assistant.stuck,
                ready=lambda: local.healthy and not stopping,
                faults=lambda: [tokens.fault] if tokens and tokens.fault else [],
            )
            stack.callback(watched.stop)
            lines.append(f"Metrics are at http://{join(settings.metrics_host, watched.start())}/metrics.")
        handing_over = local.thread.start(_now_and_then(look))
        stack.callback(handing_over.cancel)
        if settings.watch:
            bundles.watch()
        gc.freeze()  # a full collection over what a server is made of takes 60 ms, in which nobody is answered
        say("\n".join(lines))
        number = _wait(signals, bundles)
        stopping.append(number)
        server.announce_stop()
        if number == signal.SIGTERM:
            log.info("Stopping: answering on for %.1f s", settings.drain_grace)
            _pause(signals, settings.drain_grace)
        log.info("Stopping: %d calls to be finished", server.calls)
        server.stop()
    _leave_behind()
    log.info("Stopped")


async def _now_and_then(look: Callable[[], None]) -> None:
    """For the supervisor, which looks into files, and for tokens that nobody asks with."""
    while True:
        look()
        await asyncio.sleep(HAND_OVER_EVERY_S)


def _leave_behind() -> None:
    """End the process here and now if a thread is inside an engine: one that hangs, or that a swap just opens.

    Python ends a thread that comes back from C++ while the interpreter is being taken down, and C++ aborts.
    """
    threads = [one for one in threading.enumerate() if one.name.startswith(INTO_ENGINES)]
    for one in threads:
        one.join(ENDS_WITHIN_S / len(threads))
    inside = sorted({one.name for one in threads if one.is_alive()})
    if inside:
        log.warning("Stopped without waiting for what is inside an engine: %s", ", ".join(inside))
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def _wait(signals: Signals, bundles: Bundles) -> int:
    while (number := signals.get()) == signal.SIGHUP:
        bundles.reload_in_background()
    assert number is not None
    return number


def _pause(signals: Signals, seconds: float) -> None:
    ends_s = time.monotonic() + seconds
    while (left_s := ends_s - time.monotonic()) > 0:
        signals.get(within_s=left_s)  # SIGHUP, which is too late now


def _tracing() -> tuple[Any, ...]:
    from .tracing import interceptors

    return interceptors()


def _traced(app: ASGIApp) -> ASGIApp:
    from .tracing import wrap_http

    return wrap_http(app)


def _serve_http(
    stack: ExitStack,
    server: Server,
    settings: Settings,
    certificates: Certificates | None,
    stopping: Callable[[], bool],
    share_port: bool,
) -> str:
    """Start the HTTP face, which `stack` stops before the gRPC server."""
    from ..http.connections import ConnectionLimits
    from ..http.gateway import Gateway

    gateway = Gateway(
        server.local,
        server.desk,
        host=settings.host,
        port=settings.http or 0,
        limits=ConnectionLimits(
            connections=settings.http_connections, per_address=settings.http_connections_per_address
        ),
        certificates=certificates,
        cors=settings.cors,
        stopping=stopping,
        wrap=_traced if settings.tracing else lambda app: app,
        share_port=share_port,
    )
    bound = gateway.start()
    stack.callback(gateway.stop, settings.finish_within)
    return page_is_at(settings, bound)


def page_is_at(settings: Settings, port: int) -> str:
    """Say where HTTP is."""
    where = f"{'https' if settings.tls_certificate else 'http'}://{join(settings.host, port)}"
    return f"The page is at {where}/, its HTTP interface at {where}/docs."


def _priced(local: LocalAssistant, where: str) -> list[str]:
    """What the second cache costs each model, and what it may save; before anybody asks."""
    said = []
    for name in local.assistant.models.names:
        measured = local.thread.run(price(local.assistant.models[name]))
        if measured is not None:
            said.append(measured.said(name, where))
            if not measured.pays:
                log.warning(said[-1])
    return said


def _serving(local: LocalAssistant, settings: Settings, port: int) -> str:
    said = []
    for name in local.assistant.models.names:
        model = local.model(name)
        said.append(
            f"{model.name} {model.version} ({model.architecture}, {len(model.answers)} answers, "
            f"{model.engine} {model.precision})"
        )
    return f"Serving {', '.join(said)} at {join(settings.host, port)}; Ctrl-C stops."
