"""A server as a tree of processes: starts it, reads its processor time, and ends all its processes.

The first process becomes the parent of processes below it whose own parent ends (prctl(2), PR_SET_CHILD_SUBREAPER), so
that none of them leaves the tree. This setting survives exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SET_CHILD_SUBREAPER = 36
ENDS_WITHIN_S = 15.0


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Tree:
    """A process and all its descendants."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                start_new_session=True,
                preexec_fn=_reap_orphans,
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """The last line that it wrote to standard error."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def cpu_s(self) -> float:
        """The processor time of all processes, including those that have ended, in seconds."""
        return sum(stat.cpu_s for stat in self._stats().values())

    def memory_bytes(self) -> int:
        """The resident memory of all processes; a shared page counts once for each."""
        return sum(stat.memory_bytes for stat in self._stats().values())

    def pause(self, paused: bool = True) -> None:
        """Stop all processes, or let them continue."""
        for pid in self._stats():
            with suppress(ProcessLookupError):  # it has ended
                os.kill(pid, signal.SIGSTOP if paused else signal.SIGCONT)

    def end(self) -> None:
        """Send SIGTERM to the first process, then SIGKILL to all that are left."""
        self.pause(False)
        pids = set(self._stats())
        if self.alive:
            self.process.terminate()
            end_s = time.monotonic() + ENDS_WITHIN_S
            while self.alive and time.monotonic() < end_s:
                pids |= set(self._stats())
                time.sleep(0.1)
        for pid in sorted(pids):
            if pid == self.process.pid and not self.alive:
                continue
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _stats(self) -> dict[int, Stat]:
        return process_and_below(self.process.pid)


class Stat:
    """The fields of /proc/PID/stat that are needed here."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.parent = int(fields[1])
        # Its own, and that of children that it has waited for.
        self.cpu_s = sum(map(int, fields[11:15])) * TICK_S
        self.memory_bytes = int(fields[21]) * PAGE_BYTES


def read_stat(pid: int) -> Stat | None:
    """proc(5), /proc/pid/stat; None where it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Stat(text.rsplit(") ", 1)[1].split())


def process_and_below(pid: int) -> dict[int, Stat]:
    """A process and all its descendants, by their ids."""
    found = {one: stat for one in _pids() if (stat := read_stat(one)) is not None}
    children: dict[int, list[int]] = {}
    for one, stat in found.items():
        children.setdefault(stat.parent, []).append(one)
    mine, waiting = {}, [pid]
    while waiting:
        one = waiting.pop()
        if one in found:
            mine[one] = found[one]
        waiting += children.get(one, [])
    return mine


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - a Path for each is slow


def _reap_orphans() -> None:
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
