"""Imported models beside transformers on the same processor: photos seen for the first time, and follow-ups.

    build/oracle/bin/python benchmarks/published/make_random.py build/published
    python benchmarks/published/prepare.py blip build/published                      once: import and compile
    python benchmarks/published/beside_transformers.py blip build/published --other build/oracle/bin/python

Eight callers ask at once, ten questions a photo. Ours answer through the client and the server's own loop in this
process; transformers answers in another interpreter, one question after the other or several in a batch, whichever is
quicker, as its users write it. Beside answers a second stand the processor's seconds for an answer, which other
programs on the machine disturb less. Weights are random: how fast, not how well. `--only` runs some of the lines; the
table is of all that were run on this folder.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from asksight.client import OverloadedError, load

CALLERS = 8
PATIENCE_S = 600.0
LINES = {
    "asksight onnxruntime": ("ours", "onnxruntime"),
    "asksight openvino": ("ours", "openvino"),
    "transformers float32": ("theirs", "float32"),
    "transformers bfloat16": ("theirs", "bfloat16"),
}
BASE = "transformers float32"
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


def ours(bundle: Path, engine: str, files: list[bytes]) -> dict[str, list[float]]:
    """Of new photos (a question each) and of follow-ups (ten a known photo): answers a second, processor's seconds."""
    with load(str(bundle), engine=engine, timeout=PATIENCE_S) as client:
        client.ask(photos(1, 99)[0], QUESTIONS[0])  # the engines are warm
        new = measured([(file, QUESTIONS[0]) for file in files], client.ask)
        more = measured([(file, question) for file in files for question in QUESTIONS], client.ask)
    return {"new photos": new, "follow-ups": more}


def measured(asks: list[tuple[bytes, str]], ask: Callable[[bytes, str], object]) -> list[float]:
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
                    ask(*one)
                    break
                except OverloadedError as error:  # as a caller does who is told when to come again
                    time.sleep(error.retry_after_s or 1.0)

    callers = [threading.Thread(target=caller) for _ in range(CALLERS)]
    started_s, before_s = time.perf_counter(), time.process_time()
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    took_s, used_s = time.perf_counter() - started_s, time.process_time() - before_s
    return [len(asks) / took_s, used_s / len(asks)]


def theirs(python: Path, kind: str, folder: Path, precision: str, files: list[bytes]) -> Any:
    """What transformers needs in its own interpreter, in the same terms."""
    paths = [folder.parent / f"{place}.jpg" for place in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)
    script = Path(__file__).with_name("ask_transformers.py")
    asked = json.dumps({"photos": [str(one) for one in paths], "questions": QUESTIONS})
    command = [str(python), str(script), kind, str(folder), precision]
    ran = subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout)


def main() -> int:
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("kind", choices=["blip", "vilt"])
    reader.add_argument("published", type=Path, help="the folder that make_random.py and prepare.py wrote")
    reader.add_argument("--other", type=Path, required=True, help="the interpreter that has transformers")
    reader.add_argument("--photos", type=int, default=8)
    reader.add_argument("--only", nargs="*", choices=LINES, default=list(LINES))
    options = reader.parse_args()
    files = photos(options.photos, 0)
    kept = options.published / f"{options.kind}.json"
    table: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for line in options.only:
        side, how = LINES[line]
        if side == "ours":
            table[line] = ours(options.published / f"{options.kind}-bundle", how, files)
        else:
            table[line] = theirs(options.other, options.kind, options.published / options.kind, how, files)
        kept.write_text(json.dumps(table))
    print_table(table)
    return 0


def print_table(table: dict[str, Any]) -> None:
    """A line each, as many times as quick as transformers in float32, by the clock and by the processor."""
    for line, figures in table.items():
        print(f"{line:22}", end="")
        for what, (per_second, used_s) in figures.items():
            print(f"  {what} {per_second:6.2f}/s {used_s:6.3f} s", end="")
            if BASE in table and line != BASE:
                base_per_second, base_used_s = table[BASE][what]
                print(f" (x{per_second / base_per_second:.1f}, x{base_used_s / used_s:.1f})", end="")
        print()


if __name__ == "__main__":
    sys.exit(main())
