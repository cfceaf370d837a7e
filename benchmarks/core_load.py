"""How fast the server's core is: asks per second, latency and the server's CPU time per ask, for one or two checkouts.

    python benchmarks/core_load.py [--other PYTHON] [--model scenes] [--rounds 15] [--seconds 1] [--json]

"Follow-up" asks by image_id about photos that the server has cached; "new photo" sends photos that it has not seen. All
callers share one thread and one connection (plain_grpc.py), so that they use little processor time.

PYTHON is the interpreter of another installation of AskSight, such as an older checkout's .venv/bin/python. Then both
servers run and are asked in turns of a second, so that both are measured under the same conditions; the idle one takes
no processor time. The table has medians over all rounds and the median ratio within a round, which is steadier where a
shared machine changes its speed. Run nothing else meanwhile; --json has every round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
from plain_grpc import PlainGrpc

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

ROOT = Path(__file__).parent.parent
PHOTOS = [path.read_bytes() for path in sorted((ROOT / "cli" / "demo_photos").glob("*.jpg"))]
QUESTIONS = (
    "What colour is the circle?",
    "How many hearts are there?",
    "Is the star small?",
    "What shape is the small blue thing?",
)
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
ROWS = (("follow-up", 1), ("follow-up", 8), ("follow-up", 64), ("new photo", 1), ("new photo", 64))

Messages = Iterator[bytes]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one row in one round."""

    asks_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float  # the server's CPU time per ask


@contextmanager
def serving(python: str, model: str) -> Iterator[tuple[int, int]]:
    """Run an installation's `asksight serve`; gives its port and process id."""
    command = [python, "-P", "-c", "from asksight.cli.main import main; main()", "serve", "--port", "0"]
    command += ["--model", model, "--calls-per-caller", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if " at " not in line:
                raise SystemExit(f"The server of {python} did not start.")
            yield int(line.rsplit(" at ", 1)[1].split(";")[0].rsplit(":", 1)[1]), process.pid
        finally:
            process.terminate()


def cpu_s(pid: int) -> float:
    """The processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def new_photos(first: int) -> Messages:
    """Asks with new photos: bytes after the end of a JPEG change its image_id, but not its picture."""
    for number in itertools.count(first):
        photo = PHOTOS[number % len(PHOTOS)] + number.to_bytes(8, "big")
        question = QUESTIONS[number % len(QUESTIONS)]
        yield vqa_pb2.AskRequest(image_data=photo, question=question).SerializeToString()


def follow_ups(port: int) -> Messages:
    """Asks by image_id about photos that the server has cached."""
    asked: list[bytes] = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        for photo in PHOTOS:
            image_id = stub.Ask(vqa_pb2.AskRequest(image_data=photo, question=QUESTIONS[0])).image_id
            asked += [
                vqa_pb2.AskRequest(image_id=image_id, question=question).SerializeToString()
                for question in QUESTIONS
            ]
    return itertools.cycle(asked)


class Asked:
    """A server, and the connection over which it is asked."""

    def __init__(self, port: int, pid: int) -> None:
        self._pid = pid
        self._connection = PlainGrpc(port, "/asksight.v1.VqaService/Ask")
        self._messages = {"follow-up": follow_ups(port), "new photo": new_photos(time.time_ns() % 10**15)}

    def ask(self, what: str, callers: int, seconds: float) -> Figures:
        following = self._messages[what].__next__
        before_s, started_s = cpu_s(self._pid), time.perf_counter()
        took_s = sorted(self._connection.run(following, callers, seconds))
        lasted_s = time.perf_counter() - started_s
        return Figures(
            asks_per_s=len(took_s) / lasted_s,
            p50_ms=1000 * took_s[len(took_s) // 2],
            p99_ms=1000 * took_s[len(took_s) * 99 // 100],
            cpu_ms=1000 * (cpu_s(self._pid) - before_s) / len(took_s),
        )


def by_turns(
    servers: Sequence[Asked], what: str, callers: int, rounds: int, seconds: float
) -> list[list[Figures]]:
    """Measure one row on all servers in turns; gives figures[server][round]."""
    for server in servers:
        server.ask(what, callers, seconds)  # warm-up
    found: list[list[Figures]] = [[] for _ in servers]
    for _ in range(rounds):
        for server, figures in zip(servers, found, strict=True):
            figures.append(server.ask(what, callers, seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--other", metavar="PYTHON", help="the interpreter of another installation")
    parser.add_argument("--model", default="scenes", help="a bundle's folder, or scenes")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each turn of a row")
    parser.add_argument("--json", action="store_true", help="one JSON object a server, row and round")
    given = parser.parse_args()
    pythons = [given.other, sys.executable] if given.other else [sys.executable]
    with ExitStack() as stack:
        servers = [Asked(*stack.enter_context(serving(python, given.model))) for python in pythons]
        if not given.json:
            print(f"medians of {given.rounds} rounds; of two servers, the other one first, and the ratio")
        for what, callers in ROWS:
            found = by_turns(servers, what, callers, given.rounds, given.seconds)
            if given.json:
                for python, figures in zip(pythons, found, strict=True):
                    for one in figures:
                        row = {"python": python, "what": what, "callers": callers, **asdict(one)}
                        print(json.dumps(row), flush=True)
            else:
                cells = "   ".join(cell(name, found) for name in ("asks_per_s", "p50_ms", "p99_ms", "cpu_ms"))
                print(f"{what:<10}{callers:>4}  {cells}", flush=True)


def cell(name: str, found: Sequence[Sequence[Figures]]) -> str:
    """One column of a row: each server's median, and the median ratio within a round."""
    values = [[getattr(one, name) for one in figures] for figures in found]
    said = f"{name} " + " ".join(f"{statistics.median(one):8.2f}" for one in values)
    if len(values) < 2:
        return said
    ratio = statistics.median(mine / other for other, mine in zip(*values, strict=True))
    return f"{said} {ratio:5.2f}x"


if __name__ == "__main__":
    main()
