"""How much time and memory `asksight data prepare` takes for a data set of the size of VQA v2.

    python benchmarks/prepare_vqa.py [--share 1.0] [--keep FOLDER] [--json]

Makes questions and annotations in VQA v2's format and number (443,757 train and 214,354 val questions about 82,783 and
40,504 photos, with ten answers each), then prepares them in a separate process. `--share 0.1` makes a tenth of that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

SPLITS = {"train2014": (443_757, 82_783), "val2014": (214_354, 40_504)}  # questions, photos
BEGINNINGS = (
    "what is",
    "what color is",
    "is there",
    "is this",
    "how many",
    "what kind of",
    "where is",
    "why is",
)
THINGS = (
    "the man",
    "a dog",
    "the bus",
    "her hair",
    "the largest bird",
    "this room",
    "the sign",
    "the third plate",
)
ENDINGS = (
    "",
    " doing",
    " in the picture",
    " on the left of the table",
    " made of",
    " wearing",
    " behind the car",
)
COMMON = (
    "yes",
    "no",
    "1",
    "2",
    "white",
    "red",
    "blue",
    "left",
    "black",
    "frisbee",
    "3",
    "brown",
    "tennis",
    "pizza",
)


def write_split(folder: Path, split: str, *, questions: int, photos: int, seed: int = 0) -> None:
    """Write questions and annotations JSON of one split, entry by entry."""
    random = Random(f"{seed} {split}")
    names = (f"v2_OpenEnded_mscoco_{split}_questions.json", f"v2_mscoco_{split}_annotations.json")
    head = {
        "info": {"version": "2.0"},
        "license": {"name": "CC BY 4.0"},
        "data_subtype": split,
        "data_type": "mscoco",
    }
    ids = [(1 + place * photos // questions, place) for place in range(questions)]
    asked = (
        {"image_id": image, "question": _question(random), "question_id": image * 1000 + n}
        for image, n in ids
    )
    _write(folder / names[0], head | {"task_type": "Open-Ended"}, "questions", asked)
    random.shuffle(ids)  # in VQA's files the annotations have another order than the questions
    _write(folder / names[1], head, "annotations", (_annotation(random, image, n) for image, n in ids))


def _question(random: Random) -> str:
    return f"{random.choice(BEGINNINGS)} {random.choice(THINGS)}{random.choice(ENDINGS)}?".capitalize()


def _annotation(random: Random, image_id: int, place: int) -> dict[str, Any]:
    rare = f"answer {random.randrange(20_000)}"  # VQA's answers have a long tail
    best = random.choice(COMMON) if random.random() < 0.8 else rare
    answers = [best if random.random() < 0.7 else random.choice((*COMMON, rare)) for _ in range(10)]
    return {
        "question_type": random.choice(BEGINNINGS),
        "multiple_choice_answer": best,
        "answers": [
            {
                "answer": answer,
                "answer_confidence": random.choice(("yes", "maybe", "no")),
                "answer_id": number,
            }
            for number, answer in enumerate(answers, start=1)
        ],
        "image_id": image_id,
        "answer_type": "yes/no" if best in ("yes", "no") else "number" if best.isdigit() else "other",
        "question_id": image_id * 1000 + place,
    }


def _write(path: Path, head: dict[str, Any], key: str, entries: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + f', "{key}": [')
        file.writelines(_joined(entries))
        file.write("]}")


def _joined(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    for place, entry in enumerate(entries):
        yield (", " if place else "") + json.dumps(entry)


def measure(folder: Path) -> dict[str, Any]:
    """Prepare `folder` into a folder beside it; gives wall-clock and CPU seconds and the peak memory in MB."""
    command = [str(Path(sysconfig.get_path("scripts")) / "asksight"), "data", "prepare", str(folder)]
    started_s = time.perf_counter()
    with subprocess.Popen(
        [*command, "--out", f"{folder}-prepared", "--no-photos", "--json"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"asksight data prepare ended with {process.returncode}.")
    seconds = time.perf_counter() - started_s
    splits = {split: counts["questions"] for split, counts in json.loads(told)["splits"].items()}
    cpu_s = usage.ru_utime + usage.ru_stime  # a steadier figure where the machine does other work
    return {
        "questions": splits,
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu_s, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", type=float, default=1.0, help="of VQA v2's size")
    parser.add_argument("--keep", type=Path, help="make the files in this folder and leave them there")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="asksight-bench-") as scratch:
        folder = (given.keep or Path(scratch)) / "vqa-v2"
        folder.mkdir(parents=True, exist_ok=True)
        for split, (questions, photos) in SPLITS.items():
            write_split(
                folder, split, questions=int(questions * given.share), photos=int(photos * given.share)
            )
        size = sum(file.stat().st_size for file in folder.iterdir())
        figures = measure(folder) | {"source_mb": round(size / 1e6)}
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{figures['questions']} questions in {figures['source_mb']} MB of JSON")
    print(
        f"prepared in {figures['seconds']} s ({figures['cpu_s']} s of CPU), with {figures['peak_mb']} MB at most"
    )


if __name__ == "__main__":
    main()
