"""Sends malformed messages and photos: no crash, no hang, no memory growth, and only the right status codes."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from photo_files import photo
from soak_fakes import TimeLeft, end, promise, rss_mb, server_process, short_form

from asksight.v1 import vqa_pb2

CALLERS = 8
FITTING = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
}
HUNG_S = 20.0
METHODS = ("Ask", "AskBatch", "GetModel")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The data with bytes changed, removed, repeated or inserted."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 50))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] = chance.randrange(256)
            case 1:
                changed[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 2:
                del changed[at : at + chance.randrange(1, 200)]
            case 3:
                changed[at:at] = changed[at : at + chance.randrange(1, 200)]
            case _ if changed:
                changed[at % len(changed)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def message(chance: random.Random) -> tuple[str, bytes]:
    """A method and its message, which may no longer be valid protobuf."""
    data = photo(chance.choice(("JPEG", "PNG", "WEBP")), seed=chance.randrange(5))
    if chance.random() < 0.6:
        ask = vqa_pb2.AskRequest(
            image_data=mutated(data, chance), question=chance.choice(("what?", "", "é\u202e?"))
        )
        if chance.random() < 0.2:
            batch = vqa_pb2.AskBatchRequest(asks=[ask] * chance.randrange(4))
            return "AskBatch", batch.SerializeToString()
        return "Ask", ask.SerializeToString()
    ask = vqa_pb2.AskRequest(image_data=data, question="what?", top_k=chance.getrandbits(32), locale="x" * 9)
    return chance.choice(METHODS), mutated(ask.SerializeToString(), chance)


def main() -> None:
    seconds = 5.0 if short_form() else 1800.0
    codes: Counter[str] = Counter()
    unfitting: Counter[str] = Counter()
    with server_process(0.0) as (port, pid), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ends_s = time.monotonic() + seconds
        calls: dict[str, Any] = {
            name: channel.unary_unary(f"/asksight.v1.VqaService/{name}") for name in METHODS
        }

        def caller(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < ends_s:
                name, data = message(chance)
                code = "OK"
                try:
                    calls[name](data, timeout=HUNG_S)
                except grpc.RpcError as error:
                    code = error.code().name
                codes[code] += 1
                if code not in FITTING:
                    unfitting[code] += 1

        with ThreadPoolExecutor(CALLERS + 1) as callers:
            running = [callers.submit(caller, seed) for seed in range(CALLERS)]
            warm_s = min(seconds / 4, 120)
            time.sleep(warm_s)
            before_mb = rss_mb(pid)
            progress = TimeLeft("fuzzed seconds", seconds - warm_s)
            while (left_s := ends_s - time.monotonic()) > 0:
                time.sleep(min(1.0, left_s))
                progress.at(seconds - warm_s - left_s, f"({codes.total()} messages, {rss_mb(pid):.1f} MB)")
            for one in running:
                one.result()
        grown_mb = rss_mb(pid) - before_mb
        alive = vqa_pb2.AskRequest(image_data=photo(), question="what?").SerializeToString()
        calls["Ask"](alive, timeout=HUNG_S)
    print("codes:", dict(codes))
    promise("unfitting codes", not unfitting, str(dict(unfitting) or "none"))
    promise("growth", grown_mb < 40, f"{grown_mb:.1f} MB over {codes.total()} messages")


if __name__ == "__main__":
    main()
    end()
