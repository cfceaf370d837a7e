"""The price of each layer beside the bare server: asks a second, p50 and processor time an ask.

    PYTHONPATH=benchmarks python -m scale.layers [--seconds 2] [--turns 3] [--only bare Envoy HAProxy …]

One server (two processes of one, where that is the layer) behind each way in, ten questions about each new photo: one
caller for p50, sixteen for asks a second and for the processor time of all that stands there, the proxy and the Redis
included, the load not. Ray Serve and the Open Inference Protocol are ways too where they are installed; else their
row says so. Each figure is the median of the turns, in each of which all ways are taken. Some four minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import importlib
import itertools
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import grpc
from peers.processes import Tree, free_port, process_and_below

from asksight.client.channel import channel_options, complete_target
from asksight.server.running.settings import SPECS
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from .fleet import PROXIES, SERVE, fleet, proxy, redis_server
from .places import PHOTO, QUESTIONS, WITHIN_S

ONE, MANY = 1, 16  # callers
CHANNELS = 4
WARM_S = 1.0
NUMBERS = itertools.count(time.time_ns())
INFER = "/inference.GRPCInferenceService/ModelInfer"

# Asks by the whole photo, or by its id where that is given; raises grpc.RpcError.
Ask = Callable[[bytes | None, str, str], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way in, while its programs run."""

    target: str
    by_photo: bool = False  # through gRPC's own ring
    tensors: bool = False  # by the Open Inference Protocol


class LeftOutError(Exception):
    """Why a way cannot be taken here."""


@contextmanager
def bare(folder: Path, *options: str) -> Iterator[Way]:
    with fleet(folder, 1, options) as servers:
        yield Way(target=servers.addresses[0])


@contextmanager
def behind(name: str, folder: Path) -> Iterator[Way]:
    with fleet(folder, 1) as servers:
        thrice = copy.copy(servers)  # the files of deploy/ have three
        thrice.ports, thrice.metrics_ports = 3 * servers.ports, 3 * servers.metrics_ports
        with proxy(name, thrice, folder) as target:
            yield Way(target=target)


@contextmanager
def ring(folder: Path) -> Iterator[Way]:
    with bare(folder) as way:
        yield Way(target=way.target, by_photo=True)


@contextmanager
def second_cache(folder: Path) -> Iterator[Way]:
    with redis_server(folder) as redis, bare(folder, "--features-cache", redis.url) as way:
        yield way


@contextmanager
def open_inference(folder: Path) -> Iterator[Way]:
    _messages()
    with bare(folder) as way:
        yield Way(target=way.target, tensors=True)


@contextmanager
def ray(folder: Path) -> Iterator[Way]:
    if "ray" not in SPECS:
        raise LeftOutError("asksight serve has no --ray in this version")
    port = free_port()
    command = [*SERVE, "--ray", "--host", "0.0.0.0", "--insecure", "--port", str(port), "--threads", "1"]
    tree = Tree([*command, "--no-log-calls"], {**os.environ, "RAY_ADDRESS": "local"}, folder / "ray.log")
    try:
        assert tree.process.stdout is not None
        if " at " not in tree.process.stdout.readline():
            raise LeftOutError(tree.last_words())
        yield Way(target=f"127.0.0.1:{port}")
    finally:
        tree.end()


WAYS: dict[str, Callable[[Path], AbstractContextManager[Way]]] = {
    "bare": bare,
    **{name: partial(behind, name) for name in PROXIES},
    "ring": ring,
    "processes": lambda folder: bare(folder, "--processes", "2"),
    "Redis": second_cache,
    "tensors": open_inference,
    "Ray": ray,
}


def _messages() -> Any:
    try:
        return importlib.import_module("asksight.server.open_inference.inference_messages")
    except ModuleNotFoundError:
        raise LeftOutError("the Open Inference Protocol is not in this version") from None


