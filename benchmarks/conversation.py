"""The time of one question about a photo that is known, by each way to ask it, one caller: p50 and p90 in ms.

    python benchmarks/conversation.py [--asks 1000] [--rounds 3]

The ways take turns, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import httpx

from asksight.client import connect, connect_async

PHOTO = (Path(__file__).parent.parent / "cli" / "demo_photos" / "star.jpg").read_bytes()
QUESTION = "what colour is the star?"
SERVE = [str(Path(sys.executable).with_name("asksight")), "serve", "--port", "0", "--http", "0"]
WARM_UP = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    command = [*SERVE, "--no-log-calls", "--drain-grace", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            lines = server.stdout.readline() + server.stdout.readline()
            address = re.findall(r" at (127\.0\.0\.1:\d+)", lines)[0]
            page = re.findall(r"http://[0-9.:]+/", lines)[0]
            took_s: dict[str, list[float]] = {}
            for _ in range(given.rounds):
                measure(address, page, given.asks, took_s)
        finally:
            server.terminate()
    for way, all_s in took_s.items():
        p50, p90 = statistics.median(all_s), sorted(all_s)[int(0.9 * len(all_s))]
        print(f"{way:36} {1000 * p50:6.2f} {1000 * p90:6.2f}")


def measure(address: str, page: str, asks: int, took_s: dict[str, list[float]]) -> None:
    """One round of all ways."""

    def timed(way: str, ask: Callable[[], object]) -> None:
        for number in range(WARM_UP + asks):
            began_s = time.perf_counter()
            ask()
            if number >= WARM_UP:
                took_s.setdefault(way, []).append(time.perf_counter() - began_s)

    with connect(address) as client:
        timed("Ask, blocking client", lambda: client.ask(PHOTO, QUESTION))
        with client.conversation(PHOTO) as talk:
            timed("Converse, blocking client", lambda: talk.ask(QUESTION))

    async def in_a_loop() -> None:
        async with connect_async(address) as there, there.conversation(PHOTO) as talk:
            ways: dict[str, Callable[[], Awaitable[object]]] = {
                "Ask, asyncio client": lambda: there.ask(PHOTO, QUESTION),
                "Converse, asyncio client": lambda: talk.ask(QUESTION),
            }
            for way, ask in ways.items():
                for number in range(WARM_UP + asks):
                    began_s = time.perf_counter()
                    await ask()
                    if number >= WARM_UP:
                        took_s.setdefault(way, []).append(time.perf_counter() - began_s)

    asyncio.run(in_a_loop())
    form = {"image_id": (None, sha256(PHOTO).hexdigest()), "question": (None, QUESTION)}
    with httpx.Client(base_url=page, trust_env=False) as http:
        timed(
            "POST /v1/ask by image_id, as the page",
            lambda: http.post("/v1/ask", files=form).raise_for_status(),
        )


if __name__ == "__main__":
    main()
