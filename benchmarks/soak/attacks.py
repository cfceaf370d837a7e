"""All attacks at once beside 32 normal callers. None of the callers' asks may fail, and memory must be freed again.

    python benchmarks/soak/attacks.py [--short] [--processes 2] [--only ATTACK] [--each]

With --each every attack is made by itself for 20 seconds, and is one line.

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
from dataclasses import dataclass
from pathlib import Path

import grpc
from soak_fakes import end, new_photo, percentile, promise, rss_mb
from token_lines import line

from asksight.client import AskSightError, connect

CALLERS = 32
QUESTION = "What colour is the circle?"
OVER_GRPC = (
    *("stalled_streams", "empty_asks", "hostile_questions", "large_webp"),
    *("rapid_reset", "continuations", "settings", "pings", "zero_window", "health", "reflection"),
)
OVER_HTTP = ("stalled_form", "endless_body", "json_bomb", "half_headers")
CALM_S = 60.0  # after the attacks, for memory to be freed
HERE = Path(__file__).parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="a minute instead of ten")
    parser.add_argument("--processes", type=int, default=1, help="with more than one there is no HTTP")
    parser.add_argument(
        "--only",
        default="",
        metavar="ATTACK",
        help="a function of attackers.py; with --each: several, with commas",
    )
    parser.add_argument("--each", action="store_true", help="each attack by itself, for 20 seconds")
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
    """The normal callers, of 8 clients, which share a connection as gRPC has it.

    `took_s` and `failed` count since the last `clear`.
    """

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


@dataclass
class Figures:
    """What one run showed; memory in MB."""

    before_mb: float
    most_mb: float
    after_mb: float
    quiet: float  # asks a second
    busy: float
    quiet_p99_ms: float
    p99_ms: float
    failed: dict[str, int]
    attackers_share: float  # of the machine


@dataclass
class Target:
    """A server that is attacked, and its normal callers."""

    port: int
    http: int
    pid: int
    tokens: list[str]  # the attackers'
    callers: Callers

    def attacked(self, attack: str, *, quiet_s: float, seconds: float, calm_s: float, quiet: bool) -> Figures:
        """Attack it for so long; memory is looked at again `calm_s` later, with `quiet` without callers."""
        ports = [str(self.port), str(self.http)]
        command = [sys.executable, str(HERE / "attackers.py"), *ports, attack, *self.tokens]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as attackers:
            assert attackers.stdin is not None
            time.sleep(5)  # until its connections are open
            self.callers.clear()
            time.sleep(quiet_s)  # the callers alone, to compare with
            before_mb, asked = resident_mb(self.pid), len(self.callers.took_s) / quiet_s
            quiet_p99_s = percentile(self.callers.took_s, 99)
            self.callers.clear()
            attackers.stdin.write("go\n")
            attackers.stdin.flush()
            own_s = -processor_s(attackers.pid)
            most_mb, ends_s = 0.0, time.monotonic() + seconds
            while time.monotonic() < ends_s:
                most_mb = max(most_mb, resident_mb(self.pid))
                time.sleep(0.5)  # between looks at another process's memory
            busy, failed = len(self.callers.took_s) / seconds, dict(self.callers.failed)
            p99_s = percentile(self.callers.took_s, 99)
            own_s += processor_s(attackers.pid)
            attackers.terminate()
        if quiet:
            self.callers.end()
        time.sleep(calm_s)  # in which memory has to come back
        return Figures(
            before_mb=before_mb,
            most_mb=most_mb,
            after_mb=resident_mb(self.pid),
            quiet=asked,
            busy=busy,
            quiet_p99_ms=1000 * quiet_p99_s,
            p99_ms=1000 * p99_s,
            failed=failed,
            attackers_share=own_s / seconds / len(os.sched_getaffinity(0)),
        )


@contextmanager
def target(processes: int) -> Iterator[Target]:
    names = ["innocent", *(f"greedy{number}" for number in range(8))]
    tokens = {name: secrets.token_hex(16) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens"
        file.write_text("".join(line(name, token) for name, token in tokens.items()))
        with served(processes, file) as (port, http, pid):
            callers = Callers(port, tokens.pop("innocent"))
            time.sleep(5)  # until caches and threads are as they stay
            yield Target(port, http, pid, [*tokens.values()], callers)


def one_by_one(processes: int, only: str) -> None:
    with target(processes) as server:
        attacks = (*OVER_GRPC, *OVER_HTTP) if server.http else OVER_GRPC
        for attack in only.split(",") if only else attacks:
            seen = server.attacked(attack, quiet_s=10, seconds=20, calm_s=1, quiet=False)
            kept = not seen.failed and seen.p99_ms <= 2 * seen.quiet_p99_ms
            said = f"{seen.before_mb:.0f}, {seen.most_mb:.0f}, {seen.after_mb:.0f} MB before, at most, a second later"
            said += f"; p99 {seen.quiet_p99_ms:.0f} ms, {seen.p99_ms:.0f} with it"
            promise(attack, kept, f"{said}; failed: {seen.failed or 0}")
            time.sleep(4)  # what one attack leaves is not to count for the next
        server.callers.end()


def all_at_once(processes: int, only: str, seconds: float) -> None:
    with target(processes) as server:
        seen = server.attacked(only, quiet_s=20, seconds=seconds, calm_s=CALM_S, quiet=True)
    promise("failed asks of innocent callers", not seen.failed, f"{seen.failed or 0}")
    left = seen.quiet * (1 - seen.attackers_share)  # real attackers do not take of this machine
    said = f"{seen.busy:.0f} asks a second of {seen.quiet:.0f}, {left:.0f} without the "
    said += f"{seen.attackers_share:.0%} that attacking itself takes"
    promise("their throughput", seen.busy >= 0.7 * left, said)
    promise("their p99", True, f"{seen.p99_ms:.0f} ms, without the attacks {seen.quiet_p99_ms:.0f}")
    within = seen.most_mb - seen.before_mb <= 300
    promise("memory", within, f"{seen.before_mb:.0f} MB before, {seen.most_mb:.0f} at most")
    promise("memory a minute later", seen.after_mb - seen.before_mb <= 100, f"{seen.after_mb:.0f} MB")


def main() -> None:
    given = arguments()
    if given.each:
        one_by_one(given.processes, given.only)
    else:
        all_at_once(given.processes, given.only, 60.0 if given.short else 600.0)
    end()


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    assert grpc
    main()