def asks(way: Way, channel: grpc.aio.Channel) -> Ask:
    """How one channel asks."""
    stub: vqa_pb2_grpc.VqaServiceAsyncStub = vqa_pb2_grpc.VqaServiceStub(channel)

    async def ask(photo: bytes | None, image_id: str, question: str) -> object:
        request = vqa_pb2.AskRequest(image_id=image_id, question=question)
        if photo is not None:
            request.image_data = photo  # in the place of the id
        return await stub.Ask(request, timeout=WITHIN_S, metadata=(("asksight-image-id", image_id),))

    if not way.tensors:
        return ask
    messages = _messages()
    infer: Any = channel.unary_unary(INFER)  # bytes in, bytes out

    async def ask_by_tensors(photo: bytes | None, image_id: str, question: str) -> object:
        request = messages.ModelInferRequest(model_name="scenes")
        given = ("image_id", image_id.encode()) if photo is None else ("image", photo)
        for name, element in (given, ("question", question.encode())):
            request.inputs.add(name=name, datatype="BYTES", shape=[1])
            request.raw_input_contents.append(len(element).to_bytes(4, "little") + element)
        return await infer(request.SerializeToString(), timeout=WITHIN_S)

    return ask_by_tensors


async def load(way: Way, callers: int, seconds: float) -> tuple[list[float], int]:
    """Have callers ask for so long: what each ask took, in seconds, and how many failed."""
    target = complete_target(way.target)
    options = channel_options(target, "photo" if way.by_photo else "round_robin")
    options.append(("grpc.use_local_subchannel_pool", 1))
    channels = [grpc.aio.insecure_channel(target, options) for _ in range(min(CHANNELS, callers))]
    taken: list[float] = []
    failed = 0
    ends_s = time.perf_counter() + seconds

    async def call(ask: Ask) -> None:
        nonlocal failed
        while True:
            photo = PHOTO + next(NUMBERS).to_bytes(8, "big")
            image_id = sha256(photo).hexdigest()
            for turn, question in enumerate(QUESTIONS):
                began_s = time.perf_counter()
                if began_s >= ends_s:
                    return
                try:
                    await ask(None if turn else photo, image_id, question)
                except grpc.RpcError:
                    failed += 1
                else:
                    taken.append(time.perf_counter() - began_s)

    try:
        await asyncio.gather(
            *(call(asks(way, channels[number % len(channels)])) for number in range(callers))
        )
    finally:
        for channel in channels:
            await channel.close()
    return taken, failed


def cpu_s() -> float:
    """The processor time of all that this process has started."""
    return sum(stat.cpu_s for pid, stat in process_and_below(os.getpid()).items() if pid != os.getpid())


def measure(name: str, folder: Path, seconds: float) -> dict[str, Any]:
    """One row."""
    try:
        with WAYS[name](folder) as way:
            asyncio.run(load(way, MANY, WARM_S))
            alone, failed = asyncio.run(load(way, ONE, seconds))
            before_s = cpu_s()
            many, failed_of_many = asyncio.run(load(way, MANY, seconds))
            spent_s = cpu_s() - before_s
    except LeftOutError as error:
        return {"way": name, "left_out": str(error)}
    return {
        "way": name,
        "asks_per_s": round(len(many) / seconds),
        "p50_ms": round(1000 * median(alone), 2),
        "cpu_ms": round(1000 * spent_s / len(many), 2),
        "failed": failed + failed_of_many,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(WAYS), choices=list(WAYS), metavar="WAY")
    given = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in given.only}
    for _ in range(given.turns):
        for name in given.only:
            with tempfile.TemporaryDirectory(prefix="asksight-layers-") as temporary:
                rows[name].append(measure(name, Path(temporary), given.seconds))
    for name, turns in rows.items():
        if "left_out" in turns[0]:
            print(json.dumps(turns[0]))
        else:
            figures = {key: median(turn[key] for turn in turns) for key in turns[0] if key != "way"}
            print(json.dumps({"way": name, **figures, "failed": sum(turn["failed"] for turn in turns)}))


if __name__ == "__main__":
    main()
