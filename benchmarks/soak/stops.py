"""SIGTERMs and model swaps under 64 callers: whatever was accepted is answered, and no swap fails an ask."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from pathlib import Path

from bundles import write_random_bundle
from serving_process import WAIT_S, Callers, ended_well, serving, until
from soak_fakes import Progress, end, promise, short_form

from asksight.client import UnavailableError

CALLERS = 64


def stops(times: int, model: Path) -> None:
    answered = lost = 0
    chance = random.Random(1)
    progress = Progress("stops", times)
    for number in range(times):
        with serving("--model", model, "--drain-grace", "0") as (process, address, log):
            callers = Callers(address, callers=CALLERS)
            until(lambda callers=callers: callers.answered > 0)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 1))
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            callers.stop()
        ok, bad = ended_well(log)
        answered += ok
        lost += bad + abs(ok - callers.answered)
        lost += sum(not isinstance(failure, UnavailableError) for failure in callers.failures)
        progress.at(number + 1, f"({answered} answered, {lost} lost)")
    promise(f"{times} SIGTERMs", lost == 0, f"{answered} accepted and answered, {lost} lost")


def swaps(times: int, model: Path) -> None:
    with serving("--model", model, "--no-watch") as (process, address, _):
        callers = Callers(address, callers=CALLERS)
        until(lambda: callers.answered > 0)
        progress = Progress("swaps", times)
        for number in range(times):
            version = str(number + 2)
            write_random_bundle(model, version=version, seed=number)
            process.send_signal(signal.SIGHUP)
            until(lambda name=f"random {version}": callers.answers.get(name, 0) > 0)  # type: ignore[misc]
            progress.at(number + 1)
        callers.stop()
    failed = len(callers.failures)
    promise(f"{times} swaps", failed == 0, f"{callers.answered} answered, {failed} failed")


def main() -> None:
    short = short_form()
    model = write_random_bundle(Path(tempfile.mkdtemp()) / "random").path
    stops(3 if short else 100, model)
    swaps(3 if short else 50, model)


if __name__ == "__main__":
    main()
    end()
