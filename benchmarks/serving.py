"""How many asks a second a server answers, and how long each takes, seen from the client over the wire.

    python benchmarks/serving.py [--model BUNDLE] [--seconds 5] [--callers 1 16 64] [--json]

"New photo" sends photos that the server has not seen: decoding, encoder and answerer run for each. "Follow-up" asks
again about photos that it knows, by their id: the answerer alone runs. Server and callers share this machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from asksight.client import Client, Reply, connect

PHOTOS = sorted((Path(__file__).parent.parent / "cli" / "demo_photos").glob("*.jpg"))
QUESTIONS = (
    "What colour is the circle?",
    "How many hearts are there?",
    "Is the star small?",
    "What shape is the small blue thing?",
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One row: asks answered a second, and milliseconds from asking to answer."""

    what: str
    callers: int
    asks_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@contextmanager
def serving(model: str) -> Iterator[str]:
    """Run `asksight serve` in a process of its own; gives host:port."""
    command = [
        str(Path(sysconfig.get_path("scripts")) / "asksight"),
        "serve",
        "--port",
        "0",
        "--model",
        model,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if " at " not in line:
                raise SystemExit(f"The server did not start: {line}")
            yield line.rsplit(" at ", 1)[1].split(";")[0].strip()
        finally:
            process.terminate()


def new_photo() -> Callable[[Client, int], Reply]:
    """Every ask brings a photo of its own: bytes after the end of a JPEG change its id, not its picture."""
    count = itertools.count()
    files = [photo.read_bytes() for photo in PHOTOS]

    def ask(client: Client, turn: int) -> Reply:
        photo = files[turn % len(files)] + next(count).to_bytes(8, "big")
        return client.ask(photo, QUESTIONS[turn % len(QUESTIONS)])

    return ask


def follow_up(client: Client) -> Callable[[Client, int], Reply]:
    """Every ask is about a photo that the server has seen."""
    ids = [client.ask(photo, QUESTIONS[0]).image_id for photo in PHOTOS]
    return lambda caller, turn: caller.ask(ids[turn % len(ids)], QUESTIONS[turn // len(ids) % len(QUESTIONS)])


def measure(
    what: str, ask: Callable[[Client, int], Reply], client: Client, *, callers: int, seconds: float
) -> Figures:
    """Let `callers` threads ask for that long; an ask that fails ends the measurement."""
    took_s: list[float] = []
    failed: list[Exception] = []
    end_s = time.perf_counter() + seconds

    def call(first: int) -> None:
        try:
            for turn in itertools.count(first):
                started_s = time.perf_counter()
                if started_s >= end_s or failed:
                    return
                ask(client, turn)
                took_s.append(time.perf_counter() - started_s)
        except Exception as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=call, args=(row,)) for row in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"An ask failed: {failed[0]}")
    took_s.sort()
    p50, p95, p99 = (1000 * took_s[int(share * (len(took_s) - 1))] for share in (0.5, 0.95, 0.99))
    return Figures(
        what=what, callers=callers, asks_per_s=len(took_s) / seconds, p50_ms=p50, p95_ms=p95, p99_ms=p99
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="scenes", help="a bundle's folder, or scenes")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    given = parser.parse_args()
    with serving(given.model) as address, connect(address, timeout=60) as client:
        if not given.json:
            print(f"{'':<12}{'callers':>8}{'asks/s':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
        for what in ("new photo", "follow-up"):
            ask = new_photo() if what == "new photo" else follow_up(client)  # of photos that are still cached
            for callers in given.callers:
                measure(what, ask, client, callers=callers, seconds=min(1.0, given.seconds))  # warm
                row = measure(what, ask, client, callers=callers, seconds=given.seconds)
                if given.json:
                    print(json.dumps(asdict(row)), flush=True)
                    continue
                milliseconds = "".join(f"{one:>9.1f}" for one in (row.p50_ms, row.p95_ms, row.p99_ms))
                print(f"{what:<12}{callers:>8}{row.asks_per_s:>9.0f}{milliseconds}", flush=True)


if __name__ == "__main__":
    main()
