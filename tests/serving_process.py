"""A real `asksight serve` as a process, and callers who ask it without a pause."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from photo_files import photo
from waiting import WAIT_S as WAIT_S
from waiting import until as until

from asksight.client import AskSightError, connect

QUIET_S = 3.0  # after which nothing comes that a server had sent, on however slow a machine
COMMAND = [str(Path(sys.executable).with_name("asksight")), "serve"]


@contextmanager
def serving(
    *options: str | Path, command: Sequence[str] = COMMAND
) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The process, its address, and the file that its log goes to."""
    log = Path(str(options[1]).partition("=")[2] or str(options[1])).with_suffix(".log")
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*command, *map(str, options), "--port", "0", "--calls-per-caller", "0"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert " at " in line, log.read_text()
            yield process, re.split(" at |[; ]with|;", line)[1].split(" ")[0], log
        finally:
            process.kill()


class Callers:
    """Ask without a pause, from several threads, until `stop`; each outcome is kept."""

    def __init__(self, address: str, *, callers: int = 16) -> None:
        self.answers: dict[str, int] = {}
        self.failures: list[AskSightError] = []
        self._stopped = threading.Event()
        self._left = False
        self._client = connect(address, timeout=WAIT_S)
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(callers)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        while not self._stopped.is_set():
            try:
                reply = self._client.ask(photo(seed=number), f"what is number {number}?")
            except AskSightError as error:
                if self._left:
                    return
                self.failures.append(error)
                self._stopped.wait(0.05)
            else:
                self.answers[reply.model] = self.answers.get(reply.model, 0) + 1

    @property
    def answered(self) -> int:
        return sum(self.answers.values())

    def stop(self, *, server_ended: bool = False) -> None:
        """Hear what was asked; of a server that has ended, only what it had sent: clients would wait for another."""
        self._stopped.set()
        heard, since_s = -1, time.monotonic()
        while server_ended and time.monotonic() - since_s < QUIET_S:
            if not (asking := [one for one in self._threads if one.is_alive()]):
                break
            asking[0].join(0.1)
            if self.answered != heard:
                heard, since_s = self.answered, time.monotonic()
        if server_ended:
            self._left = True
            self._client.close()
        for thread in self._threads:
            thread.join(WAIT_S)
        self._client.close()


def ended_well(log: Path) -> tuple[int, int]:
    """How many calls the log says were answered, and how many of those that were let in ended otherwise."""
    ok = bad = 0
    for line in log.read_text().splitlines():
        if match := re.search(r"asksight\.calls: Ask (\w+)", line):
            ok, bad = ok + (match[1] == "OK"), bad + (match[1] not in ("OK", "UNAVAILABLE"))
    return ok, bad
