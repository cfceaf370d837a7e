"""Imported models beside transformers on the same processor: photos seen for the first time, and follow-ups.

    build/oracle/bin/python benchmarks/published/make_random.py build/published
    python benchmarks/published/beside_transformers.py blip --published build/published --other build/oracle/bin/python

Eight callers ask at once, ten questions a photo. Ours answer through the client and the server's own loop in this
process; transformers answers in another interpreter, one question after the other or eight in a batch, as its users
write it, in float32 and bfloat16. The sides take turns, so that what else the machine does meets both; each line is the
best of the turns. Weights are random: how fast, not how well.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from asksight.client import OverloadedError, load
from asksight.training.importing.blip import import_blip
from asksight.training.importing.vilt import import_vilt

CALLERS = 8
PATIENCE_S = 600.0
QUESTIONS = (
    "what is the colour of this bus?", "how many people are there?", "who is in this?", "where is the dog?",
    "what is the man doing?", "is this a bus?", "what colour is the dog?", "how many dogs are on the bus?",
    "is there a man?", "what is on the bus?",
)  # fmt: skip


def photos(count: int, seed: int) -> list[bytes]:
    """JPEG files of 640 x 480 px, each another."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        small = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        out = io.BytesIO()
        small.resize((640, 480), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
        made.append(out.getvalue())
    return made


def ours(bundle: Path, engine: str, files: list[bytes]) -> dict[str, float]:
    """Answers a second, of new photos (a question each) and of follow-ups (ten a photo, the photo known)."""
    with load(str(bundle), engine=engine, timeout=PATIENCE_S) as client:
        client.ask(photos(1, 99)[0], QUESTIONS[0])  # the engines are warm
        pairs = [(file, QUESTIONS[0]) for file in files]
        new = per_second(pairs, lambda pair: client.ask(*pair))
        pairs = [(file, question) for file in files for question in QUESTIONS]
        return {"new photos": new, "follow-ups": per_second(pairs, lambda pair: client.ask(*pair))}


def per_second(asks: list[tuple[bytes, str]], ask: Callable[[tuple[bytes, str]], object]) -> float:
    """Eight callers take the asks from one list."""
    waiting = iter(asks)
    lock = threading.Lock()

    def caller() -> None:
        while True:
            with lock:
                one = next(waiting, None)
            if one is None:
                return
            while True:
                try:
                    ask(one)
                    break
                except OverloadedError as error:  # as a caller does who is told when to come again
                    time.sleep(error.retry_after_s or 1.0)

    callers = [threading.Thread(target=caller) for _ in range(CALLERS)]
    started_s = time.perf_counter()
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    return len(asks) / (time.perf_counter() - started_s)


@contextmanager
def other(
    python: Path, kind: str, folder: Path, precision: str
) -> Iterator[Callable[[list[Path]], dict[str, float]]]:
    """Transformers in its own interpreter, loaded once; it is sent the names of photo files."""
    command = [
        str(python),
        str(Path(__file__).with_name("ask_transformers.py")),
        kind,
        str(folder),
        precision,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(files: list[Path]) -> dict[str, float]:
            stdin.write(json.dumps({"photos": [str(one) for one in files], "questions": QUESTIONS}) + "\n")
            stdin.flush()
            told: dict[str, float] = json.loads(stdout.readline())
            return told

        yield ask
        stdin.close()


def main() -> int:
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("kind", choices=["blip", "vilt"])
    reader.add_argument("--published", type=Path, required=True, help="the folder that make_random.py wrote")
    reader.add_argument("--other", type=Path, required=True, help="the interpreter that has transformers")
    reader.add_argument("--photos", type=int, default=8)
    reader.add_argument("--turns", type=int, default=3)
    reader.add_argument("--engines", default="onnxruntime,openvino")
    reader.add_argument("--precisions", default="float32,bfloat16")
    options = reader.parse_args()
    source = options.published / options.kind
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=options.published) as scratch:
        bundle = Path(scratch) / "bundle"
        (import_blip if options.kind == "blip" else import_vilt)(source, bundle)
        if "openvino" in options.engines:
            command = [Path(sys.executable).with_name("asksight"), "compile", bundle, "--engine", "openvino"]
            subprocess.run([*map(str, command), "--precision", "bf16", "--min-agreement", "0"], check=True)
        for turn in range(options.turns):
            files = photos(options.photos, turn)
            paths = [Path(scratch) / f"{place}.jpg" for place in range(len(files))]
            for path, file in zip(paths, files, strict=True):
                path.write_bytes(file)
            for engine in options.engines.split(","):
                keep_best(best, f"asksight, {engine}", ours(bundle, engine, files))
            for precision in options.precisions.split(","):
                with other(options.other, options.kind, source, precision) as ask:
                    keep_best(best, f"transformers, {precision}", ask(paths))
    for who, figures in best.items():
        print(f"{who:32}" + "".join(f"  {what} {value:6.2f}/s" for what, value in figures.items()))
    return 0


def keep_best(best: dict[str, dict[str, float]], who: str, figures: dict[str, float]) -> None:
    kept = best.setdefault(who, figures)
    for what, value in figures.items():
        kept[what] = max(kept.get(what, 0.0), value)


if __name__ == "__main__":
    sys.exit(main())
