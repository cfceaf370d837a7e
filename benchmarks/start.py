"""The time from a server's start to its first answer, and its memory, compared with ONNX Runtime alone.

    python benchmarks/start.py [--model BUNDLE] [--turns 5] [--asks 1000] [--engine onnxruntime] [--json]

In turns, each in a new process: "bare" imports NumPy and ONNX Runtime, loads both graphs of the bundle and runs one row
through each; "engines" does the same with AskSight's engines; "serve" is `asksight serve` until it has answered an ask
with a photo over gRPC. Seconds count from the start of the process and include imports; the files are in the system's
cache. The table has medians, and ratios to the "bare" process of the same turn.

Then the last server is asked in bursts of 1 to 32 asks at a time, in random order, `--asks` asks in all, and then the
same bursts again. If a batch size were slow when first used, the first pass would have a larger p99 than the second.
"New photo" runs both engines, "follow-up" the answerer alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import grpc

from asksight.engine import load_bundle
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

PHOTO = next((Path(__file__).parent.parent / "cli" / "demo_photos").glob("*.jpg")).read_bytes()
QUESTIONS = ("What colour is the circle?", "Is there a heart?", "What shape is the small blue thing?")
LARGEST_BURST = 32  # the largest batch of the server
ANSWERED_WITHIN_S = 300.0
LOOK_EVERY_S = 0.005  # how often to look for the port; the measured times are off by up to this
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

BARE = """
import sys
import numpy as np
import onnxruntime
types = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}
sessions = [onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in sys.argv[1:]]
for session in sessions:
    session.run(None, {
        one.name: np.ones((1, *(size if isinstance(size, int) else 8 for size in one.shape[1:])), types[one.type])
        for one in session.get_inputs()
    })
print("ran", flush=True)
sys.stdin.read()
"""

ENGINES = """
import sys
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.engine.runtimes.warm import warm_up
engines = [OnnxRuntimeEngine(path) for path in sys.argv[1:]]
for engine in engines:
    warm_up(engine, [1])
print("ran", flush=True)
sys.stdin.read()
"""

Ask = Callable[[int], vqa_pb2.AskRequest]


@dataclass(frozen=True, kw_only=True)
class Start:
    """A process at the time of its first answer."""

    wall_s: float
    cpu_s: float
    peak_mb: float  # resident


@dataclass(frozen=True, kw_only=True)
class Bursts:
    """Milliseconds from the beginning of a burst to each answer."""

    what: str
    asks: int
    first_p50_ms: float
    first_p99_ms: float
    later_p50_ms: float
    later_p99_ms: float


def alone(code: str, graphs: list[str]) -> Start:
    """Load and run both graphs without a server."""
    started_s = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, *graphs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ran\n":
            raise SystemExit("The graphs could not be run without a server.")
        return _seen(process.pid, started_s)


@contextmanager
def serve(model: str, engine: str) -> Iterator[tuple[int, vqa_pb2_grpc.VqaServiceStub, Start]]:
    """Start a server and ask it once; gives its process id, a stub, and the figures of the start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sysconfig.get_path("scripts")) / "asksight"), "serve", "--model", model]
    options = ["--engine", engine, "--port", str(port), "--drain-grace", "0", "--calls-per-caller", "0"]
    started_s = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            stub.Ask(new_photo()(0), timeout=ANSWERED_WITHIN_S)
            yield process.pid, stub, _seen(process.pid, started_s)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(LOOK_EVERY_S)  # no event says when the port is open
        else:
            return
    raise SystemExit("The server did not start.")


def _seen(pid: int, started_s: float) -> Start:
    """The figures of a process now, with those of its ended children."""
    wall_s = time.perf_counter() - started_s
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    return Start(wall_s=wall_s, cpu_s=sum(map(int, times)) / TICKS_PER_S, peak_mb=peak_mb(pid))


