"""The scenes data set: the same by seed, balanced, true to what is drawn, and written as VQA v2 writes it."""

from __future__ import annotations

import io
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from asksight.training.scenes.draw import draw_jpeg
from asksight.training.scenes.make_scenes import ask_about, make_split
from asksight.training.scenes.questions import FAMILIES, UNANSWERABLE, Facts
from asksight.training.scenes.scene import (
    BLIND,
    COLOURS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    is_beside,
    sample_scene,
)
from asksight.training.scenes.wordings import UNSEEN, WORDINGS, fill


def _load(out: Path, split: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    questions = json.loads((out / f"v2_OpenEnded_scenes_{split}_questions.json").read_text())["questions"]
    annotations = json.loads((out / f"v2_scenes_{split}_annotations.json").read_text())["annotations"]
    return questions, annotations


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes")
    assert make_split(out, "val", pictures=600, seed=5, questions=5, processes=2) == 3000
    return out


def test_the_same_seed_gives_the_same_files_with_one_process_or_two(made: Path, tmp_path: Path) -> None:
    make_split(tmp_path, "val", pictures=600, seed=5, questions=5, processes=1)
    files = sorted(p.relative_to(made) for p in made.rglob("*") if p.is_file())
    assert len(files) == 603  # pictures, questions, annotations, instances
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert all((made / name).read_bytes() == (tmp_path / name).read_bytes() for name in files)


def test_another_seed_gives_other_pictures(made: Path, tmp_path: Path) -> None:
    make_split(tmp_path, "val", pictures=1, seed=6)
    name = "val/scenes_val_000000000001.jpg"
    assert (made / name).read_bytes() != (tmp_path / name).read_bytes()


def test_pictures_are_jpegs_of_128_pixels_a_side(made: Path) -> None:
    with Image.open(made / "val/scenes_val_000000000600.jpg") as picture:
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (128, 128), "RGB")


def test_questions_and_annotations_are_in_the_form_of_vqa_v2(made: Path) -> None:
    questions, annotations = _load(made, "val")
    assert [q["question_id"] for q in questions] == [a["question_id"] for a in annotations]
    assert len({q["question_id"] for q in questions}) == len(questions)
    for question, annotation in zip(questions, annotations, strict=True):
        assert question["image_id"] == annotation["image_id"]
        assert {a["answer"] for a in annotation["answers"]} == {annotation["multiple_choice_answer"]}
        assert [a["answer_id"] for a in annotation["answers"]] == list(range(1, 11))
        assert annotation["answer_type"] in ("yes/no", "number", "other")


def test_guessing_the_commonest_answer_of_each_family_scores_under_45_percent(made: Path) -> None:
    _, annotations = _load(made, "val")
    by_family: dict[str, Counter[str]] = defaultdict(Counter)
    for annotation in annotations:
        by_family[annotation["question_type"]][annotation["multiple_choice_answer"]] += 1
    assert len(by_family) == len(FAMILIES) >= 10
    assert sum(max(answers.values()) for answers in by_family.values()) / len(annotations) < 0.45
    for family in ("existence", "attribute", "horizontal", "vertical", "bigger", "compare"):
        assert 0.8 < by_family[family]["yes"] / by_family[family]["no"] < 1.25


def test_about_8_percent_are_unanswerable_in_both_ways(made: Path) -> None:
    questions, annotations = _load(made, "val")
    of_image: dict[int, list[str]] = defaultdict(list)
    for annotation in annotations:
        of_image[annotation["image_id"]].append(annotation["multiple_choice_answer"])
    blind = sum(len(a) for a in of_image.values() if set(a) == {UNANSWERABLE})
    absent = sum(a.count(UNANSWERABLE) for a in of_image.values() if set(a) != {UNANSWERABLE})
    assert 0.06 < (blind + absent) / len(questions) < 0.11
    assert blind > 0.02 * len(questions)
    assert absent > 0.02 * len(questions)


def test_there_are_at_least_80_wordings_and_ten_more_unseen_ones_made_of_known_words() -> None:
    def words(wordings: dict[str, tuple[str, ...]]) -> set[str]:
        return set(re.findall(r"[a-z']+", " ".join(w for group in wordings.values() for w in group).lower()))

    assert sum(map(len, WORDINGS.values())) >= 80
    assert sum(map(len, UNSEEN.values())) == 10
    assert words(UNSEEN) <= words(WORDINGS)
    assert not {w for g in UNSEEN.values() for w in g} & {w for g in WORDINGS.values() for w in g}


