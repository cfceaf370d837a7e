"""SIGTERMs and model swaps under load: every accepted ask is answered, and no swap makes an ask fail.

Half of the stops have 64 callers with AskSight's client, which retries where a server is stopping. The other half have
32 gRPC stubs without retries, like clients in other languages, which see every status of the server.
"""

from __future__ import annotations

import random
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import grpc
from bundles import write_random_bundle
from photo_files import photo
from serving_process import WAIT_S, Callers, ended_well, serving, until
from soak_fakes import TimeLeft, end, promise, short_form

from asksight.client import UnavailableError
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

CALLERS = 64
PLAIN_CALLERS = 32
# A connection for each stub, since stubs on one connection would learn of the stop at the same time; no retries.
PLAIN = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
# A refusal at a stop has this header; a failure of an accepted call has not.
SAYS_WHEN_TO_RETRY = "grpc-retry-pushback-ms"
FROM_THE_SERVER = "x-request-id"


class PlainCallers:
    """Each caller asks without pause until it gets UNAVAILABLE; outcomes are counted by status code."""

    def __init__(self, address: str) -> None:
        self.codes: Counter[str] = Counter()
        self.failed_inside = 0  # calls that were accepted and then failed with UNAVAILABLE
        self._lock = threading.Lock()
        self._address = address
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(PLAIN_CALLERS)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        request = vqa_pb2.AskRequest(image_data=photo(seed=number), question=f"what is number {number}?")
        code = ""
        with grpc.insecure_channel(self._address, options=PLAIN) as channel:
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            while code != "UNAVAILABLE":
                told: set[str] = set()
                try:
                    stub.Ask(request, timeout=WAIT_S)
                    code = "OK"
                except grpc.RpcError as error:
                    code = error.code().name
                    told = {one.key for one in error.trailing_metadata() or ()}
                with self._lock:
                    self.codes[code] += 1
                    if code == "UNAVAILABLE":
                        self.failed_inside += FROM_THE_SERVER in told and SAYS_WHEN_TO_RETRY not in told

    def join(self) -> None:
        for thread in self._threads:
            thread.join(WAIT_S)


def stops(times: int, model: Path) -> None:
    answered = lost = 0
    chance = random.Random(1)
    progress = TimeLeft("stops", times)
    for number in range(times):
        with serving("--model", model, "--drain-grace", "0") as (process, address, log):
            callers = Callers(address, callers=CALLERS)
            until(lambda callers=callers: callers.answered > 0)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 1))
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            callers.stop(server_ended=True)
        ok, bad = ended_well(log)
        answered += ok
        lost += bad + abs(ok - callers.answered)
        lost += sum(not isinstance(failure, UnavailableError) for failure in callers.failures)
        progress.at(number + 1, f"({answered} answered, {lost} lost)")
    promise(f"{times} SIGTERMs", lost == 0, f"{answered} accepted and answered, {lost} lost")


def plain_stops(times: int, model: Path) -> None:
    codes: Counter[str] = Counter()
    lost = 0
    chance = random.Random(2)
    progress = TimeLeft("stops under plain stubs", times)
    for number in range(times):
        with serving("--model", model, "--drain-grace", "0") as (process, address, log):
            callers = PlainCallers(address)
            until(lambda callers=callers: callers.codes["OK"] > 0)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 1))
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            callers.join()
        codes += callers.codes
        ok, bad = ended_well(log)
        lost += bad + callers.failed_inside + abs(ok - callers.codes["OK"])
        progress.at(number + 1, str(dict(codes)))
    fitting = codes.keys() == {"OK", "UNAVAILABLE"}
    promise(f"{times} SIGTERMs under plain stubs", fitting and lost == 0, f"{dict(codes)}, {lost} lost")


def swaps(times: int, model: Path) -> None:
    with serving("--model", model, "--no-watch") as (process, address, _):
        callers = Callers(address, callers=CALLERS)
        until(lambda: callers.answered > 0)
        progress = TimeLeft("swaps", times)
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
    stops(1 if short else 100, model)
    plain_stops(2 if short else 100, model)
    swaps(1 if short else 50, model)


if __name__ == "__main__":
    main()
    end()
