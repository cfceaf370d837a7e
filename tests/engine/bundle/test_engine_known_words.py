"""Which words a set of questions knows, and how much of another question lies outside of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksight.engine.bundle.known_words import FUNCTION_WORDS, KnownWords, count_words

ASKED = [
    "What colour is the star?",
    "What shape is the red thing?",
    "How many stars are there?",
    "What is this?",
]
KNOWN = KnownWords(count_words(ASKED), len(ASKED))


def test_what_was_asked_is_inside_whatever_its_case_and_marks() -> None:
    assert [KNOWN.outside(question) for question in (*ASKED, "WHAT COLOUR, is the red star", "")] == [0.0] * 6


def test_a_word_that_nobody_asked_about_is_outside() -> None:
    assert KNOWN.outside("What breed is the dog?") > 0.7
    assert KNOWN.outside("dog") == 1.0
    assert KNOWN.outside("Is the dog barking?") == 1.0  # grammar is all that is known of it


def test_words_weigh_by_how_rare_they_are() -> None:
    # log(5) for what is unknown, log(5 / 2) for "red", in one of four; "what" in three, "is" in three, "the" in two.
    inside = math.log(5 / 2) + 2 * math.log(5 / 4) + math.log(5 / 3)
    assert KNOWN.outside("what is the red dog") == pytest.approx(math.log(5) / (math.log(5) + inside))
    assert KNOWN.outside("what shape is the dog") > KNOWN.outside("what shape is the red dog")


def test_grammar_courtesy_and_plurals_are_no_topic() -> None:
    assert KNOWN.outside("Hello, could you please tell me what colour these things have?") == 0.0
    assert KNOWN.outside("What shapes?") == 0.0
    assert not {"who", "when", "where", "why"} & FUNCTION_WORDS


def test_grammar_alone_is_a_question_only_where_it_asks_what_something_is() -> None:
    known = KnownWords(count_words(["What is this?", "Is it a star?"]), 2)
    for question in ("What is it?", "what's that", "Can you tell me what these are?", "What is there?"):
        assert known.outside(question) == 0.0, question
    for none in ("thank you", "a", "of of of?", "is it", "what what", "What?", "Yes please."):
        assert known.outside(none) == 1.0, none


@pytest.mark.parametrize("word", ["star", "red", "what", "is"])
def test_one_word_again_and_again_is_no_question(word: str) -> None:
    assert KNOWN.outside(f"{word} {word.upper()}, {word}?") == 1.0
    assert KNOWN.outside("red star?") == 0.0


def test_what_turns_an_answer_round_or_says_of_how_many_is_no_mere_grammar() -> None:
    for question in ("Is this not red?", "Is there no star?", "Is only the star red?", "Are all stars red?"):
        assert KNOWN.outside(question) > 0.2
    assert (
        KnownWords(count_words(["Is there no star?"]), 1).outside("Is there no star?") == 0.0
    )  # once it is known


@given(st.text(max_size=200))
def test_it_is_a_share_of_any_text(text: str) -> None:
    assert 0.0 <= KNOWN.outside(text) <= 1.0