@pytest.mark.parametrize("seed", range(40))
def test_answers_agree_with_the_scene(seed: int) -> None:
    """Each family's answers, told again from the things alone by a plain count."""
    random = Random(seed)
    scene = sample_scene(random, blind_share=0)
    facts = Facts(scene, random)
    for name, family in FAMILIES.items():
        for c in family(facts):
            meant = _meant(scene, c.first)
            other = _meant(scene, c.second) if c.second else []
            if name == "count":
                assert c.answer == str(len(meant))
            elif name == "existence":
                assert c.answer == ("yes" if meant else "no")
            elif name == "compare":
                truth = {"more": len(meant) > len(other), "fewer": len(meant) < len(other)}
                assert c.answer == ("yes" if truth.get(c.only[0], len(meant) == len(other)) else "no")
            elif name == "identify":
                assert [c.answer] == [t.shape for t in scene.things]
            elif c.answer == UNANSWERABLE:
                assert not meant or (c.second is not None and not other)
            else:
                assert len(meant) == 1
                assert _true_of(name, c, scene, meant[0], other)


def _meant(scene: Scene, described: Any) -> list[Thing]:
    size, colour, shape = described
    return [t for t in scene.things if t.fits(size=size, colour=colour, shape=shape)]


def _true_of(name: str, c: Any, scene: Scene, thing: Thing, other: list[Thing]) -> bool:
    yes = bool(c.answer == "yes")
    if name in ("colour", "shape", "size"):
        return bool(getattr(thing, name) == c.answer)
    if name == "attribute":
        said = next(iter(c.words.values()))
        small = {"little": "small", "tiny": "small", "big": "large"}
        return yes == (small.get(said, said) in (thing.size, thing.colour, thing.shape))
    if name == "horizontal":
        return bool(yes == ((thing.x < other[0].x) == (c.only == ("left",))))
    if name == "vertical":
        return yes == ((thing.y < other[0].y) == ("above" in c.only))
    if name == "bigger":
        return yes == ((thing.radius > other[0].radius) == ("bigger" in c.only))
    assert name == "neighbour"
    side: str = c.words["side"]
    sideways = [direction for direction in ("left", "right") if direction in side]
    direction = sideways[0] if sideways else {"over": "above", "under": "below"}.get(side, side)
    beside = [t for t in scene.things if t is not thing and is_beside(t, thing, direction)]
    return len(beside) == 1 and c.answer in (beside[0].shape, beside[0].colour)


def test_a_blind_picture_is_asked_ordinary_questions_and_answers_none() -> None:
    asked = ask_about(Scene(things=(), blind="black"), Random(1), Counter(), count=5)
    assert len(asked) == 5
    assert {q.answer for q in asked} == {UNANSWERABLE}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_thing_is_drawn_where_it_is_said_to_be(shape: str, colour: str) -> None:
    thing = Thing(shape=shape, colour=colour, size="large", x=40, y=80, radius=20, rotation=10)
    with_it = _pixels(draw_jpeg(Scene(things=(thing,)), 3))
    without = _pixels(draw_jpeg(Scene(things=()), 3))
    changed = np.abs(with_it - without).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 200
    assert abs(columns.mean() - 40) < 4
    assert abs(rows.mean() - 80) < 4


@pytest.mark.parametrize("kind", BLIND)
def test_a_blind_picture_has_no_edges_of_things(kind: str) -> None:
    pixels = _pixels(draw_jpeg(Scene(things=(), blind=kind), 1))
    blocks = pixels.reshape(16, 8, 16, 8, 3).mean(axis=(1, 3))
    assert np.abs(np.diff(blocks, axis=0)).max() < 60
    assert np.abs(np.diff(blocks, axis=1)).max() < 60


def _pixels(jpeg: bytes) -> Any:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture, np.float32)


def test_sizes_are_told_apart_by_two_to_one() -> None:
    things = [t for seed in range(200) for t in sample_scene(Random(seed)).things]
    small, large = ([t.radius for t in things if t.size == size] for size in SIZES)
    assert max(small) * 1.5 < min(large)


def test_a_question_says_both_things_that_it_compares() -> None:
    text = fill(Random(0), "Is {the} left of {the2}?", (None, "red", "circle"), (None, "blue", "cross"))
    assert text.lower().startswith("is the red circle left of the blue cross")
