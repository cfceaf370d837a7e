"""The cost of the batcher with one caller at a time, compared with a server without batching.

Without batching, a thread runs each row as soon as it comes. A server that runs its engines in the event loop is
measured too: it saves the switch to a thread and back, but answers no other call, not even a health check, meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from photo_files import photo
from soak_fakes import end, percentile, promise, short_form

from asksight.server.core import model as model_module
from asksight.server.core.batcher import Batcher
from asksight.server.core.row_queue import NEVER_S, Awaited
from asksight.server.errors import AskError
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

THREAD = ThreadPoolExecutor(1)


class Unbatched(Batcher[Any, Any]):
    """No queue: a thread runs each row alone as it comes."""

    def submit(
        self, item: Any, deadline_s: float = NEVER_S, awaited_by: Awaited | None = None, caller: str = ""
    ) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(THREAD, self._alone, item)

    def _alone(self, item: Any) -> Any:
        (row,) = self.stage([item])
        if isinstance(row, AskError):
            raise row
        return row


class InTheLoop(Unbatched):
    """No thread either."""

    def submit(
        self, item: Any, deadline_s: float = NEVER_S, awaited_by: Awaited | None = None, caller: str = ""
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result(self._alone(item))
        return future


def main() -> None:
    rounds, asks = (10, 20) if short_form() else (60, 50)
    took_ms: dict[str, list[float]] = {"batched": [], "unbatched": [], "in the loop": []}
    with LocalAssistant() as local:
        for name, batcher in zip(took_ms, (Batcher, Unbatched, InTheLoop), strict=True):
            setattr(model_module, "Batcher", batcher)  # noqa: B010 - it is a class to mypy
            local.add("scenes", name=name)
        with (
            Server(local, port=0) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            picture = photo()
            for turn in range(rounds + 1):
                for number in range(asks):
                    for model in took_ms:  # in turns, so that all are measured under the same conditions
                        data = picture + (turn * asks + number).to_bytes(8, "big")
                        request = vqa_pb2.AskRequest(
                            image_data=data, question="what colour is it?", model=model
                        )
                        started_s = time.perf_counter()
                        stub.Ask(request, timeout=30)
                        if turn:  # the first round is the warm-up
                            took_ms[model].append(1000 * (time.perf_counter() - started_s))
    batched, unbatched, in_the_loop = (percentile(took_ms[model], 50) for model in took_ms)
    more = 100 * (batched / unbatched - 1)
    said = f"{batched:.2f} ms, without batching {unbatched:.2f} ms, {more:+.1f} %; in the loop {in_the_loop:.2f} ms"
    promise("idle p50", more < 5, said)


if __name__ == "__main__":
    main()
    end()
