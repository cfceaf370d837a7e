"""One caller at a time: what the batcher costs, beside a server that calls its engines directly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import grpc
from photo_files import photo
from soak_fakes import end, percentile, promise, short_form

import asksight.server.answering as answering
from asksight.server.assistant import Assistant
from asksight.server.batcher import Batcher
from asksight.server.entries import Entry
from asksight.server.patience import GivenUp, Interest
from asksight.server.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc


class Direct(Batcher[Any, Any]):
    """No queue and no thread: the caller runs its own row."""

    def submit(
        self, item: Any, interest: Interest, *, expected: bool = False, lead: bool = False
    ) -> Future[Any]:
        entry: Entry[Any, Any] = Entry(item, interest, time.monotonic(), Future())
        rows: Sequence[Any] = self._run([item])
        entry.settle(rows[0])
        return entry.future

    def lead(self, given_up: GivenUp) -> None:
        pass


def main() -> None:
    rounds, asks = (10, 20) if short_form() else (60, 50)
    ordinary = Assistant.open("scenes")
    setattr(answering, "Batcher", Direct)  # noqa: B010 - it is a class to mypy
    direct = Assistant.open("scenes")
    took_ms: dict[str, list[float]] = {"batched": [], "direct": []}
    with ExitStack() as stack:
        for assistant in (ordinary, direct):
            stack.enter_context(assistant)
        server = stack.enter_context(Server({"batched": ordinary, "direct": direct}, port=0, workers=1))
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
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
