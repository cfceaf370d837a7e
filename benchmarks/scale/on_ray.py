"""Does an ask fail on Ray Serve while replicas and a machine die, and while a bundle is rolled? How does it scale?

    PYTHONPATH=benchmarks python -m scale.on_ray [--minutes 10] [--haproxy] [--only churn step]

Three raylets on this machine, as Ray's own tests have them, and `asksight serve --ray` on that cluster. `churn`:
callers ask ten questions about each new photo with the shipped client, and every while a replica is killed, a raylet
is killed with its replica, another joins, or a bundle of another version is put in the place of the one that is served
and Ray replaces the replicas (SIGHUP). A follow-up misses where its photo had to be sent again. `step`: from one caller
to many and back, with 1 to 4 replicas.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

from peers.processes import Tree, free_port, read_stat

from asksight.client import AskSightError, Client
from asksight.client.grpc_transport import GrpcTransport
from asksight.engine.bundle import BUILT_IN
from asksight.v1 import vqa_pb2

from .places import PHOTO, QUESTIONS, WITHIN_S

ASKSIGHT = str(Path(sys.executable).with_name("asksight"))
MARK = "SCALE_ON_RAY"  # in the environment of all that is started here, by which it is found
OBJECT_STORE_BYTES = 200 << 20
CALLERS = 8
STEP_CALLERS = 48
STEP_BATCH = 8  # a replica more for each so many asks under way
BACK_AT = 0.97  # of the follow-ups of one second, some two hundred, that find their photo
BASE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(16 << 20),
}
# Three HAProxies on one machine share their ports, as Ray's Python proxies do by themselves.
HAPROXY = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": "hash req.hdr(asksight-image-id)",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
    "SERVE_SOCKET_REUSE_PORT_ENABLED": "1",
}


class Counting(GrpcTransport):
    """The client's own transport, which notes for its thread whether a photo was sent."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.noted = threading.local()

    def ask(self, request: vqa_pb2.AskRequest, timeout_s: float) -> vqa_pb2.AskResponse:
        if request.WhichOneof("image") == "image_data":
            self.noted.sent = True
        return super().ask(request, timeout_s)


@dataclass
class Second:
    """What came to an end in one second."""

    asked: int = 0
    failed: int = 0
    follow_ups: int = 0
    missed: int = 0


@dataclass
class Tally:
    """What one load came to."""

    seconds: dict[int, Second] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def sum(self, name: str) -> int:
        return sum(getattr(one, name) for one in self.seconds.values())

    def back_after_s(self, event_s: float, next_s: float) -> int:
        """Seconds from an event until the last second, before the next event, in which too few found their photo."""
        last = int(event_s) - 1
        for number in range(int(event_s), int(next_s)):
            second = self.seconds.get(number, Second())
            if second.follow_ups - second.missed < BACK_AT * second.follow_ups or not second.asked:
                last = number
        return last + 1 - int(event_s)


class Load:
    """Callers that ask without a pause, ten questions about each photo, until `stop`."""

    def __init__(self, target: str, callers: int) -> None:
        self.tally = Tally()
        self._transport = Counting(target)
        self._client = Client(self._transport, timeout=WITHIN_S)
        self._numbers = itertools.count(time.time_ns())
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            photo = PHOTO + next(self._numbers).to_bytes(8, "big")  # behind its end: a new photo
            for number, question in enumerate(QUESTIONS):
                if self._stopped.is_set():
                    return
                self._transport.noted.sent = False
                failure = model = ""
                try:
                    model = self._client.ask(photo, question).model
                except AskSightError as error:
                    failure = f"{type(error).__name__}: {error}"
                with self._lock:
                    second = self.tally.seconds.setdefault(int(time.monotonic()), Second())
                    second.asked += 1
                    second.failed += bool(failure)
                    second.follow_ups += number > 0
                    second.missed += number > 0 and self._transport.noted.sent
                    self.tally.models[model] += 1
                    if failure:
                        self.tally.failures[failure[:200]] += 1

    def stop(self) -> Tally:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._client.close()
        return self.tally


class Machines:
    """Three raylets, and what they started, found by a mark in its environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        os.environ[MARK] = uuid.uuid4().hex
        from ray.cluster_utils import Cluster

        self._options: dict[str, Any] = {"num_cpus": 2, "object_store_memory": OBJECT_STORE_BYTES}
        self.cluster = Cluster(
            initialize_head=True, head_node_args={**self._options, "include_dashboard": False}
        )
        self._others = [self.cluster.add_node(**self._options) for _ in range(2)]
        self.address = str(self.cluster.address)

    def replicas(self) -> list[int]:
        """The replicas' process ids."""
        mark = f"{MARK}={os.environ[MARK]}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                named = (process / "cmdline").read_bytes().startswith(b"ray::ServeReplica:asksight")
                if named and mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return sorted(found)

    def kill_replica(self) -> None:
        os.kill(self.replicas()[0], signal.SIGKILL)

    def kill_machine(self) -> None:
        """One that has a replica, which is a child of its raylet."""
        parents = {stat.parent for pid in self.replicas() if (stat := read_stat(pid))}
        node = next(one for one in self._others if one.all_processes["raylet"][0].process.pid in parents)
        self._others.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def add_machine(self) -> None:
        self._others.append(self.cluster.add_node(**self._options))

    def end(self) -> None:
        import ray

        ray.shutdown()
        self.cluster.shutdown()


