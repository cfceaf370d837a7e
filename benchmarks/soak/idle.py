"""One caller at a time: what the batcher costs, beside one that calls its engine right there, in the event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
from photo_files import photo
from soak_fakes import end, percentile, promise, short_form

from asksight.server import model as model_module
from asksight.server.batcher import Batcher
from asksight.server.errors import AskError
from asksight.server.local import LocalAssistant
from asksight.server.row_queue import NEVER_S, Awaited
from asksight.server.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc


class Direct(Batcher[Any, Any]):
    """No queue and no thread: a row is run as it comes, by the loop."""

    def submit(
        self, item: Any, deadline_s: float = NEVER_S, awaited_by: Awaited | None = None
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        (row,) = self.stage([item])
        if isinstance(row, AskError):
            future.set_exception(row)
        else:
            future.set_result(row)
        return future


def main() -> None:
    rounds, asks = (10, 20) if short_form() else (60, 50)
    took_ms: dict[str, list[float]] = {"batched": [], "direct": []}
    with LocalAssistant() as local:
        local.add("scenes", name="batched")
        setattr(model_module, "Batcher", Direct)  # noqa: B010 - it is a class to mypy
        local.add("scenes", name="direct")
        with (
            Server(local, port=0) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            picture = photo()
            for turn in range(rounds + 1):
                for number in range(asks):
                    for model in took_ms:  # in turns, so that both meet the same machine
                        data = picture + (turn * asks + number).to_bytes(8, "big")
                        request = vqa_pb2.AskRequest(
                            image_data=data, question="what colour is it?", model=model
                        )
                        started_s = time.perf_counter()
                        stub.Ask(request, timeout=30)
                        if turn:  # the first round is the warm-up
                            took_ms[model].append(1000 * (time.perf_counter() - started_s))
    batched, alone = (percentile(took_ms[model], 50) for model in ("batched", "direct"))
    more = 100 * (batched / alone - 1)
    promise("idle p50", more < 5, f"{batched:.2f} ms, without batching {alone:.2f} ms, {more:+.1f} %")


if __name__ == "__main__":
    main()
    end()
