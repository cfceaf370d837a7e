"""Several serving processes on the same ports, and the parent that starts them, restarts what dies, and stops them all.

Each is a fresh interpreter: nothing of gRPC, CUDA or threads is inherited. They share the ports (SO_REUSEPORT: the
kernel deals out connections) and their metrics (files of one folder); each has its own models, cache, queues and
limits, so that an image_id is known to the process that saw the photo, and the clients resend it to another.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..access.tokens import TokenFile
from ..errors import ServerError
from ..wire.addresses import check_address, join
from .logs import set_up_logs
from .metrics_folder import VARIABLE, metrics_folder
from .serving import page_is_at, serve
from .settings import Settings
from .shares import of_each
from .signals import Signals

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
WELL_AFTER_S = 10.0  # one that served for so long may die without its successor being held back
LONGEST_WAIT_S = 30.0  # before one is started again
HAND_OVER = "ASKSIGHT_WORKER_SETTINGS"
CODE = """
from asksight.server.running.metrics_folder import make_room
make_room()
from asksight.server.running.supervisor import work
work()
"""


@dataclass
class ServingSlot:
    """One slot for a serving process, and the process in it now."""

    process: subprocess.Popen[bytes]
    started_s: float
    deaths: int = 0
    again_at_s: float | None = None  # when it is to be started again; None while it runs


def supervise(settings: Settings, say: Callable[[str], object]) -> None:
    """Serve with `settings.processes` processes until told to stop. Raises ServerError where it cannot begin."""
    signals = Signals(signal.SIGHUP)
    set_up_logs(settings.log, calls=settings.log_calls)
    for wanted in (settings.port, settings.http):
        if wanted is not None:
            check_address(settings.host, wanted)
    tokens = TokenFile(Path(settings.tokens)) if settings.tokens else None
    with ExitStack() as stack:
        port = stack.enter_context(_reserve(settings.host, settings.port)).getsockname()[1]
        http = None
        if settings.http is not None:
            http = stack.enter_context(_reserve(settings.host, settings.http)).getsockname()[1]
        os.environ[VARIABLE] = str(stack.enter_context(metrics_folder()))
        handed = replace(of_each(settings), port=port, http=http, metrics=None)
        slots = [ServingSlot(_start(handed), time.monotonic()) for _ in range(settings.processes)]
        stack.callback(_end, slots)
        stopping: list[int] = []
        served = ", ".join(settings.model)
        where = join(settings.host, port)
        lines = [f"Serving {served} at {where} with {len(slots)} processes; Ctrl-C stops."]
        if http is not None:
            lines.append(page_is_at(settings, http))
        if settings.metrics is not None:
            lines.append(_watch(stack, settings, slots, stopping, port, tokens))
        told = False
        while not stopping:
            if not told and all(_accepts(settings.host, one) for one in (port, http) if one is not None):
                say("\n".join(lines))
                told = True
            number = signals.get(within_s=LOOK_EVERY_S)
            if number is None:
                _look_after(slots, handed)
            elif number == signal.SIGHUP:
                _tell(slots, number)
            else:
                stopping.append(number)
        log.info("Stopping %d processes", len(slots))
        _tell(slots, stopping[0])
        ends_s = time.monotonic() + settings.drain_grace + settings.finish_within + 10.0
        for slot in slots:
            with suppress(subprocess.TimeoutExpired):
                code = slot.process.wait(max(0.0, ends_s - time.monotonic()))
                if code not in (0, -stopping[0]):  # by the signal itself: it did not serve yet
                    log.error("Process %d ended with %d", slot.process.pid, code)


def work() -> None:
    """Be one of the processes; its settings are in its environment."""
    given = json.loads(os.environ.pop(HAND_OVER))
    settings = Settings(**{**given, "model": tuple(given["model"])})
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    try:
        serve(settings, log.info, share_port=True)
    except Exception as error:  # told in one line: the supervisor starts another, and says so
        log.critical("This process cannot serve: %s", error)
        raise SystemExit(1) from error


def _end_with_the_supervisor() -> None:
    """Drain when the supervisor is gone, however it went: nobody else would ever stop this process."""
    # Nothing is ever sent; it ends when the supervisor does, which holds the other end. By the system's own call:
    # sys.stdin holds a lock while it waits, and Python aborts when it ends and finds that lock held.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    environment = {**os.environ, HAND_OVER: json.dumps(asdict(settings))}
    return subprocess.Popen(
        # -P: a folder called `proto` in the working folder is none of its affair.
        [sys.executable, "-P", "-c", CODE],
        env=environment,
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C comes to the supervisor alone, which passes it on
    )


def _look_after(slots: list[ServingSlot], settings: Settings) -> None:
    """Start again what has died; one that dies at once waits, twice as long each time."""
    now_s = time.monotonic()
    for slot in slots:
        if slot.again_at_s is not None:
            if now_s >= slot.again_at_s:
                slot.process, slot.started_s, slot.again_at_s = _start(settings), now_s, None
        elif (code := slot.process.poll()) is not None:
            _forget_gauges(slot.process.pid)
            slot.deaths = 0 if now_s - slot.started_s >= WELL_AFTER_S else slot.deaths + 1
            wait_s = 0.0 if slot.deaths == 0 else min(LONGEST_WAIT_S, 2.0 ** (slot.deaths - 1))
            slot.again_at_s = now_s + wait_s
            log.error("Process %d ended with %d; another follows in %.0f s", slot.process.pid, code, wait_s)


def _tell(slots: list[ServingSlot], number: int) -> None:
    for slot in slots:
        if slot.process.poll() is None:
            slot.process.send_signal(number)


def _end(slots: list[ServingSlot]) -> None:
    for slot in slots:
        if slot.process.poll() is None:
            slot.process.kill()
            slot.process.wait()


def _reserve(host: str, port: int) -> socket.socket:
    """Hold the port without listening: between two processes' lives nobody else gets it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = socket.socket(family, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        place.bind((host, port))
    except OSError as error:
        place.close()
        raise ServerError(f"Cannot listen on {join(host, port)}: {error.strerror}.") from error
    return place


def _accepts(host: str, port: int) -> bool:
    """Whether somebody accepts connections; each process listens only when it is warm."""
    try:
        with socket.create_connection(("127.0.0.1" if host == "0.0.0.0" else host, port), timeout=1):
            return True
    except OSError:
        return False


def _watch(
    stack: ExitStack,
    settings: Settings,
    slots: list[ServingSlot],
    stopping: list[int],
    port: int,
    tokens: TokenFile | None,
) -> str:
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    from .monitoring import MonitoringPort

    def registry() -> CollectorRegistry:
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return merged

    def ready() -> bool:
        """Whether asks should come here."""
        return not stopping and _accepts(settings.host, port)

    watched = MonitoringPort(
        host=settings.metrics_host,
        port=settings.metrics or 0,
        registry=registry,
        live=lambda: any(slot.again_at_s is None for slot in slots),
        ready=ready,
        faults=lambda: [tokens.fault] if tokens and tokens.fault else [],
    )
    stack.callback(watched.stop)
    return f"Metrics are at http://{join(settings.metrics_host, watched.start())}/metrics."


def _forget_gauges(pid: int) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]
