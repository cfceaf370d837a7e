"""What Ray Serve costs: one replica behind each of its proxies, beside `asksight serve`, on the same two threads.

    PYTHONPATH=benchmarks python -m scale.ray_price [--seconds 6] [--turns 2]

`asksight bench` asks, eight callers, about new photos and then about known ones. CPU an ask is that of all processes of
the server, Ray's own among them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from peers.processes import Tree, free_port

from .ray_machines import ASKSIGHT, NICENESS

THREADS = 2
CALLERS = 8
WARM_UP_S = 1.0
HAPROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
ON_RAY = ["--ray", "--host", "0.0.0.0", "--insecure"]
SERVERS: dict[str, tuple[list[str], dict[str, str]]] = {
    "asksight serve": ([], {}),
    "Ray's Python proxy": (ON_RAY, {}),
    "Ray's HAProxy": (ON_RAY, HAPROXY),
}


def ask(tree: Tree, address: str, follow_ups: int, seconds: float) -> dict[str, Any]:
    """One row of `asksight bench`, with the processor time of an ask."""
    command = [ASKSIGHT, "bench", "--server", address, "--callers", str(CALLERS), "--json"]
    command += ["--seconds", str(seconds), "--warm-up", str(WARM_UP_S), "--follow-ups", str(follow_ups)]
    before_s = tree.cpu_s()
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    (row,) = json.loads(ran.stdout)["rows"]
    asked = row["asks_per_s"] * (seconds + WARM_UP_S)
    return {
        "asks_per_s": row["asks_per_s"],
        "p50_ms": row["latency_ms"]["p50"],
        "cpu_ms": 1000 * (tree.cpu_s() - before_s) / asked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--turns", type=int, default=2)
    given = parser.parse_args()
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="asksight-ray-") as folder:
        for _ in range(given.turns):
            for name, (options, environment) in SERVERS.items():
                port = free_port()
                command = [ASKSIGHT, "serve", "--port", str(port), "--threads", str(THREADS), *options]
                command += ["--no-log-calls", "--drain-grace", "0"]
                told = {**os.environ, "RAY_ADDRESS": "local", **NICENESS, **environment}
                tree = Tree(command, told, Path(folder) / "log")
                try:
                    assert tree.process.stdout is not None
                    if " at " not in tree.process.stdout.readline():
                        raise RuntimeError(tree.last_words())
                    for follow_ups, what in enumerate(("new photos", "follow-ups")):
                        row = ask(tree, f"127.0.0.1:{port}", follow_ups, given.seconds)
                        rows.setdefault((name, what), []).append(row)
                finally:
                    tree.end()
    for (name, what), turns in rows.items():
        figures = {key: round(median(turn[key] for turn in turns), 2) for key in turns[0]}
        print(json.dumps({"server": name, "asks": what, **figures}))


if __name__ == "__main__":
    main()
