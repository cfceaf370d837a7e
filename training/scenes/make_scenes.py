"""Writes scenes as files: JPEGs, questions and annotations as JSON in VQA v2's form, and instances in COCO's."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ..datasets.dataset import answer_type
from .draw import draw_jpeg
from .questions import FAMILIES, UNANSWERABLE, Candidate, Facts
from .scene import SHAPES, SIDE_PX, Scene, sample_scene
from .wordings import UNSEEN, WORDINGS, fill

NAME = "scenes"
_CHUNK = 250  # pictures that a process makes at a time; answers are balanced within each chunk
_BLIND_SHARE = 0.04  # of the pictures
_ABSENT_SHARE = 0.045  # of the questions about pictures that can be seen
_ANSWERS = 10  # VQA v2 has the answers of ten people to each question; here all ten are the same


@dataclass(frozen=True, kw_only=True)
class SceneQuestion:
    """A question about a scene, its family (the question type in VQA's files), and its answer."""

    text: str
    family: str
    answer: str


def ask_about(
    scene: Scene, random: Random, tally: Counter[tuple[str, ...]], *, count: int, unseen: bool = False
) -> list[SceneQuestion]:
    """Up to `count` different questions about a scene.

    `tally` counts the questions so far by family, and by family and answer. The rarest is asked next, which balances
    both. With `unseen` the wordings are those that training never uses.
    """
    shown = scene
    while not shown.things:  # about a blind picture, ask what would be asked about another scene
        shown = sample_scene(random, blind_share=0)
    facts = Facts(shown, random)
    pool = [(family, c) for family, ask in FAMILIES.items() for c in ask(facts)]
    asked: dict[str, SceneQuestion] = {}
    for _ in range(count * 3):  # more tries than questions, since some give the same words again
        absent = not scene.blind and random.random() < _ABSENT_SHARE
        family, candidate = _rarest(
            [(f, c) for f, c in pool if (c.answer == UNANSWERABLE) == absent], tally, random
        )
        wordings = _wordings(candidate, unseen=unseen)
        answer = UNANSWERABLE if scene.blind else candidate.answer
        tally[family,] += 1
        tally[family, candidate.answer] += 1
        if wordings:
            text = fill(random, random.choice(wordings), candidate.first, candidate.second, **candidate.words)
            asked[text] = SceneQuestion(text=text, family=family, answer=answer)
        if len(asked) == count:
            break
    return list(asked.values())


def _rarest(
    pool: list[tuple[str, Candidate]], tally: Counter[tuple[str, ...]], random: Random
) -> tuple[str, Candidate]:
    families = {family for family, _ in pool}
    least = min(sorted(families), key=lambda family: (tally[family,], random.random()))
    of_family = [c for family, c in pool if family == least]
    answers = sorted({c.answer for c in of_family})
    answer = min(answers, key=lambda a: (tally[least, a], random.random()))
    return least, random.choice([c for c in of_family if c.answer == answer])


def _wordings(candidate: Candidate, *, unseen: bool) -> list[str]:
    known = (UNSEEN if unseen else WORDINGS).get(candidate.style, ())
    return [w for w in known if not candidate.only or any(word in w for word in candidate.only)]


@dataclass(frozen=True, kw_only=True)
class _Chunk:
    folder: Path
    split: str
    seed: int
    first: int
    count: int
    questions: int
    unseen: bool


@dataclass(frozen=True, kw_only=True)
class _Picture:
    image_id: int
    scene: Scene
    asked: list[SceneQuestion]


def _make_chunk(chunk: _Chunk) -> list[_Picture]:
    tally: Counter[tuple[str, ...]] = Counter()
    made = []
    for number in range(chunk.first, chunk.first + chunk.count):
        random = Random(f"{NAME}/{chunk.seed}/{chunk.split}/{number}")
        scene = sample_scene(random, blind_share=_BLIND_SHARE)
        jpeg = draw_jpeg(scene, random.getrandbits(32))
        (chunk.folder / photo_name(chunk.split, number)).write_bytes(jpeg)
        asked = ask_about(scene, random, tally, count=chunk.questions, unseen=chunk.unseen)
        made.append(_Picture(image_id=number, scene=scene, asked=asked))
    return made


def photo_name(split: str, image_id: int) -> str:
    """The file name of a picture, in the form of COCO's."""
    return f"{NAME}_{split}_{image_id:012d}.jpg"


def make_split(
    out: Path,
    split: str,
    *,
    pictures: int,
    seed: int,
    questions: int = 5,
    unseen: bool = False,
    processes: int | None = None,
    progress: Callable[[int], None] = lambda made: None,
) -> int:
    """Make one split of the data set under `out`; return the number of questions.

    The same arguments give the same files, however many processes there are (as many as cores by default).
    `progress` is called with the number of pictures of each chunk that is done. Raises OSError where `out` cannot
    be written.
    """
    folder = out / split
    folder.mkdir(parents=True, exist_ok=True)
    chunks = [
        _Chunk(folder=folder, split=split, seed=seed, first=first, count=min(_CHUNK, pictures - first + 1),
               questions=questions, unseen=unseen)
        for first in range(1, pictures + 1, _CHUNK)
    ]  # fmt: skip
    rows: list[_Picture] = []
    for made in _in_processes(chunks, processes or len(os.sched_getaffinity(0))):
        rows.extend(made)
        progress(len(made))
    return _write_json(out, split, rows)


def _in_processes(chunks: list[_Chunk], processes: int) -> Iterator[list[_Picture]]:
    if processes == 1 or len(chunks) < 2:
        yield from map(_make_chunk, chunks)
        return
    # spawn, not fork: the caller may have threads (a progress bar has one), and a fork copies their held locks.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_make_chunk, chunks)


def _write_json(out: Path, split: str, rows: list[_Picture]) -> int:
    questions: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row in rows:
        for k, question in enumerate(row.asked):
            ids = {"image_id": row.image_id, "question_id": row.image_id * 1000 + k}
            questions.append({**ids, "question": question.text})
            answers = [
                {"answer": question.answer, "answer_confidence": "yes", "answer_id": i + 1}
                for i in range(_ANSWERS)
            ]
            annotations.append(
                {
                    **ids,
                    "question_type": question.family,
                    "answer_type": answer_type(question.answer),
                    "multiple_choice_answer": question.answer,
                    "answers": answers,
                }
            )
    head = {
        "info": {"description": "AskSight scenes", "version": "1.0"},
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "data_type": NAME,
        "data_subtype": split,
    }
    q = head | {"task_type": "Open-Ended", "questions": questions}
    (out / f"v2_OpenEnded_{NAME}_{split}_questions.json").write_text(json.dumps(q))
    (out / f"v2_{NAME}_{split}_annotations.json").write_text(json.dumps(head | {"annotations": annotations}))
    (out / f"instances_{split}.json").write_text(json.dumps(_instances(split, rows)))
    return len(questions)


def _instances(split: str, rows: list[_Picture]) -> dict[str, Any]:
    """The things and their places in the form of COCO's instances, with colour and size as attributes."""
    number = {shape: i + 1 for i, shape in enumerate(SHAPES)}
    boxes = [
        {
            "image_id": row.image_id,
            "category_id": number[thing.shape],
            "bbox": [round(v, 1) for v in (thing.x - r, thing.y - r, 2 * r, 2 * r)],
            "attributes": {"colour": thing.colour, "size": thing.size},
        }
        for row in rows
        for thing in row.scene.things
        for r in (thing.radius,)
    ]
    images = [
        {
            "id": row.image_id,
            "file_name": photo_name(split, row.image_id),
            "width": SIDE_PX,
            "height": SIDE_PX,
        }
        for row in rows
    ]
    return {
        "images": images,
        "annotations": [box | {"id": i + 1} for i, box in enumerate(boxes)],
        "categories": [{"id": i, "name": shape} for shape, i in number.items()],
    }
