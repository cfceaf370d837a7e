"""What `asksight plan` predicts beside what is measured: throughput, p50 and p99 at three loads and two mixes.

    PYTHONPATH=benchmarks python -m scale.plan_beside [--out build/plan_beside] [--again]

Measures what plan itself measures, one machine's closed loops at four mixes of new photos and known ones, then loads
that plan has not seen: one caller, and asks at random times at 40 % and at 75 % of the capacity that it predicts, each
with 30 % and with 70 % of follow-ups. All of it in three rounds, of which the medians count: a machine with other work
is not as quick now as a minute ago. Server and load share the machine. Some four minutes; --again compares what --out
holds once more, without measuring.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from asksight.cli.bench.own_server import own_server
from asksight.cli.plan.measured_machine import CALLERS, FOLLOW_UPS, machine_of
from asksight.cli.plan.queueing import Latency, closed_loop, open_loop

BENCH = [str(Path(sys.executable).with_name("asksight")), "bench", "--json"]
MIXES = (0.3, 0.7)
BUSY = (0.4, 0.75)
CLOSED = ("--warm-up", "0.2", "--seconds", "1")
OPEN = ("--warm-up", "0.5", "--seconds", "4")
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One figure."""

    load: str
    figure: str
    predicted: float
    measured: float

    @property
    def off(self) -> float:
        return self.predicted / self.measured - 1


def bench(*arguments: str) -> dict[str, Any]:
    ran = subprocess.run([*BENCH, *arguments], check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def measure(folder: Path) -> None:
    """Write a report for each measurement and round."""
    folder.mkdir(parents=True, exist_ok=True)
    many = ",".join(f"{one:g}" for one in CALLERS)
    rates: dict[float, str] = {}
    with own_server("scenes") as server:
        there = ("--server", server.address, "--pid", str(server.pid))

        def report(name: str, turn: int, mix: float, *load: str) -> None:
            told = bench(*there, "--follow-ups", str(mix), *load)
            (folder / f"{name}{mix}.{turn}.json").write_text(json.dumps(told), "utf-8")

        for turn in range(ROUNDS):
            for mix in FOLLOW_UPS:
                report("alone", turn, mix, "--callers", many, *CLOSED)
            if not rates:
                machine = machine_of(read(folder, f"alone{mix}") for mix in FOLLOW_UPS)
                for mix in MIXES:
                    rates[mix] = ",".join(f"{busy * machine.asks_per_s(mix):.0f}" for busy in BUSY)
            for mix in MIXES:
                report("closed", turn, mix, "--callers", "1", *CLOSED)
                report("open", turn, mix, "--rate", rates[mix], *OPEN)


def read(folder: Path, name: str) -> dict[str, Any]:
    """The medians of a measurement's rounds, as one report."""
    files = sorted(folder.glob(f"{name}.?.json"))
    reports: list[dict[str, Any]] = [json.loads(file.read_text("utf-8")) for file in files]
    rows = []
    for turns in zip(*(report["rows"] for report in reports), strict=True):
        latencies = [turn["latency_ms"] for turn in turns]
        latency_ms = {key: median(one[key] for one in latencies) for key in latencies[0]}
        answered = median(turn["asks_per_s"] for turn in turns)
        rows.append({**turns[0], "asks_per_s": answered, "latency_ms": latency_ms})
    return {**reports[0], "rows": rows}


def compare(folder: Path) -> Iterator[Beside]:
    """Each figure of each load."""
    machine = machine_of(read(folder, f"alone{mix}") for mix in FOLLOW_UPS)
    for mix in MIXES:
        (row,) = read(folder, f"closed{mix}")["rows"]
        yield from _beside(f"1 caller, {mix:.0%} follow-ups", *closed_loop(machine, 1, mix), row)
        for busy, row in zip(BUSY, read(folder, f"open{mix}")["rows"], strict=True):
            taken = open_loop(machine, row["rate"], mix)
            assert taken is not None
            yield from _beside(
                f"{row['rate']:g} asks/s ({busy:.0%}), {mix:.0%} follow-ups", row["rate"], taken, row
            )


def _beside(load: str, asks_per_s: float, taken: Latency, row: dict[str, Any]) -> Iterator[Beside]:
    predicted = {"asks/s": asks_per_s, "p50 ms": taken.p50_ms, "p99 ms": taken.p99_ms}
    measured = {
        "asks/s": row["asks_per_s"],
        "p50 ms": row["latency_ms"]["p50"],
        "p99 ms": row["latency_ms"]["p99"],
    }
    for figure, value in predicted.items():
        yield Beside(load=load, figure=figure, predicted=value, measured=measured[figure])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/plan_beside"))
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    if not given.again:
        measure(given.out)
    print("| load | figure | predicted | measured | off |\n|---|---|---|---|---|")
    for one in compare(given.out):
        print(f"| {one.load} | {one.figure} | {one.predicted:,.1f} | {one.measured:,.1f} | {one.off:+.0%} |")


if __name__ == "__main__":
    main()
