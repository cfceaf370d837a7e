"""Does an ask fail on Ray Serve while replicas and a machine die, and while a bundle is rolled? How does it scale?

    PYTHONPATH=benchmarks python -m scale.on_ray [--minutes 10] [--haproxy] [--only churn step]

Three raylets on this machine, as Ray's own tests have them, and `asksight serve --ray` on that cluster. `churn`:
callers ask ten questions about each new photo with the shipped client, and every while a replica is killed, a raylet
is killed with its replica, another joins, or a bundle of another version is put in the place of the one that is served
and the replicas read it (SIGHUP). A follow-up misses where its photo had to be sent again. `step`: from one caller
to many and back, with 1 to 4 replicas.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .ray_load import Load
from .ray_machines import BASE, HAPROXY, Machines, serving, versioned

CALLERS = 8
STEP_CALLERS = 48
STEP_BATCH = 8  # a replica more for each so many asks under way


def churn(machines: Machines, folder: Path, minutes: float) -> dict[str, Any]:
    """Things that happen to a cluster, one after the other, under load."""
    bundle = folder / "scenes"
    versioned(bundle, "1")
    with serving(machines, folder, "--model", str(bundle), "--replicas", "3") as (tree, address):

        def roll() -> None:
            versioned(
                bundle, str(int(json.loads((bundle / "bundle.json").read_text("utf-8"))["version"]) + 1)
            )
            tree.process.send_signal(signal.SIGHUP)

        steps: list[tuple[str, Callable[[], None]]] = [
            ("a replica is killed", machines.kill_replica),
            ("a raylet is killed", machines.kill_machine),
            ("a raylet joins", machines.add_machine),
            ("a bundle is rolled", roll),
        ]
        rounds = max(1, round(minutes / 3.5))
        apart_s = 60 * minutes / (len(steps) * rounds + 1)
        load = Load(address, CALLERS)
        happened: list[tuple[str, float]] = []  # with the clock's time, by which Ray's own logs are read
        try:
            for name, step in steps * rounds:
                time.sleep(apart_s)  # under load, so that what comes of each step is told from the next one's
                happened.append((f"{time.strftime('%H:%M:%S')} {name}", time.monotonic()))
                step()
            time.sleep(apart_s)  # likewise
            happened.append(("end", time.monotonic()))
        finally:
            tally = load.stop()
        replicas = len(machines.replicas())
    follow_ups = tally.sum("follow_ups")
    return {
        "what": "churn",
        "minutes": minutes,
        "asked": tally.sum("asked"),
        "failed": tally.sum("failed"),
        "failures": dict(tally.failures),
        "found": 1 - tally.sum("missed") / follow_ups,
        "seconds after it in which under 97 % found it, their follow-ups and misses": [
            (name, tally.seconds_below(at_s, next_s))
            for (name, at_s), (_, next_s) in itertools.pairwise(happened)
        ],
        "answered by": dict(tally.models),
        "replicas in the end": replicas,
    }


def step(machines: Machines, folder: Path) -> dict[str, Any]:
    """One caller, many callers, one caller."""
    more = ["--replicas", "1:4", "--encoder-batch", str(STEP_BATCH)]
    with serving(machines, folder, *more) as (_, address):
        few = Load(address, 1)
        time.sleep(10)  # of one caller, so that it is seen not to scale for that
        at_first = len(machines.replicas())
        many, began_s = Load(address, STEP_CALLERS), time.monotonic()
        up_s = _until(lambda: len(machines.replicas()) == 4, 120)
        time.sleep(max(0.0, 10 - (time.monotonic() - began_s)))  # of load at least, where it scaled at once
        loads = [many.stop()]
        down_s = _until(lambda: len(machines.replicas()) == 1, 240)
        loads.append(few.stop())
    return {
        "what": "step",
        "replicas at first": at_first,
        "4 replicas after s": up_s,
        "1 replica after s": down_s,
        "asked": sum(one.sum("asked") for one in loads),
        "failed": sum(one.sum("failed") for one in loads),
        "failures": dict(sum((one.failures for one in loads), Counter())),
    }


def _until(holds: Callable[[], bool], within_s: float) -> float | None:
    began_s = time.monotonic()
    while time.monotonic() - began_s < within_s:
        if holds():
            return round(time.monotonic() - began_s, 1)
        time.sleep(0.5)  # other processes: there is nothing to wait on but to look again
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--haproxy", action="store_true", help="Ray's HAProxy mode")
    parser.add_argument("--only", nargs="+", default=["churn", "step"], choices=["churn", "step"])
    given = parser.parse_args()
    machines = Machines({**BASE, **(HAPROXY if given.haproxy else {})})
    try:
        with tempfile.TemporaryDirectory(prefix="asksight-ray-") as temporary:
            folder = Path(temporary)
            if "churn" in given.only:
                print(json.dumps(churn(machines, folder, given.minutes)), flush=True)
            if "step" in given.only:
                print(json.dumps(step(machines, folder)), flush=True)
    finally:
        machines.end()


if __name__ == "__main__":
    main()
