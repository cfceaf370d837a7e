"""Small data sets in the true formats, written where a test wants them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from asksight.training.datasets import Dataset

ASKED = (  # image id, question, ten answers
    (9, "What colour is the bus?", ["red"] * 7 + ["dark red"] * 3),
    (9, "How many\nwheels\tare there?", ["4"] * 10),
    (25, "Is it raining?\u2028", ["yes"] * 5 + ["no"] * 5),
    (30, "¿Qué es esto? 🙂", ["cat"] * 10),
    (30, "Is this a dog?", ["no"] * 10),
)
WAYS = {
    "vqa2": ("v2_", "mscoco", "COCO_{split}_{id:012d}.jpg"),
    "vqa1": ("", "mscoco", "COCO_{split}_{id:012d}.jpg"),
}


def write_vqa(
    folder: Path,
    *,
    version: str = "vqa2",
    split: str = "train2014",
    asked: Sequence[tuple[int, str, Sequence[str]]] = ASKED,
    photos: bool = True,
) -> tuple[Path, Path]:
    """Questions and annotations as VQA has them (annotations in another order); the paths of both files."""
    prefix, data_type, photo_name = WAYS[version]
    folder.mkdir(parents=True, exist_ok=True)
    questions, annotations = [], []
    for place, (image_id, question, answers) in enumerate(asked):
        ids: dict[str, Any] = {"image_id": image_id, "question_id": image_id * 1000 + place}
        questions.append(ids | {"question": question})
        annotations.append(
            ids
            | {
                "question_type": " ".join(question.split()[:2]).lower(),
                "multiple_choice_answer": answers[0],
                "answer_type": "yes/no" if answers[0] in ("yes", "no") else "other",
                "answers": [
                    {"answer": answer, "answer_confidence": "yes", "answer_id": number}
                    for number, answer in enumerate(answers, start=1)
                ],
            }
        )
        if photos:
            path = folder / split / photo_name.format(split=split, id=image_id)
            path.parent.mkdir(exist_ok=True)
            write_photo(path, image_id)
    head = {"info": {"version": "2.0"}, "license": {"name": "CC"}, "data_subtype": split}
    paths = (
        folder / f"{prefix}OpenEnded_{data_type}_{split}_questions.json",
        folder / f"{prefix}{data_type}_{split}_annotations.json",
    )
    asking = head | {"task_type": "Open-Ended", "data_type": data_type, "questions": questions}
    paths[0].write_text(json.dumps(asking))
    paths[1].write_text(json.dumps(head | {"annotations": annotations[::-1], "data_type": data_type}))
    return paths


def write_easy_vqa(folder: Path, *, photos: int = 6, questions: int = 3) -> Path:
    """questions.json, a list of [question, answer, image index], beside images/."""
    (folder / "images").mkdir(parents=True)
    rows = [
        [f"is there a {shape} in the image?", answer, image_id]
        for image_id in range(photos)
        for shape, answer in (("circle", "yes"), ("triangle", "no"), ("rectangle", "no"))[:questions]
    ]
    (folder / "questions.json").write_text(json.dumps(rows))
    for image_id in range(photos):
        write_photo(folder / "images" / f"{image_id}.png", image_id)
    return folder


VIZWIZ = (  # photo number, question, ten answers, whether the photo holds the answer
    (0, "What's the name\nof this product?", ["basil leaves"] * 6 + ["basil"] * 4, 1),
    (3, "Can you tell me what is in this can please?", ["unsuitable"] * 3 + ["unanswerable"] * 7, 0),
    (17, "Is it on?", ["yes"] * 8 + ["no"] * 2, 1),
)


def write_vizwiz(
    folder: Path, *, split: str = "train", asked: Sequence[tuple[int, str, Sequence[str], int]] = VIZWIZ
) -> Path:
    """One list as VizWiz has it, with the photos in a folder of the split's name; a test split has no answers."""
    (folder / split).mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    for number, question, answers, answerable in asked:
        name = f"VizWiz_{split}_{number:08d}.jpg"
        write_photo(folder / split / name, number)
        told = [{"answer_confidence": "yes", "answer": answer} for answer in answers]
        kind = "other" if answerable else "unanswerable"
        answered = {"answers": told, "answer_type": kind, "answerable": answerable}
        rows.append({"image": name, "question": question} | (answered if split != "test" else {}))
    path = folder / f"{split}.json"
    path.write_text(json.dumps(rows))
    return path


def write_photo(path: Path, number: int, side: int = 40) -> None:
    """A picture of stripes that differs from number to number."""
    image = Image.new("RGB", (side, side))
    image.putdata(
        [
            ((x * number * 7) % 256, (y * 11) % 256, (number * 40) % 256)
            for y in range(side)
            for x in range(side)
        ]
    )
    image.save(path)


def photo_paths(dataset: Dataset) -> list[Path]:
    """The photo of each question."""
    return [dataset.photo(image_id) for image_id in dataset.image_ids]
