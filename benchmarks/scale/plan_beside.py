"""What `asksight plan` predicts beside what is measured: throughput, p50 and p99 at three loads and two mixes.

    PYTHONPATH=benchmarks python -m scale.plan_beside [--out build/plan_beside] [--rounds 5] [--again]

A round measures what plan itself measures, one machine's closed loops at four mixes of new photos and known ones, and
then loads that plan has not seen: one caller, and asks at random times at 40 % and at 75 % of the capacity that it
predicts, each with 30 % and with 70 % of follow-ups. Prediction and measurement are compared within a round, since a
machine with other work is not as quick now as some minutes ago; of the rounds the medians count, of how far off a
figure is too. Server and load share the machine. Four minutes; --again compares what --out holds, without measuring.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
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
CLOSED = ("--warm-up", "0.2", "--seconds", "0.8")
OPEN = ("--warm-up", "0.5", "--seconds", "3")
LOADS = tuple(
    f"{load}, {mix:.0%} follow-ups"
    for mix in MIXES
    for load in ("1 caller", *(f"{busy:.0%} of capacity" for busy in BUSY))
)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One figure of one round, or the medians of several."""

    load: str
    figure: str
    predicted: float
    measured: float
    off: float


def bench(*arguments: str) -> dict[str, Any]:
    ran = subprocess.run([*BENCH, *arguments], check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def measure(folder: Path, rounds: int) -> None:
    """Write a file for each round: the machine's reports by their mixes, and the loads' rows."""
    folder.mkdir(parents=True, exist_ok=True)
    many = ",".join(f"{one:g}" for one in CALLERS)
    with own_server("scenes") as server:
        there = ("--server", server.address, "--pid", str(server.pid))
        for turn in range(rounds):
            alone = [
                bench(*there, "--follow-ups", str(mix), "--callers", many, *CLOSED) for mix in FOLLOW_UPS
            ]
            machine = machine_of(alone)
            rows = []
            for mix in MIXES:
                rates = ",".join(f"{busy * machine.asks_per_s(mix):.0f}" for busy in BUSY)
                rows += bench(*there, "--follow-ups", str(mix), "--callers", "1", *CLOSED)["rows"]
                rows += bench(*there, "--follow-ups", str(mix), "--rate", rates, *OPEN)["rows"]
            told = {"alone": alone, "rows": rows}
            (folder / f"round{turn}.json").write_text(json.dumps(told), "utf-8")


def compare(told: dict[str, Any]) -> Iterator[Beside]:
    """Each figure of each load of a round."""
    machine = machine_of(told["alone"])
    mixes = [mix for mix in MIXES for _ in ("one caller", *BUSY)]
    for load, mix, row in zip(LOADS, mixes, told["rows"], strict=True):
        if row["rate"] is None:
            yield from _beside(load, *closed_loop(machine, 1, mix), row)
        else:
            taken = open_loop(machine, row["rate"], mix)
            assert taken is not None
            yield from _beside(load, row["rate"], taken, row)


def medians(rounds: Iterable[dict[str, Any]]) -> Iterator[Beside]:
    """Each figure of each load, over the rounds."""
    for turns in zip(*(list(compare(told)) for told in rounds), strict=True):
        yield Beside(
            load=turns[0].load,
            figure=turns[0].figure,
            predicted=median(one.predicted for one in turns),
            measured=median(one.measured for one in turns),
            off=median(one.off for one in turns),
        )


def _beside(load: str, asks_per_s: float, taken: Latency, row: dict[str, Any]) -> Iterator[Beside]:
    predicted = {"asks/s": asks_per_s, "p50 ms": taken.p50_ms, "p99 ms": taken.p99_ms}
    measured = {
        "asks/s": row["asks_per_s"],
        "p50 ms": row["latency_ms"]["p50"],
        "p99 ms": row["latency_ms"]["p99"],
    }
    for figure, value in predicted.items():
        off = value / measured[figure] - 1
        yield Beside(load=load, figure=figure, predicted=value, measured=measured[figure], off=off)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/plan_beside"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    if not given.again:
        measure(given.out, given.rounds)
    rounds = [json.loads(file.read_text("utf-8")) for file in sorted(given.out.glob("round*.json"))]
    print("| load | figure | predicted | measured | off |\n|---|---|---|---|---|")
    for one in medians(rounds):
        print(f"| {one.load} | {one.figure} | {one.predicted:,.1f} | {one.measured:,.1f} | {one.off:+.0%} |")


if __name__ == "__main__":
    main()
