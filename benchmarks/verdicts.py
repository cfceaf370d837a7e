"""How reliable verdicts are, on scenes that are not in the training data: `python benchmarks/verdicts.py`.

Measured twice: on fresh scenes, and on the same scenes made darker, noisier and blurrier than any of the training data
(training/scenes/draw.py has its ranges). The assistant answers, as for a caller.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from asksight.server.asks import Ask
from asksight.server.errors import AskError
from asksight.server.local import LocalAssistant
from asksight.training.measuring.answerability import average_precision
from asksight.training.measuring.reliability import calibration_error
from asksight.v1 import vqa_pb2

UNANSWERABLE = "unanswerable"
ASKS_AT_ONCE = 64
THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one set of pictures; shares are from 0 to 1."""

    pictures: str
    asks: int
    wrong_among_answered: float
    coverage: float  # ANSWERED, of all asks
    coverage_answerable: float  # ANSWERED, of those whose picture shows the answer
    decided: float  # ANSWERED or UNANSWERABLE, of all asks
    wrong_among_unanswerable: float  # of the UNANSWERABLE verdicts, those whose picture does show the answer
    unanswerable_average_precision: float
    ece: float
    exact: float


def worse(photo: bytes, random: np.random.Generator) -> bytes:
    """The photo with more flaws than in training.

    Blur of 1.2 to 1.8 px (training: at most 1.1), brightness 0.55 to 0.7 (at least 0.75), noise of 13 to 18 levels (at
    most 12).
    """
    picture = Image.open(io.BytesIO(photo)).convert("RGB")
    picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(1.2, 1.8)))
    pixels = np.asarray(picture, np.float32) * random.uniform(0.55, 0.7)
    pixels += random.standard_normal(pixels.shape, np.float32) * random.uniform(13, 18)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=80)
    return out.getvalue()


def read_asks(data: Path) -> list[tuple[Path, str, str]]:
    """Give (photo, question, answer), photo by photo, from a folder that `asksight data scenes` made."""
    questions = json.loads((data / "v2_OpenEnded_scenes_val_questions.json").read_bytes())["questions"]
    annotations = json.loads((data / "v2_scenes_val_annotations.json").read_bytes())["annotations"]
    answers = {one["question_id"]: one["multiple_choice_answer"] for one in annotations}
    photos = {int(path.stem.rpartition("_")[2]): path for path in (data / "val").iterdir()}
    return [(photos[one["image_id"]], one["question"], answers[one["question_id"]]) for one in questions]


def replies(
    local: LocalAssistant, asks: Sequence[tuple[Path, str, str]], change: Callable[[bytes, Path], bytes]
) -> Iterator[vqa_pb2.AskResponse]:
    """Give the assistant's reply to each, in order."""

    def ask(some: Sequence[tuple[Path, str, str]]) -> list[vqa_pb2.AskResponse | AskError]:
        photos = {path: change(path.read_bytes(), path) for path, _, _ in some}
        return local.ask_many([Ask(photo=photos[path], question=said, top_k=1000) for path, said, _ in some])

    with ThreadPoolExecutor(THREADS) as pool:
        some = [asks[at : at + ASKS_AT_ONCE] for at in range(0, len(asks), ASKS_AT_ONCE)]
        for done in pool.map(ask, some):
            for reply in done:
                if isinstance(reply, AskError):
                    raise reply
                yield reply


def measure(pictures: str, told: Sequence[vqa_pb2.AskResponse], truths: Sequence[str]) -> Figures:
    """Compare the replies with the true answers."""
    verdicts = np.array([reply.verdict for reply in told])
    best = [reply.answers[0] for reply in told]
    right = np.array([answer.label == truth for answer, truth in zip(best, truths, strict=True)])
    nothing = np.array([truth == UNANSWERABLE for truth in truths])
    none = np.array(
        [next((a.probability for a in reply.answers if a.label == UNANSWERABLE), 0.0) for reply in told]
    )
    answered = verdicts == vqa_pb2.VERDICT_ANSWERED
    unanswerable = verdicts == vqa_pb2.VERDICT_UNANSWERABLE
    return Figures(
        pictures=pictures,
        asks=len(told),
        wrong_among_answered=_share(~right[answered]),
        coverage=_share(answered),
        coverage_answerable=_share(answered[~nothing]),
        decided=_share(answered | unanswerable),
        wrong_among_unanswerable=_share(~nothing[unanswerable]),
        unanswerable_average_precision=float(average_precision(none, nothing)),
        ece=calibration_error(np.array([answer.probability for answer in best]), right),
        exact=_share(right),
    )


def _share(those: Any) -> float:
    return float(np.mean(those)) if len(those) else 0.0


def make_scenes(out: Path, photos: int, seed: int) -> None:
    """Draw fresh scenes with `asksight data scenes`."""
    command = str(Path(sysconfig.get_path("scripts")) / "asksight")
    options = ["--out", str(out), "--train", "0", "--val", str(photos), "--seed", str(seed)]
    subprocess.run([command, "data", "scenes", *options], check=True, capture_output=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="scenes", help="a bundle's folder, or scenes")
    options.add_argument("--photos", type=int, default=5000)
    options.add_argument("--seed", type=int, default=77, help="must differ from the one of the training data")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalAssistant.open(given.model) as local:
        make_scenes(Path(folder), given.photos, given.seed)
        asks = read_asks(Path(folder))
        truths = [truth for _, _, truth in asks]
        changes: dict[str, Callable[[bytes, Path], bytes]] = {
            "fresh scenes": lambda photo, _: photo,
            "darker, noisier, blurrier": lambda photo, path: worse(
                photo, np.random.default_rng(int(path.stem.rpartition("_")[2]))
            ),
        }
        for pictures, change in changes.items():
            figures = measure(pictures, list(replies(local, asks, change)), truths)
            if given.json:
                print(json.dumps(asdict(figures)))
            else:
                for name, value in asdict(figures).items():
                    print(
                        f"{name.replace('_', ' '):32} {value if isinstance(value, str | int) else round(value, 4)}"
                    )
                print()


if __name__ == "__main__":
    main()
