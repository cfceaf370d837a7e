"""The processor time that a process and its descendants have taken, from Linux' /proc."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import BenchError

PROC = Path("/proc")


def can_read() -> bool:
    return (PROC / "self" / "stat").exists()


def check_process(pid: int) -> None:
    """Raise BenchError where its time cannot be read."""
    if not can_read():
        raise BenchError(
            "Processor time is read from /proc, which this system does not have. Leave --pid out."
        )
    if not (PROC / str(pid)).exists():
        raise BenchError(f"There is no process {pid} on this machine. Leave --pid out, or name the server's.")


def processor_s(pid: int) -> float:
    """Give the seconds of one core that it and its living descendants have taken; 0 once it is gone."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            # The name in brackets may hold anything; behind it: state, parent, ..., user and system time (proc(5)).
            stat = (folder / "stat").read_text(errors="replace").rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        one = int(folder.name)
        parents[one], ticks[one] = int(stat[1]), int(stat[11]) + int(stat[12])
    return sum(spent for one, spent in ticks.items() if _descends(one, pid, parents)) / os.sysconf(
        "SC_CLK_TCK"
    )


def _descends(one: int, ancestor: int, parents: dict[int, int]) -> bool:
    while one and one != ancestor:
        one = parents.get(one, 0)
    return one == ancestor
