"""All attacks at once beside 32 normal callers. None of the callers' asks may fail, and memory must be freed again.

    python benchmarks/soak/attacks.py [--short] [--processes 2] [--only ATTACK]

`asksight serve` runs with the built-in bundle, tokens and HTTP. The attacks run in a separate process (attackers.py).
The callers' throughput is compared with that while the same process has the same connections open but sends nothing,
less the share of the machine that sending the attacks takes.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from soak_fakes import end, new_photo, percentile, promise, rss_mb
from token_lines import line

from asksight.client import AskSightError, connect

CALLERS = 32
QUESTION = "What colour is the circle?"
CALM_S = 60.0  # after the attacks, for memory to be freed
HERE = Path(__file__).parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="a minute instead of ten")
    parser.add_argument("--processes", type=int, default=1, help="with more than one there is no HTTP")
    parser.add_argument("--only", default="", metavar="ATTACK", help="a function of attackers.py")
    return parser.parse_args()


@contextmanager
def served(processes: int, tokens: Path) -> Iterator[tuple[int, int, int]]:
    """The gRPC port, the HTTP port (0: none), and the process id."""
    command = [sys.executable, "-P", "-c", "from asksight.cli.main import main; main()", "serve"]
    command += [
        "--port",
        "0",
        "--tokens",
        str(tokens),
        "--no-log-calls",
        "--drain-grace",
        "0",
        "--cache-mb",
        "16",
    ]
    command += ["--processes", str(processes)] if processes > 1 else ["--http", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if " at " not in said:
            raise SystemExit("The server did not start.")
        port, http = int(re.findall(r" at [^ ]*:(\d+)", said)[0]), 0
        if processes == 1:
            http = int(process.stdout.readline().split("http://")[1].split("/")[0].rsplit(":", 1)[1])
        try:
            yield port, http, process.pid
        finally:
            process.terminate()


def resident_mb(pid: int) -> float:
    """The resident memory of a process and its children, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return rss_mb(pid) + sum(rss_mb(child) for child in children)


def processor_s(pid: int) -> float:
    """Seconds of the processor that a process has had."""
    taken = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(int(one) for one in taken) / os.sysconf("SC_CLK_TCK")


class Callers:
    """The normal callers, over 8 connections; `took_s` and `failed` count since the last `clear`."""

    def __init__(self, port: int, token: str) -> None:
        self.took_s: list[float] = []
        self.failed: Counter[str] = Counter()
        self._asked = 0
        self._ending = threading.Event()
        self._threads = []
        self._connections = [connect(f"127.0.0.1:{port}", token=token, timeout=30) for _ in range(8)]
        for number in range(CALLERS):
            self._threads.append(threading.Thread(target=self._ask, args=(number,), daemon=True))
        for one in self._threads:
            one.start()

    def clear(self) -> None:
        self.took_s, self.failed = [], Counter()

    def end(self) -> None:
        self._ending.set()
        for one in self._threads:
            one.join()

    def _ask(self, number: int) -> None:
        asked = 0
        while not self._ending.is_set():
            asked += 1
            began_s = time.monotonic()
            try:
                self._connections[number % 8].ask(new_photo(number + CALLERS * asked), QUESTION)
            except AskSightError as error:
                self.failed[f"{type(error).__name__}: {str(error)[:80]}"] += 1
            else:
                self.took_s.append(time.monotonic() - began_s)


def main() -> None:
    given = arguments()
    seconds = 60.0 if given.short else 600.0
    names = ["innocent", *(f"greedy{number}" for number in range(8))]
    tokens = {name: secrets.token_hex(16) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens"
        file.write_text("".join(line(name, token) for name, token in tokens.items()))
        with served(given.processes, file) as (port, http, pid):
            callers = Callers(port, tokens.pop("innocent"))
            time.sleep(5)
            command = [
                sys.executable,
                str(HERE / "attackers.py"),
                str(port),
                str(http),
                given.only,
                *tokens.values(),
            ]
            with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as attackers:
                assert attackers.stdin is not None
                time.sleep(5)  # until its connections are open
                callers.clear()
                quiet_s = 20.0
                time.sleep(quiet_s)
                before_mb, quiet = resident_mb(pid), len(callers.took_s) / quiet_s
                quiet_p99_s = percentile(callers.took_s, 99)
                callers.clear()
                attackers.stdin.write("go\n")
                attackers.stdin.flush()
                own_s = -processor_s(attackers.pid)
                most_mb, ends_s = 0.0, time.monotonic() + seconds
                while time.monotonic() < ends_s:
                    most_mb = max(most_mb, resident_mb(pid))
                    time.sleep(0.5)
                busy, failed = len(callers.took_s) / seconds, dict(callers.failed)
                p99_s = percentile(callers.took_s, 99)
                own_s += processor_s(attackers.pid)
                attackers.terminate()
            callers.end()
            time.sleep(CALM_S)
            after_mb = resident_mb(pid)
    promise("failed asks of innocent callers", not failed, f"{failed or 0}")
    share = own_s / seconds / len(os.sched_getaffinity(0))  # of the machine, which real attackers do not take
    left = quiet * (1 - share)
    said = f"{busy:.0f} asks a second of {quiet:.0f}, {left:.0f} without the {share:.0%} that attacking itself takes"
    promise("their throughput", busy >= 0.7 * left, said)
    promise("their p99", True, f"{1000 * p99_s:.0f} ms, without the attacks {1000 * quiet_p99_s:.0f}")
    promise("memory", most_mb - before_mb <= 300, f"{before_mb:.0f} MB before, {most_mb:.0f} at most")
    promise("memory a minute later", after_mb - before_mb <= 100, f"{after_mb:.0f} MB")
    end()


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    assert grpc
    main()