def peak_mb(pid: int) -> float:
    """The peak resident memory of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def new_photo() -> Ask:
    """Asks with new photos: bytes after the end of a JPEG change its image_id, but not its picture."""
    count = itertools.count()

    def ask(turn: int) -> vqa_pb2.AskRequest:
        image = PHOTO + next(count).to_bytes(8, "big")
        return vqa_pb2.AskRequest(image_data=image, question=QUESTIONS[turn % len(QUESTIONS)])

    return ask


def follow_up(stub: vqa_pb2_grpc.VqaServiceStub) -> Ask:
    """Asks about a photo that the server has cached."""
    image_id = stub.Ask(new_photo()(0), timeout=ANSWERED_WITHIN_S).image_id
    return lambda turn: vqa_pb2.AskRequest(image_id=image_id, question=QUESTIONS[turn % len(QUESTIONS)])


def burst_sizes(asks: int, seed: str) -> list[int]:
    """Random burst sizes that add up to `asks`."""
    random, sizes = Random(seed), list[int]()
    while (left := asks - sum(sizes)) > 0:
        sizes.append(min(left, random.randint(1, LARGEST_BURST)))
    return sizes


def in_bursts(stub: vqa_pb2_grpc.VqaServiceStub, ask: Ask, sizes: list[int]) -> list[float]:
    """Milliseconds of each ask; a burst begins when the one before is answered."""
    took_ms: list[float] = []
    for size in sizes:
        requests = [ask(turn) for turn in range(size)]
        started_s = time.perf_counter()

        def answered(call: grpc.Future[vqa_pb2.AskResponse], started_s: float = started_s) -> None:
            took_ms.append(1000 * (time.perf_counter() - started_s))

        calls = [stub.Ask.future(request, timeout=ANSWERED_WITHIN_S) for request in requests]
        for call in calls:
            call.add_done_callback(answered)
        for call in calls:
            call.result()
    return took_ms


def bursts(what: str, stub: vqa_pb2_grpc.VqaServiceStub, ask: Ask, asks: int) -> Bursts:
    """Send the same bursts twice; in the first pass the batch sizes are new to the server."""
    sizes = burst_sizes(asks, what)
    first, later = (statistics.quantiles(in_bursts(stub, ask, sizes), n=100) for _ in range(2))
    return Bursts(
        what=what,
        asks=asks,
        first_p50_ms=first[49],
        first_p99_ms=first[98],
        later_p50_ms=later[49],
        later_p99_ms=later[98],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="scenes", help="a bundle's folder, or scenes")
    parser.add_argument("--engine", default="onnxruntime", help="as for `asksight serve`")
    parser.add_argument("--turns", type=int, default=5, help="starts of each")
    parser.add_argument("--asks", type=int, default=1000, help="in bursts, twice; 0: none")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    given = parser.parse_args()
    bundle = load_bundle(given.model)
    graphs = [str(bundle.encoder_path), str(bundle.answerer_path)]
    turns: list[dict[str, Start]] = []
    for turn in range(given.turns):
        starts = {"bare": alone(BARE, graphs), "engines": alone(ENGINES, graphs)}
        with serve(given.model, given.engine) as (pid, stub, starts["serve"]):
            turns.append(starts)
            if turn < given.turns - 1:
                continue
            print_starts(turns, as_json=given.json)
            if not given.asks:
                continue
            for what, ask in (("follow-up", follow_up(stub)), ("new photo", new_photo())):
                print_row(asdict(bursts(what, stub, ask, given.asks)), as_json=given.json)
            print_row({"what": "serve, after all asks", "peak_mb": peak_mb(pid)}, as_json=given.json)


def print_starts(turns: list[dict[str, Start]], *, as_json: bool) -> None:
    """Print a row for each kind of start, and a row of its ratios to the bare process of the same turn."""
    rows = [{what: asdict(start) for what, start in starts.items()} for starts in turns]
    for what in turns[0]:
        keys = rows[0][what]
        medians = {key: statistics.median(row[what][key] for row in rows) for key in keys}
        print_row({"what": f"{what}, median of {len(rows)}", **medians}, as_json=as_json)
        if what != "bare":
            ratios = {
                key: statistics.median(row[what][key] / row["bare"][key] for row in rows) for key in keys
            }
            print_row({"what": f"{what} / bare, median", **ratios}, as_json=as_json)


def print_row(row: dict[str, str | float], *, as_json: bool) -> None:
    """One line."""
    if as_json:
        print(json.dumps(row), flush=True)
        return
    said = (f"{key} {value:.2f}" for key, value in row.items() if not isinstance(value, str))
    print(f"{row['what']:<24}", ", ".join(said), flush=True)


if __name__ == "__main__":
    main()
