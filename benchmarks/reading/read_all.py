"""Reads rendered things, or photos without text, and keeps what was found, for benchmarks/reading/figures.py.

    python -m reading.read_all --seed 2 --count 1000 [--with rapidocr]      (in benchmarks/)

One line of JSON a photo, in build/reading/. It goes on where it was left off, and stops after --seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant

from .photographed import photographed
from .textless import textless
from .written import written

FOLDER = Path(__file__).parents[2] / "build" / "reading"
TEXTLESS = "textless"

Found = dict[str, Any]


def ours(local: LocalAssistant) -> Callable[[bytes], Found]:
    reader = local.assistant.reader
    assert reader is not None

    def read(photo: bytes) -> Found:
        found = local.thread.run(reader.read(Ask(question="", photo=photo)))
        text = found.text
        return {
            "lines": [asdict(line) for line in text.lines],
            "form": text.form,
            "unread_px": text.unread_px,
        }

    return read


def rapidocr() -> Callable[[bytes], Found]:
    """The package itself, as it comes."""
    from rapidocr import RapidOCR  # imported late: it sets up logs

    engine = RapidOCR(
        params={"EngineConfig.onnxruntime.intra_op_num_threads": 2, "Global.log_level": "error"}
    )

    def read(photo: bytes) -> Found:
        found: Any = engine(photo)
        boxes = [] if found.boxes is None else found.boxes.tolist()
        return {
            "lines": [
                {"text": text, "corners": box} for text, box in zip(found.txts or (), boxes, strict=True)
            ]
        }

    return read


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", default="2", help=f"or {TEXTLESS}")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--with", dest="by", choices=("ours", "rapidocr"), default="ours")
    parser.add_argument(
        "--photos", type=Path, default=FOLDER.parent / "photos", help="for photos without text"
    )
    parser.add_argument("--seconds", type=float, default=240)
    given = parser.parse_args()
    ends_s = time.monotonic() + given.seconds
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = FOLDER / f"{given.seed}.{given.by}.jsonl"
    done = len(place.read_text().splitlines()) if place.exists() else 0
    photos = textless(given.photos, given.count) if given.seed == TEXTLESS else None
    with LocalAssistant() as local, place.open("a", encoding="utf-8") as file:
        if given.by == "ours":
            local.add_reader(threads=2)
        read = ours(local) if given.by == "ours" else rapidocr()
        for number in range(done, given.count):
            if time.monotonic() > ends_s:
                return
            truth: Found = {"kind": TEXTLESS, "rows": [], "asked": {}}
            if photos is not None:
                photo = photos[number]
            else:
                thing, random = written(number, int(given.seed))
                photo = photographed(thing.picture, random)
                truth = {"kind": thing.kind, "rows": thing.rows, "asked": thing.asked}
            began_s = time.perf_counter()
            found = read(photo)
            took_s = time.perf_counter() - began_s
            file.write(
                json.dumps({"number": number, "took_s": took_s, **truth, **found}, ensure_ascii=False) + "\n"
            )
            file.flush()


if __name__ == "__main__":
    main()
