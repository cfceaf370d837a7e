"""How often a bundle is certain about another data set's pictures.

    PYTHONPATH=benchmarks python -m familiar.other_pictures scenes --pictures data/easy --questions data/easy
    PYTHONPATH=benchmarks python -m familiar.other_pictures bundles/easy --pictures data/scenes --questions data/easy

Pictures and questions are of the split val of data sets as `asksight data` prepares them; with --enlarge 128 a picture
is first resized so that its shorter side has 128 px. The assistant answers, as for a caller.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
from familiar.unlike_asks import asked
from PIL import Image

from asksight.training.datasets import Dataset, open_dataset

A_PHOTO = 6  # questions


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--pictures", type=Path, required=True, help="a data set")
    parser.add_argument("--questions", type=Path, required=True, help="a data set, perhaps another one")
    parser.add_argument("--split", default="val")
    parser.add_argument("--count", type=int, default=300, help="pictures")
    parser.add_argument("--enlarge", type=int, metavar="PX", help="what pictures' shorter side becomes")
    arguments = parser.parse_args()
    pictures = open_dataset(arguments.pictures, arguments.split)
    questions = open_dataset(arguments.questions, arguments.split)
    asks = [
        (photo, question)
        for image_id in _some(sorted(set(pictures.image_ids)), arguments.count)
        for photo in [_read(pictures.photo(image_id), arguments.enlarge)]
        for question in _questions(questions, image_id, same=arguments.pictures == arguments.questions)
    ]
    what = (
        f"{arguments.model}: pictures of {arguments.pictures.name}, questions of {arguments.questions.name}"
    )
    what += "" if arguments.enlarge is None else f", enlarged to {arguments.enlarge} px"
    print(json.dumps(asked(what, asks, arguments.model)))


def _read(path: Path, side: int | None) -> bytes:
    if side is None:
        return path.read_bytes()
    with Image.open(path) as picture:
        times = side / min(picture.size)
        size = round(times * picture.width), round(times * picture.height)
        larger = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    larger.save(file, "PNG")
    return file.getvalue()


def _some(image_ids: list[int], count: int) -> list[int]:
    places = np.linspace(0, len(image_ids) - 1, min(count, len(image_ids))).astype(int)
    return [image_ids[place] for place in places]


def _questions(dataset: Dataset, image_id: int, *, same: bool) -> list[str]:
    """Those about the picture, where the data set is the picture's own, or else any, the same for the same picture."""
    rows = (
        [row for row, other in enumerate(dataset.image_ids) if other == image_id]
        if same
        else range(len(dataset))
    )
    chosen = np.random.default_rng(image_id).permutation(len(rows))[:A_PHOTO]
    return [dataset.questions[rows[place]] for place in chosen]


if __name__ == "__main__":
    main()
