"""Do follow-ups find their photo behind several servers, and does an ask fail while servers die, leave and join?

    PYTHONPATH=benchmarks python -m scale.places [--seconds 8] [--only Envoy HAProxy nginx ring round]

Three servers behind each proxy of deploy/, and behind gRPC's own ring (`balancing="photo"`) and turns ("round_robin").
Callers ask ten questions about each new photo. The share is of follow-ups whose photo was there: the servers count
their looks into their caches. Then one server is killed, starts again, and another is drained, all under load. Once
with the shipped client and once with a raw stub, which sends the photo's id as metadata itself and repeats nothing but
a photo that was not found.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import grpc

from asksight.client import AskSightError, Client, connect
from asksight.client.channel import channel_options, complete_target
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .fleet import PROXIES, ROOT, Fleet, fleet, proxy

QUESTIONS = [f"Is there a {colour} circle?" for colour in
             ("red", "blue", "green", "pink", "yellow", "black", "white", "grey", "brown", "orange")]  # fmt: skip
PHOTO = (ROOT / "cli" / "demo_photos" / "shapes.jpg").read_bytes()
CALLERS = 8
WITHIN_S = 20.0
# How long the load goes on: before it counts, until each change to the servers, and once the last one has drained.
WARM_S, APART_S, AFTER_S = 2, 2, 3

Ask = Callable[[bytes, str], None]  # raises AskSightError or grpc.RpcError


@dataclass
class Tally:
    """What one load came to."""

    asked: int = 0
    photos: int = 0
    failed: int = 0
    last: str = ""


class Load:
    """Callers that ask without a pause, ten questions about each photo, until `stop`."""

    def __init__(self, ask: Ask) -> None:
        self.tally = Tally()
        self._ask = ask
        self._numbers = itertools.count(time.time_ns())
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            photo = PHOTO + next(self._numbers).to_bytes(
                8, "big"
            )  # behind its end: a new photo, as quickly decoded
            with self._lock:
                self.tally.photos += 1
            for question in QUESTIONS:
                if self._stopped.is_set():
                    return
                failure = ""
                try:
                    self._ask(photo, question)
                except (AskSightError, grpc.RpcError) as error:
                    failure = str(error)
                with self._lock:
                    self.tally.asked += 1
                    self.tally.failed += bool(failure)
                    self.tally.last = failure or self.tally.last

    def stop(self) -> Tally:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return self.tally


class RawStub:
    """What a backend writes without our client: a stub, the header, and the photo again where it was not found."""

    def __init__(self, target: str, *, ring: bool) -> None:
        options = channel_options(complete_target(target), "photo" if ring else "round_robin")
        options = [(name, value) for name, value in options if name != "grpc.enable_retries"]
        self.channel = grpc.insecure_channel(complete_target(target), [*options, ("grpc.enable_retries", 0)])
        self._stub = vqa_pb2_grpc.VqaServiceStub(self.channel)
        self._known: set[str] = set()

    def ask(self, photo: bytes, question: str) -> None:
        image_id = sha256(photo).hexdigest()
        header = (("asksight-image-id", image_id),)
        by_id = vqa_pb2.AskRequest(image_id=image_id, question=question)
        whole = vqa_pb2.AskRequest(image_data=photo, question=question)
        if image_id in self._known:
            try:
                self._stub.Ask(by_id, timeout=WITHIN_S, metadata=header)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
            else:
                return
        self._stub.Ask(whole, timeout=WITHIN_S, metadata=header)
        self._known.add(image_id)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way in, with one kind of client."""

    way: str
    client: str
    found: float  # the share of follow-ups whose photo was there, while nothing happened to the servers
    asks_per_s: float
    asked: int  # while servers died, left and joined
    failed: int
    last_failure: str


def measure(way: str, client: str, servers: Fleet, folder: Path, seconds: float) -> Row:
    """One row of the table; all servers run before and after."""
    with ExitStack() as stack:
        target = ",".join(servers.addresses)
        if way in PROXIES:
            target = stack.enter_context(proxy(way, servers, folder))
        if client == "shipped":
            balancing = "photo" if way == "ring" else "round_robin"
            shipped: Client = stack.enter_context(connect(target, timeout=WITHIN_S, balancing=balancing))  # type: ignore[arg-type]

            def ask(photo: bytes, question: str) -> None:
                shipped.ask(photo, question)

        else:
            stub = RawStub(target, ring=way == "ring")
            stack.callback(stub.channel.close)
            ask = stub.ask
        warm = Load(ask)
        time.sleep(WARM_S)
        warm.stop()
        looked_before, found_before = servers.lookups()
        load = Load(ask)
        time.sleep(seconds)
        quiet = load.stop()
        looked, found = servers.lookups()
        load = Load(ask)
        for change, number in ((servers.kill, 0), (servers.start, 0), (servers.drain, 1)):
            time.sleep(APART_S)
            change(number)
        time.sleep(AFTER_S)
        changed = load.stop()
        servers.start(1)
    follow_ups = quiet.asked - quiet.photos
    missed = (looked - looked_before) - (found - found_before) - quiet.photos  # each photo is new once
    return Row(
        way=way,
        client=client,
        found=1 - missed / follow_ups,
        asks_per_s=quiet.asked / seconds,
        asked=changed.asked,
        failed=changed.failed,
        last_failure=changed.last,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", nargs="+", default=[*PROXIES, "ring", "round"], metavar="WAY")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="asksight-scale-") as temporary,
        fleet(Path(temporary)) as servers,
    ):
        for way in given.only:
            for client in ("shipped", "raw"):
                row = measure(way, client, servers, Path(temporary), given.seconds)
                print(json.dumps(vars(row)), flush=True)


if __name__ == "__main__":
    main()
