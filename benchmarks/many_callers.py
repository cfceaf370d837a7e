"""Checks that many callers at once get the same answers as a single caller, and measures how fast they get them.

    python benchmarks/many_callers.py [--model BUNDLE] [--callers 64] [--seconds 20] [--photos 200]

The callers ask a server in this process over gRPC, with random photos and questions; half of the asks are by image_id
where the caller has one. Afterwards a second assistant answers each different ask alone, without gRPC and batches. The
exit code is 1 where a call failed or a probability differs by more than 1e-4.
"""

from __future__ import annotations

import argparse
import io
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from PIL import Image

from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

PICTURES = sorted((Path(__file__).parent.parent / "cli" / "demo_photos").glob("*.jpg"))
QUESTIONS = (
    "What colour is the circle?",
    "How many hearts are there?",
    "Is the star small?",
    "What shape is the small blue thing?",
    "Is there a red square to the left of the big green triangle?",
)
FORMATS = ("JPEG", "PNG", "WEBP")
ALL = 1_000_000  # more than there are answers, so that every probability is compared
TOLERANCE = 1e-4


@dataclass
class Replies:
    """What the callers received: a reply for each (photo, question), the largest difference, times, and failures."""

    replies: dict[tuple[int, int], vqa_pb2.AskResponse] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    worst: float = 0.0


def photos(count: int) -> list[bytes]:
    """Different files of all three formats: turned, cropped or resized demo photos."""
    chance = random.Random(0)
    files = []
    for number in range(count):
        with Image.open(PICTURES[number % len(PICTURES)]) as picture:
            width, height = picture.size
            cut = (chance.randrange(width // 4), chance.randrange(height // 4), width, height)
            changed = picture.convert("RGB").rotate(chance.randrange(360), expand=True).crop(cut)
        out = io.BytesIO()
        changed.resize((chance.randrange(64, 1200), chance.randrange(64, 1200))).save(
            out, FORMATS[number % len(FORMATS)]
        )
        files.append(out.getvalue())
    return files


def difference(one: vqa_pb2.AskResponse, other: vqa_pb2.AskResponse) -> float:
    """The largest difference of a probability over all answers; 1 where the photo or the labels differ."""
    found = {answer.label: answer.probability for answer in one.answers}
    if one.image_id != other.image_id or found.keys() != {answer.label for answer in other.answers}:
        return 1.0
    return max(abs(found[answer.label] - answer.probability) for answer in other.answers)


def call(port: int, files: list[bytes], seed: int, end_s: float, seen: Replies, lock: threading.Lock) -> None:
    """Ask at random until `end_s`, on one connection."""
    chance = random.Random(seed)
    ids: dict[int, str] = {}
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("caller", seed)]) as channel:
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        while (started_s := time.perf_counter()) < end_s:
            photo, question = chance.randrange(len(files)), chance.randrange(len(QUESTIONS))
            request = vqa_pb2.AskRequest(question=QUESTIONS[question], top_k=ALL)
            if photo in ids and chance.random() < 0.5:
                request.image_id = ids[photo]
            else:
                request.image_data = files[photo]
            try:
                response = stub.Ask(request, timeout=60)
            except grpc.RpcError as error:
                with lock:
                    seen.failures.append(f"{error.code().name}: {error.details()}")
                continue
            ids[photo] = response.image_id
            with lock:
                seen.took_s.append(time.perf_counter() - started_s)
                first = seen.replies.setdefault((photo, question), response)
                seen.worst = max(seen.worst, difference(response, first))


def compare(model: str, files: list[bytes], seen: Replies) -> None:
    """Ask a second assistant each different ask, one at a time, and compare."""
    with LocalAssistant.open(model) as alone:
        for (photo, question), response in seen.replies.items():
            reply = alone.ask(Ask(question=QUESTIONS[question], photo=files[photo], top_k=ALL))
            seen.worst = max(seen.worst, difference(response, reply))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="scenes", help="a bundle's folder, or scenes")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--photos", type=int, default=200)
    given = parser.parse_args()
    files, seen, lock = photos(given.photos), Replies(), threading.Lock()
    with LocalAssistant.open(given.model) as local, Server(local, port=0) as server:
        end_s = time.perf_counter() + given.seconds
        callers = [
            threading.Thread(target=call, args=(server.port, files, seed, end_s, seen, lock))
            for seed in range(given.callers)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    compare(given.model, files, seen)
    took_ms = sorted(1000 * seconds for seconds in seen.took_s)
    p50, p99 = (took_ms[int(share * (len(took_ms) - 1))] for share in (0.5, 0.99))
    print(
        f"{given.callers} callers, {given.seconds:g} s: {len(took_ms)} answers ({len(took_ms) / given.seconds:.0f}/s), "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(seen.failures)} failures; {len(seen.replies)} different asks, "
        f"largest difference from a lone caller {seen.worst:.1e}"
    )
    for failure in sorted(set(seen.failures)):
        print(f"  {seen.failures.count(failure)} x {failure}")
    raise SystemExit(1 if seen.failures or seen.worst > TOLERANCE else 0)


if __name__ == "__main__":
    main()