@contextmanager
def serving(machines: Machines, folder: Path, *more: str) -> Iterator[tuple[Tree, str]]:
    """`asksight serve --ray` on the cluster, and its address."""
    port = free_port()
    options = ["--host", "0.0.0.0", "--insecure", "--port", str(port), "--calls-per-caller", "0"]
    options += ["--no-log-calls", "--no-watch", "--drain-grace", "2", *more]
    environment = {**os.environ, "RAY_ADDRESS": machines.address}
    tree = Tree([ASKSIGHT, "serve", "--ray", *options], environment, folder / "serve.log")
    try:
        assert tree.process.stdout is not None
        line = tree.process.stdout.readline()
        if " at " not in line:
            raise RuntimeError(tree.log.read_text("utf-8", "replace")[-3000:])
        yield tree, f"127.0.0.1:{port}"
    finally:
        tree.process.terminate()
        tree.process.wait(90)
        tree.end()


def versioned(folder: Path, version: str) -> None:
    """The built-in bundle as one of another version, in the place of the one that is there."""
    if not folder.exists():
        copytree(BUILT_IN["scenes"], folder)
    manifest = folder / "bundle.json"
    told = json.loads(manifest.read_text("utf-8"))
    told["version"] = version
    new = folder / "bundle.json.new"
    new.write_text(json.dumps(told), "utf-8")
    new.replace(manifest)


def churn(machines: Machines, folder: Path, minutes: float) -> dict[str, Any]:
    """Things that happen to a cluster, one after the other, under load."""
    bundle = folder / "scenes"
    versioned(bundle, "1")
    with serving(machines, folder, "--model", str(bundle), "--replicas", "3") as (tree, address):

        def roll() -> None:
            versioned(
                bundle, str(int(json.loads((bundle / "bundle.json").read_text("utf-8"))["version"]) + 1)
            )
            tree.process.send_signal(signal.SIGHUP)

        steps: list[tuple[str, Callable[[], None]]] = [
            ("a replica is killed", machines.kill_replica),
            ("a raylet is killed", machines.kill_machine),
            ("a raylet joins", machines.add_machine),
            ("a bundle is rolled", roll),
        ]
        rounds = max(1, round(minutes / 3.5))
        apart_s = 60 * minutes / (len(steps) * rounds + 1)
        load = Load(address, CALLERS)
        happened: list[tuple[str, float]] = []
        try:
            for name, step in steps * rounds:
                time.sleep(apart_s)  # under load, so that what comes of each step is told from the next one's
                happened.append((name, time.monotonic()))
                step()
            time.sleep(apart_s)  # likewise
            happened.append(("end", time.monotonic()))
        finally:
            tally = load.stop()
        replicas = len(machines.replicas())
    follow_ups = tally.sum("follow_ups")
    return {
        "what": "churn",
        "minutes": minutes,
        "asked": tally.sum("asked"),
        "failed": tally.sum("failed"),
        "failures": dict(tally.failures),
        "found": 1 - tally.sum("missed") / follow_ups,
        "hit rate back after s": [
            (name, tally.back_after_s(at_s, next_s))
            for (name, at_s), (_, next_s) in itertools.pairwise(happened)
        ],
        "answered by": dict(tally.models),
        "replicas in the end": replicas,
    }


def step(machines: Machines, folder: Path) -> dict[str, Any]:
    """One caller, many callers, one caller."""
    more = ["--replicas", "1:4", "--encoder-batch", str(STEP_BATCH)]
    with serving(machines, folder, *more) as (_, address):
        few = Load(address, 1)
        time.sleep(10)  # of one caller, so that it is seen not to scale for that
        at_first = len(machines.replicas())
        many, began_s = Load(address, STEP_CALLERS), time.monotonic()
        up_s = _until(lambda: len(machines.replicas()) == 4, 120)
        time.sleep(max(0.0, 10 - (time.monotonic() - began_s)))  # of load at least, where it scaled at once
        loads = [many.stop()]
        down_s = _until(lambda: len(machines.replicas()) == 1, 240)
        loads.append(few.stop())
    return {
        "what": "step",
        "replicas at first": at_first,
        "4 replicas after s": up_s,
        "1 replica after s": down_s,
        "asked": sum(one.sum("asked") for one in loads),
        "failed": sum(one.sum("failed") for one in loads),
        "failures": dict(sum((one.failures for one in loads), Counter())),
    }


def _until(holds: Callable[[], bool], within_s: float) -> float | None:
    began_s = time.monotonic()
    while time.monotonic() - began_s < within_s:
        if holds():
            return round(time.monotonic() - began_s, 1)
        time.sleep(0.5)  # other processes: there is nothing to wait on but to look again
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--haproxy", action="store_true", help="Ray's HAProxy mode")
    parser.add_argument("--only", nargs="+", default=["churn", "step"], choices=["churn", "step"])
    given = parser.parse_args()
    machines = Machines({**BASE, **(HAPROXY if given.haproxy else {})})
    try:
        with tempfile.TemporaryDirectory(prefix="asksight-ray-") as temporary:
            folder = Path(temporary)
            if "churn" in given.only:
                print(json.dumps(churn(machines, folder, given.minutes)), flush=True)
            if "step" in given.only:
                print(json.dumps(step(machines, folder)), flush=True)
    finally:
        machines.end()


if __name__ == "__main__":
    main()
