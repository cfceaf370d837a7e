"""Statements are told from questions, of which none is taken for one."""

from __future__ import annotations

from random import Random

import pytest

from asksight.server.reply.statements import asks_nothing
from asksight.training.scenes.wordings import SIDES, UNSEEN, WORDINGS, Description, fill

# All 13 forms of easy-VQA's questions (V. Zhou, 2019), each with one shape or colour.
EASY_VQA = (
    "what color is the shape", "what color is the circle", "what is the color of the shape",
    "what is the color of the circle", "what is the red shape", "what shape is in the image", "what shape is present",
    "what shape does the image contain", "is there a circle in the image", "is there not a red shape",
    "does the image not contain a circle", "is a circle present", "is no red shape present",
)  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "the circle is red", "The circle is red.", "the big circle left of the square is red",
        "a red circle", "An orange square.", "there is a circle", "there’s a dog", "I see a circle", "this is a circle",
        "it is red", "That's a star!", "no circle is red", "the man has a hat", "we are lost",
    ],
)  # fmt: skip
def test_who_states_or_names_something_asks_nothing(said: str) -> None:
    assert asks_nothing(said)


@pytest.mark.parametrize(
    "asked",
    [
        "a red circle?", "the circle is red?", "the circle is what colour", "the circle is red or blue",
        "the circle is red, right", "The circle is red, isn't it", "I see what", "colour of the circle", "color",
        "circle", "the man's shirt colour",
        "how many circles", "circles", "number of circles", "any circles", "the colour of the circle", "the circle is",
        "a description of the picture", "tell me the colour", "waht color is the cirlce", "is the circle red", "a",
        "thank you", "wo ist der Hund", "is de cirkel rood", "¿El círculo es rojo?",
    ],
)  # fmt: skip
def test_who_leaves_out_words_asks_all_the_same(asked: str) -> None:
    assert not asks_nothing(asked)


def test_no_question_of_the_scenes_or_of_easy_vqa_is_taken_for_a_statement() -> None:
    random = Random(0)

    def described() -> Description:
        return (
            random.choice(("small", None)),
            random.choice(("red", "orange", None)),
            random.choice(("cross", None)),
        )

    sides = [words for several in SIDES.values() for words in several]
    asked = [
        fill(
            random, wording, described(), described(),
            colour="red", shape="star", size="small", side=random.choice(sides),
        )
        for wording in (one for kinds in (WORDINGS, UNSEEN) for several in kinds.values() for one in several)
        for _ in range(8)
    ]  # fmt: skip
    assert len(asked) > 900
    for question in (*asked, *EASY_VQA):
        for form in (question, question.rstrip("?."), question.lower().rstrip("?.")):
            assert not asks_nothing(form), form


def test_endless_text_takes_no_time() -> None:
    for text in ("the " * 5000, "a " * 5000, "the circle is " * 3000, "i see " * 4000):
        asks_nothing(text)
