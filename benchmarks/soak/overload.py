"""Five times the load that the server can answer: goodput, time of a refusal, and time to recover.

One process sends the flood over many connections. Another process measures how long a refusal takes, with few asks over
its own connections, since times measured in the flooding process would include its own work. All share the machine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import grpc
from soak_fakes import end, new_photo, percentile, promise, server_process, short_form

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

ROW_S = 0.008  # seconds that the fake encoder takes for a row: about 120 asks per second
DEADLINE_S = 1.0
REFUSED_MS = 7.0  # the limit of the p99 of refusals
# For the throughput without overload: enough for full batches, few enough to be answered in time.
CALLERS = 48
CONNECTIONS = 16  # of the flooding process
PROBES, PROBE_EVERY_S = 8, 0.2  # each over its own connection
LOCAL = [("grpc.use_local_subchannel_pool", 1)]  # otherwise channels to one address share a connection

Outcome = tuple[str, float, float]
Stubs = list[Any]  # of VqaServiceAsyncStub, a class that only type checkers know


def request(number: int) -> vqa_pb2.AskRequest:
    """An ask about a new photo, different for each number."""
    return vqa_pb2.AskRequest(image_data=new_photo(number), question="what?")


async def ask(stubs: Stubs, number: int) -> str:
    """Ask once; gives the name of the status code."""
    try:
        await stubs[number % len(stubs)].Ask(request(number), timeout=DEADLINE_S)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"


async def best(stubs: Stubs, seconds: float, first: int) -> float:
    """Answers per second for callers who wait for each answer."""
    begins_s = time.monotonic() + 1.0
    numbers = iter(range(first, 10**12))
    good = 0

    async def caller() -> None:
        nonlocal good
        while time.monotonic() < begins_s + seconds:
            code = await ask(stubs, next(numbers))
            good += code == "OK" and begins_s <= time.monotonic() < begins_s + seconds

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return good / seconds


async def flood(stubs: Stubs, rate: float, seconds: float) -> list[Outcome]:
    """Send `rate` asks per second without waiting for answers."""
    started_s = time.monotonic()
    asked: list[asyncio.Task[Outcome]] = []

    async def one(number: int) -> Outcome:
        asked_s = time.monotonic()
        code = await ask(stubs, number)
        return code, 1000 * (time.monotonic() - asked_s), time.monotonic()

    while (gone_s := time.monotonic() - started_s) < seconds:
        while len(asked) < gone_s * rate:
            asked.append(asyncio.create_task(one(10**9 + len(asked))))
        await asyncio.sleep(0.002)
    return await asyncio.gather(*asked)


def probe(port: int) -> None:
    """Ask at intervals until standard input ends; then print code, milliseconds and time of each outcome."""
    stopped = threading.Event()
    outcomes: list[Outcome] = []

    def prober(number: int) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=LOCAL) as channel:
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            # So that the connection is open before the measurement.
            stub.GetModel(vqa_pb2.GetModelRequest(), timeout=30)
            while not stopped.wait(PROBE_EVERY_S):
                number += PROBES
                asked, started_s, code = request(number), time.monotonic(), "OK"
                try:
                    stub.Ask(asked, timeout=DEADLINE_S)
                except grpc.RpcError as error:
                    code = error.code().name
                ended_s = time.monotonic()  # the same clock in every process
                outcomes.append((code, 1000 * (ended_s - started_s), ended_s))

    threads = [threading.Thread(target=prober, args=(2 * 10**9 + number,)) for number in range(PROBES)]
    for one in threads:
        one.start()
    sys.stdin.read()
    stopped.set()
    for one in threads:
        one.join()
    print(json.dumps(outcomes))


@dataclass(frozen=True)
class Found:
    """The results of a run."""

    best: float  # answers a second
    flood: list[Outcome]
    probes: list[Outcome]
    recovered_s: float  # from the end of the flood to the first answer within 0.2 s


async def run(port: int, seconds: float) -> Found:
    """Measure the throughput without overload, then flood. The first second of each, while queues fill, is left out."""
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=LOCAL) for _ in range(CONNECTIONS)]
    stubs: Stubs = [vqa_pb2_grpc.VqaServiceStub(channel) for channel in channels]
    capacity = await best(stubs, seconds / 3, 0)
    command = [sys.executable, __file__, "--probe", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as probes:
        await asyncio.sleep(1.0)  # until all channels are connected
        begins_s = time.monotonic()
        asked = await flood(stubs, 5 * capacity, 1.0 + seconds)
        over_s = time.monotonic()
        number = 3 * 10**9
        while True:
            number += 1
            asked_s = time.monotonic()
            if await ask(stubs, number) == "OK" and time.monotonic() - asked_s < 0.2:
                break
        recovered_s = time.monotonic() - over_s
        probed = json.loads(probes.communicate()[0])
    for channel in channels:
        await channel.close()
    begins_s, ends_s = begins_s + 1.0, begins_s + 1.0 + seconds

    def within(outcomes: list[Outcome]) -> list[Outcome]:
        return [one for one in outcomes if begins_s <= one[2] < ends_s]

    return Found(capacity, within(asked), within(probed), recovered_s)


def main() -> None:
    seconds = 6.0 if short_form() else 60.0
    with server_process(ROW_S) as (port, _):
        found = asyncio.run(run(port, seconds))
    codes = Counter(code for code, _, _ in (*found.flood, *found.probes))
    good = codes["OK"] / seconds
    print(f"asked {codes.total() / seconds:.0f}/s, best {found.best:.1f}/s, {dict(codes)}")
    promise(
        "goodput", good >= 0.95 * found.best, f"{good:.1f}/s, {100 * good / found.best:.1f} % of the best"
    )
    for name, outcomes in (("the flood's own refusals", found.flood), ("refusals", found.probes)):
        took_ms = [ms for code, ms, _ in outcomes if code == "RESOURCE_EXHAUSTED"]
        p50, p99 = percentile(took_ms, 50), percentile(took_ms, 99)
        said = f"{len(took_ms)}, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        promise(name, p99 <= REFUSED_MS or outcomes is found.flood, said)
    promise("recovered", found.recovered_s < 1.0, f"within {found.recovered_s:.2f} s of the end")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        probe(int(sys.argv[2]))
    else:
        main()
        end()
