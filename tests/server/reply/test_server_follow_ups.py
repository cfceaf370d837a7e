"""Questions about the turn before: taken for what they mean where that is certain, and left as they are elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksight.engine.bundle.calibration import Verdict
from asksight.server.asks import Manner
from asksight.server.reply.follow_ups import leaves_open, meaning, refers_back
from asksight.server.reply.spoken import LANGUAGES, language, spelled

BEFORE = "What colour is the circle?"
AGAIN = (
    "Say that again", "say it again please", "Can you repeat that?", "Repeat.", "And again?", "Once more, please.",
    "Pardon?", "Sorry?", "What?", "What did you say?", "What was that?", "Read it again.", "read that out again",
    "Could you please repeat the answer?", "I didn’t hear that.", "Sorry, I did not catch that", "Come again?",
    "Tell me again.", "Noch einmal bitte", "Wiederhole das!", "Bitte wiederholen Sie das.", "Sag das nochmal",
    "Lies es noch einmal vor", "Wie bitte?", "Was hast du gesagt?", "¿Otra vez?", "Repítelo, por favor",
    "Repite eso", "¿Qué has dicho?", "Léelo otra vez", "फिर से बोलो", "कृपया दोहराइए", "एक बार और", "आपने क्या कहा?",
)  # fmt: skip
SPELLED = (
    "Spell it", "Please spell that.", "Can you spell it for me?", "How do you spell that?", "How is it spelled?",
    "And spell the word out", "Buchstabiere das bitte", "Wie schreibt man das?", "Deletréalo", "¿Cómo se escribe?",
    "¿Cómo se deletrea eso?", "इसकी वर्तनी बताओ", "स्पेलिंग बताइए",
)  # fmt: skip
DOUBTED = (
    "Are you sure?", "Are you really sure about that?", "Really?", "Is that right?", "How sure are you?",
    "So are you certain?", "Bist du sicher?", "Sind Sie sich ganz sicher?", "¿Estás seguro?", "क्या आपको यकीन है?",
)  # fmt: skip
WAYS = {Manner.AGAIN: AGAIN, Manner.SPELLED: SPELLED, Manner.DOUBTED: DOUBTED}


@pytest.mark.parametrize(("manner", "question"), [(how, q) for how, many in WAYS.items() for q in many])
def test_the_turn_is_asked_for_once_more(manner: Manner, question: str) -> None:
    assert meaning(question, BEFORE, "red") == (BEFORE, manner)
    assert meaning(question.upper(), BEFORE) == (BEFORE, manner)  # whatever its answer was
    assert refers_back(question)


@pytest.mark.parametrize(
    ("before", "answer", "question", "meant"),
    [
        ("What is this?", "star", "And what colour is it?", "what colour is the star?"),
        ("What is in the picture?", "a traffic light", "Is it red?", "is the traffic light red?"),
        ("What shape is this?", "Circle", "how big is it please", "how big is the circle?"),
        (BEFORE, "red", "And how big is it?", "how big is the circle?"),
        (BEFORE, "", "What shape is it?", "what shape is the circle?"),  # the question says what it is about
        ("How big is the red thing?", "small", "What is it made of?", "what is the red thing made of?"),
        ("What is the large object?", "cube", "Which colour is it?", "which colour is the large object?"),
        ("Where is the dog?", "left", "Is it big or small?", "is the dog big or small?"),
        ("Is there a blue square in the image?", "yes", "Where is it?", "where is the blue square?"),
        ("Can you see a dog?", "yes", "What is its colour?", "what colour is the dog?"),
        (BEFORE, "red", "What is left of it?", "what is left of the circle?"),
        (BEFORE, "red", "Is there a star next to it?", "is there a star next to the circle?"),
        (BEFORE, "red", "And the size?", "what size is the circle?"),
        (BEFORE, "red", "And what shape?", "what shape is the circle?"),
        (BEFORE, "red", "And the square?", "what colour is the square?"),
        ("Where is the red circle?", "", "What about the blue one?", "where is the blue one?"),
    ],
)  # fmt: skip
def test_it_is_named_where_it_is_certain(before: str, answer: str, question: str, meant: str) -> None:
    assert meaning(question, before, answer) == (meant, Manner.NAMED)
    assert refers_back(question)
    assert not leaves_open(meant)


@pytest.mark.parametrize(
    ("before", "answer", "question"),
    [
        ("What is this?", "", "What colour is it?"),  # it was not answered
        ("What is this?", "yes", "What colour is it?"),
        ("What is this?", "red", "How big is it?"),  # no thing
        ("What is this?", "x" * 50, "What colour is it?"),
        ("What is this?", "I, robot; DROP", "What colour is it?"),
        ("Is there a star or a circle?", "yes", "What colour is it?"),  # either
        ("How many stars are there?", "2", "What colour is it?"),  # they
        ("What is the man doing?", "skiing", "What colour is it?"),
        ("Where is the man standing?", "left", "What colour is it?"),
        (BEFORE, "red", "What time is it?"),  # another it
        (BEFORE, "red", "Is it raining?"),
        (BEFORE, "red", "What is it?"),
        (BEFORE, "red", "Is it a circle and is it red?"),
        (BEFORE, "red", "What colour is the square?"),  # it says what it means
        (BEFORE, "red", "How many stars are there?"),
        (BEFORE, "red", "Spell cat"),
        (BEFORE, "red", "Say hello again to the man"),
        (BEFORE, "red", "Can I take it?"),  # medicine is refused as it was asked
        (BEFORE, "red", "Is it safe to cross?"),
        (BEFORE, "red", "Read it to me"),
        (BEFORE, "red", "The circle is red"),  # a statement, no other thing
    ],
)  # fmt: skip
def test_where_it_is_not_certain_a_question_means_what_it_says(
    before: str, answer: str, question: str
) -> None:
    assert meaning(question, before, answer) is None


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
def test_any_text_has_a_meaning_or_none(question: str, before: str, answer: str) -> None:
    found = meaning(question, before, answer)
    assert found is None or found.question


def test_endless_questions_take_no_time() -> None:
    for question in (
        "and " * 5000,
        "please, " * 5000,
        ", " * 5000,
        "what colour is the " * 2000,
        "is it red or " * 2000,
    ):
        meaning(question, question)


@pytest.mark.parametrize(
    "question",
    [
        "What colour is it?",
        "And what is left of it?",
        "is it red",
        "What is its shape?",
        "how big is this one",
    ],
)
def test_what_is_about_it_leaves_open_which_thing_is_meant(question: str) -> None:
    assert leaves_open(question)


@pytest.mark.parametrize(
    "question",
    ["What is it?", "What time is it?", "Is it raining?", "What colour is this?", "Color?", BEFORE],
)
def test_other_questions_mean_what_they_say(question: str) -> None:
    assert not leaves_open(question)
    assert not refers_back(question)


def test_a_word_is_spelled_letter_by_letter() -> None:
    assert spelled("red") == "red: r, e, d"
    assert spelled("traffic light 7") == "traffic light 7: t, r, a, f, f, i, c; l, i, g, h, t; 7"
    assert spelled("हिंदी") == "हिंदी: हिं, दी"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_is_sure_is_spelled_or_doubted_and_nothing_else(tag: str) -> None:
    words = language(tag)

    def said(verdict: Verdict, manner: Manner | None) -> str:
        return words.speak(verdict, ("red", "blue"), 0.95, (), manner=manner)

    told = {manner: said(Verdict.ANSWERED, manner) for manner in (None, *Manner)}
    assert told[Manner.AGAIN] == told[Manner.NAMED] == told[None]
    assert "r, e, d" in told[Manner.SPELLED]
    assert len(set(told.values())) == 3
    for verdict in (Verdict.UNSURE, Verdict.UNANSWERABLE):
        assert len({said(verdict, manner) for manner in (None, *Manner)}) == 1


def test_it_may_be_a_thing_that_is_not_there() -> None:
    """Else the colour of another thing would be told."""
    meant = meaning("What colour is it?", "Is there a star?", "no")
    assert meant is not None
    assert meant.question == "what colour is the star?"
