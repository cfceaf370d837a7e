"""What `asksight plan` predicts beside what is measured: throughput, p50 and p99 at three loads and two mixes.

    PYTHONPATH=benchmarks python -m scale.plan_beside [--out build/plan_beside] [--again]

Measures what plan itself measures, one machine's closed loops about new photos and about known ones, then loads that
plan has not seen: one caller, and asks at random times at 40 % and at 75 % of the capacity that it predicts, each with
50 % and with 90 % of follow-ups. Server and load share the machine. Some three minutes; --again compares what --out
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
from typing import Any

from asksight.cli.plan.measured_machine import CALLERS, machine_of
from asksight.cli.plan.queueing import Latency, closed_loop, open_loop

BENCH = [str(Path(sys.executable).with_name("asksight")), "bench", "--json"]
MIXES = (0.5, 0.9)
BUSY = (0.4, 0.75)
CLOSED = ("--warm-up", "0.5", "--seconds", "3")
OPEN = ("--warm-up", "1", "--seconds", "8")


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
    """Write a report for each measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    many = ",".join(f"{one:g}" for one in CALLERS)
    reports = {f"alone{mix}": bench("--callers", many, "--follow-ups", str(mix), *CLOSED) for mix in (0, 1)}
    machine = machine_of(reports.values())
    for mix in MIXES:
        given = ("--follow-ups", str(mix))
        rates = ",".join(f"{busy * machine.asks_per_s(mix):.0f}" for busy in BUSY)
        reports[f"closed{mix}"] = bench("--callers", "1", *given, *CLOSED)
        reports[f"open{mix}"] = bench("--rate", rates, *given, *OPEN)
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report), "utf-8")


def read(folder: Path, name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return report


def compare(folder: Path) -> Iterator[Beside]:
    """Each figure of each load."""
    machine = machine_of(read(folder, f"alone{mix}") for mix in (0, 1))
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
