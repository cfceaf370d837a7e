"""How AskSight's speed changes with load and size: each quantity is measured from small to large, and drawn.

    PYTHONPATH=benchmarks .venv/bin/python -m peers.curves [CURVE ...] [--turns 5] [--pictures docs/pictures]

callers   follow-ups about cached photos, built-in bundle, 1 to 2,000 callers, each with its own connection
photos    one caller, new photos of 0.3 to 48 megapixels, built-in bundle
cores     64 callers, the server on one core and on two (taskset)
answers   follow-ups, 32 callers, VGG16 and the LSTM with 10 to 10,000 answers, random weights
cache     1,000 to 1,000,000 photos in the feature cache, in this process: time of a look-up, memory of a photo

Each figure is the median of its turns; --json has all turns. Server and callers share one machine, so that processor
time is the steadiest figure.
"""

from __future__ import annotations

import argparse
import gc
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
import numpy as np
from PIL import Image
from plain_grpc import Caller, PlainGrpc, talk_all

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

from . import wire
from .inputs import QUESTIONS, new_photos, photos
from .internals import fill_cache, serve_command
from .lineup import BUILT, ROOT, STARTS_WITHIN_S
from .processes import Tree, free_port
from .svg import chart

SCENES = ROOT / "engine" / "bundles" / "scenes"
CALLERS = (1, 4, 16, 64, 250, 1000, 2000)
MEGAPIXELS = ((640, 480), (1280, 960), (2048, 1536), (4000, 3000), (8000, 6000))
ANSWERS = (10, 100, 1000, 10_000)
ENTRIES = (1_000, 10_000, 100_000, 1_000_000)
FEATURES = 64  # numbers per photo in the cache; a million photos of 4,096 numbers would take 16 GB
ASKS_A_TURN = 20  # for the single caller with large photos
# Limits that would refuse many callers early; they are raised here, since they are not what is measured.
ROOMY = {
    "ASKSIGHT_WORKERS": "4096",
    "ASKSIGHT_CALLS_PER_CALLER": "0",
    "ASKSIGHT_QUEUE": "4096",
    "ASKSIGHT_DRAIN_GRACE": "0",
}


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a curve; its figures are medians of the turns."""

    curve: str
    at: float
    what: str
    figures: dict[str, float]
    turns: list[dict[str, float]]


def point(curve: str, at: float, what: str, turns: list[dict[str, float]]) -> Point:
    middle = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    return Point(curve=curve, at=at, what=what, figures=middle, turns=turns)


@contextmanager
def serving(bundle: Path, *, cores: Sequence[int] = ()) -> Iterator[tuple[Tree, int]]:
    """Run `asksight serve` on onnxruntime; gives its process and port."""
    port = free_port()
    command, environment = serve_command(sys.executable, bundle, port, "onnxruntime")
    if cores:
        command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    tree = Tree(command, {**environment, **ROOMY}, BUILT / "logs" / "curves.log")
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(STARTS_WITHIN_S)
        yield tree, port
    finally:
        tree.end()


def known(port: int) -> list[bytes]:
    """Asks by image_id about photos that the server has cached."""
    messages = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        for photo in photos()[:4]:
            shown = vqa_pb2.AskRequest(image_data=photo, question=QUESTIONS[0])
            image_id = stub.Ask(shown, timeout=60).image_id
            messages += [wire.ask_again(image_id, question) for question in QUESTIONS]
    return messages


def crowd(tree: Tree, port: int, messages: Iterator[bytes], callers: int, seconds: float) -> dict[str, float]:
    """A turn of this many callers, each with its own connection."""
    connections = [PlainGrpc(port, wire.ASK, may_fail=True) for _ in range(callers)]
    caller: Caller = lambda _: next(messages)  # noqa: E731
    cpu_s, began_s = tree.cpu_s(), time.perf_counter()
    took_s = sorted(talk_all(connections, [[caller]] * callers, seconds))
    lasted_s = time.perf_counter() - began_s
    cpu_s = tree.cpu_s() - cpu_s
    for one in connections:
        one.close()
    return {
        "asks_per_s": len(took_s) / lasted_s,
        "p50_ms": 1e3 * statistics.median(took_s),
        "p99_ms": 1e3 * took_s[len(took_s) * 99 // 100],
        "cpu_ms": 1e3 * cpu_s / len(took_s),
        "memory_mb": tree.memory_bytes() / 1e6,
        "failed": float(sum(one.failed for one in connections)),
    }


def callers_curve(turns: int, seconds: float) -> Iterator[Point]:
    with serving(SCENES) as (tree, port):
        messages = itertools.cycle(known(port))
        crowd(tree, port, messages, 64, seconds)
        for callers in CALLERS:
            found = [crowd(tree, port, messages, callers, seconds) for _ in range(turns)]
            yield point("callers", callers, "follow-up", found)


def photos_curve(turns: int, seconds: float) -> Iterator[Point]:
    del seconds  # a turn is a number of asks instead
    with serving(SCENES) as (tree, port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = vqa_pb2_grpc.VqaServiceStub(channel)
        for size in MEGAPIXELS:
            photo = large_photo(size)
            found = []
            for turn in range(turns + 1):
                took_ms, decode_ms, cpu_s = [], [], tree.cpu_s()
                for number in range(ASKS_A_TURN):
                    shown = photo + (turn * ASKS_A_TURN + number).to_bytes(8, "big")
                    began_s = time.perf_counter()
                    answer = stub.Ask(
                        vqa_pb2.AskRequest(image_data=shown, question=QUESTIONS[0]), timeout=120
                    )
                    took_ms.append(1e3 * (time.perf_counter() - began_s))
                    decode_ms.append(answer.timings.decode_us / 1e3)
                found.append({
                    "p50_ms": statistics.median(took_ms),
                    "decode_ms": statistics.median(decode_ms),
                    "cpu_ms": 1e3 * (tree.cpu_s() - cpu_s) / ASKS_A_TURN,
                    "photo_kb": len(photo) / 1e3,
                })  # fmt: skip
            yield point("photos", size[0] * size[1] / 1e6, "new photo", found[1:])


def large_photo(size: tuple[int, int]) -> bytes:
    """A soft picture with grain, like a camera's photo."""
    random = np.random.default_rng(size[0])
    soft = Image.fromarray(random.integers(0, 256, (18, 24, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    grain = Image.fromarray(random.integers(120, 136, (512, 512, 3), np.uint8))
    over = Image.new("RGB", size)
    for left in range(0, size[0], 512):
        for top in range(0, size[1], 512):
            over.paste(grain, (left, top))
    file = io.BytesIO()
    Image.blend(soft, over, 0.5).save(file, "JPEG", quality=85)
    return file.getvalue()


def cores_curve(turns: int, seconds: float) -> Iterator[Point]:
    for cores in ((0,), (0, 1)):
        with serving(SCENES, cores=cores) as (tree, port):
            kinds = {"follow-up": itertools.cycle(known(port)), "new photo": asks(new_photos(time.time_ns()))}
            for what, messages in kinds.items():
                crowd(tree, port, messages, 64, seconds)
                found = [crowd(tree, port, messages, 64, seconds) for _ in range(turns)]
                yield point("cores", len(cores), what, found)


def asks(shown: Iterator[bytes]) -> Iterator[bytes]:
    for photo, question in zip(shown, itertools.cycle(QUESTIONS), strict=False):
        yield wire.ask(photo, question)


def answers_curve(turns: int, seconds: float) -> Iterator[Point]:
    for count in ANSWERS:
        bundle = BUILT / f"answers-{count}"
        if not (bundle / "bundle.json").exists():
            script = str(ROOT / "benchmarks" / "random_bundle.py")
            command = [sys.executable, script, "--answers", str(count), "--out", str(bundle)]
            subprocess.run(command, check=True, capture_output=True)
        with serving(bundle) as (tree, port):
            messages = itertools.cycle(known(port))
            crowd(tree, port, messages, 32, seconds)
            yield point(
                "answers",
                count,
                "follow-up",
                [crowd(tree, port, messages, 32, seconds) for _ in range(turns)],
            )


def cache_curve(turns: int, seconds: float) -> Iterator[Point]:
    del seconds
    for entries in ENTRIES:
        gc.collect()
        before = own_memory_bytes()
        cache, keys = fill_cache(entries, FEATURES)
        held = own_memory_bytes() - before
        random = np.random.default_rng(entries)
        found = []
        for _ in range(turns):
            wanted = [keys[at] for at in random.integers(0, entries, 20_000)]
            began_s = time.perf_counter()
            for key in wanted:
                cache.find(key)
            find_us = 1e6 * (time.perf_counter() - began_s) / len(wanted)
            found.append({"find_us": find_us, "bytes_a_photo": held / entries, "memory_mb": held / 1e6})
        yield point("cache", entries, "look-up", found)
        del cache, keys


def own_memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


CURVES: dict[str, Callable[[int, float], Iterator[Point]]] = {
    "callers": callers_curve,
    "photos": photos_curve,
    "cores": cores_curve,
    "answers": answers_curve,
    "cache": cache_curve,
}
# For each picture: the labels of its axes, and its figures with their names. `cores` has two points and no picture.
PICTURES = {
    "callers": (
        "callers, a connection each",
        "milliseconds",
        {"p50_ms": "p50 of an ask", "cpu_ms": "CPU an ask"},
    ),
    "photos": ("megapixels", "milliseconds", {"p50_ms": "p50 of an ask", "cpu_ms": "CPU an ask"}),
    "answers": (
        "answers of the model",
        "milliseconds",
        {"p50_ms": "p50, 32 callers", "cpu_ms": "CPU an ask"},
    ),
    "cache": ("photos in the cache", "microseconds", {"find_us": "one look-up"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("curves", nargs="*", default=[*CURVES], metavar="CURVE")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw them there")
    parser.add_argument("--json", action="store_true", help="one JSON object a point, with every turn")
    given = parser.parse_args()
    for name in given.curves:
        points = []
        for one in CURVES[name](given.turns, given.seconds):
            print(json.dumps(asdict(one)) if given.json else line(one), flush=True)
            points.append(one)
        if given.pictures and name in PICTURES:
            (given.pictures / f"curve-{name}.svg").write_text(picture(name, points), "utf-8")


def line(one: Point) -> str:
    cells = []
    for name, value in one.figures.items():
        every = [turn[name] for turn in one.turns]
        cells.append(f"{name} {value:,.2f} ({min(every):,.2f} to {max(every):,.2f})")
    return f"{one.curve:<8}{one.at:>12,g}  {one.what:<10} {'  '.join(cells)}"


def picture(name: str, points: Sequence[Point]) -> str:
    x_label, y_label, figures = PICTURES[name]
    lines = {title: [(one.at, one.figures[figure]) for one in points] for figure, title in figures.items()}
    return chart(f"{name}: {y_label} by {x_label}", x_label, y_label, lines)


if __name__ == "__main__":
    main()
