"""An AskBatch leaves the event loop to others while its asks begin."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from loop_rig import in_loop

from asksight.server.asks import Ask
from asksight.server.core.assistant import BEGUN_TOGETHER, Assistant
from asksight.server.errors import InvalidAsk
from asksight.v1 import vqa_pb2


@in_loop
async def test_only_so_many_asks_of_a_batch_begin_in_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turn, begun = 0, Counter[int]()

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def begin(ask: Ask) -> vqa_pb2.AskResponse:
        begun[turn] += 1
        if ask.question == "7":
            raise InvalidAsk("no", field="question")
        return vqa_pb2.AskResponse(spoken=ask.question)

    assistant = Assistant(asyncio.get_running_loop())
    monkeypatch.setattr(assistant, "ask", begin)
    beside = asyncio.create_task(others())
    results = await assistant.ask_each([Ask(question=str(number)) for number in range(100)])
    beside.cancel()
    assert max(begun.values()) == BEGUN_TOGETHER
    assert [getattr(one, "spoken", "failed") for one in results] == [
        "failed" if number == 7 else str(number) for number in range(100)
    ]
