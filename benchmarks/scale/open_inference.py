"""Triton's and KServe's clients beside ours, and what a tensor costs beside an Ask.

    make build/open_inference/triton/.installed build/open_inference/kserve/.installed
    PYTHONPATH=benchmarks python -m scale.open_inference --asks 1000 --seconds 5

Each client runs in an interpreter of its own, since both are pinned to an older protobuf, and asks the same asks about
drawn photos, one call each, as our client does. The price is of 32 callers by the same plain client, which parses
nothing: follow-ups, by `image_id`, and new photos.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from plain_grpc import PlainGrpc

from asksight.client import connect
from asksight.server.open_inference.inference_messages import SERVICE, ModelInferRequest
from asksight.server.open_inference.tensors import raw_bytes
from asksight.training.scenes.draw import draw_jpeg
from asksight.training.scenes.make_scenes import ask_about
from asksight.training.scenes.scene import sample_scene
from asksight.v1 import vqa_pb2

from .fleet import ROOT, fleet

CLIENTS = ("triton", "kserve")
QUESTIONS = 10  # about each photo
CALLERS = 32
QUESTION = "What colour is the circle?"
MARK = b"<number>"  # behind a photo's end, where decoders do not look


def draw_asks(folder: Path, count: int) -> list[tuple[str, str]]:
    """Write drawn photos and asks.json; gives each ask's photo and question."""
    asks: list[tuple[str, str]] = []
    tally: Counter[tuple[str, ...]] = Counter()
    for seed in itertools.count():
        if len(asks) >= count:
            break
        random = Random(seed)
        scene = sample_scene(random)
        (folder / f"{seed}.jpg").write_bytes(draw_jpeg(scene, seed))
        asks += [(f"{seed}.jpg", one.text) for one in ask_about(scene, random, tally, count=QUESTIONS)]
    asks = asks[:count]
    (folder / "asks.json").write_text(json.dumps(asks), "utf-8")
    return asks


def ours(address: str, folder: Path, asks: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What our own client is told."""
    with connect(address) as client:
        replies = [client.ask(folder / photo, question) for photo, question in asks]
    return [
        {
            "answer": one.answer or "",
            "verdict": one.verdict.name,
            "spoken": one.spoken,
            "labels": [answer.label for answer in one.answers],
            "probabilities": [answer.probability for answer in one.answers],
        }
        for one in replies
    ]


def compare(name: str, own: list[dict[str, Any]], told: list[dict[str, Any]]) -> str:
    """A line that says how many are the same."""
    same = sum(
        all(mine[key] == other[key] for key in ("answer", "verdict", "spoken", "labels"))
        for mine, other in zip(own, told, strict=True)
    )
    apart = max(
        abs(one - two)
        for mine, other in zip(own, told, strict=True)
        for one, two in zip(mine["probabilities"], other["probabilities"], strict=True)
    )
    answered = sum(one["verdict"] == "ANSWERED" for one in told)
    return f"{name}: {same} of {len(own)} the same ({answered} ANSWERED), probabilities at most {apart:.1e} apart"


def tensors(image: str, photo: bytes) -> bytes:
    """A ModelInferRequest about a photo, which is sent as that input."""
    request = ModelInferRequest(model_name="scenes")
    for name, element in ((image, photo), ("question", QUESTION.encode())):
        request.inputs.add(name=name, datatype="BYTES", shape=[1])
        request.raw_input_contents.append(raw_bytes([element]))
    message: bytes = request.SerializeToString()
    return message


def renewed(message: bytes) -> Callable[[], bytes]:
    """The message with another number in the place of MARK each time: a new photo, for next to nothing."""
    before, _, after = message.partition(MARK)
    numbers = itertools.count(time.time_ns())
    return lambda: before + next(numbers).to_bytes(len(MARK), "big") + after


def price(address: str, photo: bytes, seconds: float) -> None:
    """Print the table, each row twice, in turns."""
    ask = vqa_pb2.AskRequest(image_data=photo + MARK, question=QUESTION).SerializeToString()
    image_id = sha256(photo).hexdigest()
    follow_up = vqa_pb2.AskRequest(image_id=image_id, question=QUESTION).SerializeToString()
    by_tensors = tensors("image_id", image_id.encode())
    ways: dict[tuple[str, str], tuple[str, Callable[[], bytes]]] = {
        ("follow-ups", "Ask"): ("/asksight.v1.VqaService/Ask", lambda: follow_up),
        ("follow-ups", "ModelInfer"): (f"/{SERVICE}/ModelInfer", lambda: by_tensors),
        ("new photos", "Ask"): (
            "/asksight.v1.VqaService/Ask",
            renewed(ask),
        ),
        ("new photos", "ModelInfer"): (f"/{SERVICE}/ModelInfer", renewed(tensors("image", photo + MARK))),
    }
    for turn in (1, 2):
        with connect(address) as client:  # new photos have driven it out of the cache
            client.ask(photo, QUESTION)
        for (kind, call), (path, messages) in ways.items():
            connection = PlainGrpc(int(address.rpartition(":")[2]), path)
            try:
                connection.run(messages, CALLERS, 1.0)  # warm
                took_s = connection.run(messages, CALLERS, seconds)
            finally:
                connection.close()
            middle_ms = 1000 * sorted(took_s)[len(took_s) // 2]
            print(
                f"{kind} {call} {turn}: {len(took_s) / seconds:.0f} asks/s, p50 {middle_ms:.1f} ms",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--asks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5, help="for each row of the price; 0: no price")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="asksight-tensors-") as temporary:
        folder = Path(temporary)
        asks = draw_asks(folder, max(1, given.asks))
        with fleet(folder, 1) as servers:
            (address,) = servers.addresses
            if given.asks:
                own = ours(address, folder, asks)
                for name in CLIENTS:
                    python = ROOT / "build" / "open_inference" / name / "bin" / "python"
                    script = Path(__file__).with_name("tensor_clients.py")
                    ran = subprocess.run(
                        [python, script, name, address, folder], stdout=subprocess.PIPE, text=True, check=True
                    )
                    print(compare(name, own, json.loads(ran.stdout)), flush=True)
            if given.seconds:
                price(address, (folder / asks[0][0]).read_bytes(), given.seconds)


if __name__ == "__main__":
    main()
