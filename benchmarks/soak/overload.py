"""Five times what the server can do: goodput, how quickly it refuses, and how soon it is itself again."""

from __future__ import annotations

import asyncio
import time

import grpc
from soak_fakes import new_photo, percentile, promise, server_process, short_form

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

ROW_S = 0.008  # of the encoder: some 120 asks a second
DEADLINE_S = 1.0
CALLERS = 64  # of the measurement of the best
number = iter(range(10**9))


async def ask(stub: vqa_pb2_grpc.VqaServiceAsyncStub) -> tuple[str, float]:
    """Ask about a new photo; the status code's name and the seconds."""
    request = vqa_pb2.AskRequest(image_data=new_photo(next(number)), question="what?")
    started_s = time.perf_counter()
    try:
        await stub.Ask(request, timeout=DEADLINE_S)
        code = "OK"
    except grpc.aio.AioRpcError as error:
        code = error.code().name
    return code, time.perf_counter() - started_s


async def best(stub: vqa_pb2_grpc.VqaServiceAsyncStub, seconds: float) -> float:
    """What callers who wait for their answers get in a second."""
    ends_s = time.perf_counter() + seconds
    good = 0

    async def caller() -> None:
        nonlocal good
        while time.perf_counter() < ends_s:
            code, _ = await ask(stub)
            good += code == "OK"

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return good / seconds


async def flood(
    stub: vqa_pb2_grpc.VqaServiceAsyncStub, rate: float, seconds: float
) -> list[tuple[str, float]]:
    """Ask `rate` times a second, whatever becomes of it."""
    started_s = time.perf_counter()
    asked: list[asyncio.Task[tuple[str, float]]] = []
    while (gone_s := time.perf_counter() - started_s) < seconds:
        while len(asked) < gone_s * rate:
            asked.append(asyncio.create_task(ask(stub)))
        await asyncio.sleep(0.002)
    return list(await asyncio.gather(*asked))


async def main() -> None:
    seconds = 6.0 if short_form() else 60.0
    with server_process(ROW_S) as (port, _):
        channels = [
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
            for _ in range(1)
        ]
        stub = vqa_pb2_grpc.VqaServiceStub(channels[0])
        await best(stub, 1.0)
        capacity = await best(stub, seconds / 3)
        results = await flood(stub, 5 * capacity, seconds)
        over_s = time.perf_counter()
        while True:
            code, took_s = await ask(stub)
            if code == "OK" and took_s < 0.2:
                break
        recovered_s = time.perf_counter() - over_s
        for channel in channels:
            await channel.close()
    good = sum(code == "OK" for code, _ in results) / seconds
    refused_ms = [1000 * took_s for code, took_s in results if code == "RESOURCE_EXHAUSTED"]
    late = sum(code == "DEADLINE_EXCEEDED" for code, _ in results)
    others = {code for code, _ in results} - {"OK", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}
    print(
        f"asked {len(results) / seconds:.0f}/s, best {capacity:.1f}/s, late {late}, others {others or 'none'}"
    )
    promise("goodput", good >= 0.95 * capacity, f"{good:.1f}/s, {100 * good / capacity:.1f} % of the best")
    p50, p99 = percentile(refused_ms, 50), percentile(refused_ms, 99)
    print(
        f"refusals: {len(refused_ms)}, p50 {p50:.1f} ms, p99 {p99:.1f} ms (seen by a client on the same cores)"
    )
    promise("recovered", recovered_s < 1.0 + DEADLINE_S, f"within {recovered_s:.2f} s of the end")


if __name__ == "__main__":
    asyncio.run(main())
