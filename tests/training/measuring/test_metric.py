"""The official VQA accuracy, step by step, quirks included.

Expected values were worked out by hand from the published program's rules.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksight.training.measuring.metric import (
    CONTRACTIONS,
    normalise,
    percent,
    process_punctuation,
    process_words,
    strip_breaks,
    vqa_accuracy,
)


def test_breaks_become_blanks_and_ends_go() -> None:
    assert strip_breaks(" a\nb\tc \n") == "a b c"
    assert strip_breaks("a\r\nb") == "a\r b"  # a carriage return is no newline to the published program


@pytest.mark.parametrize(
    ("answer", "processed"),
    [
        ("red/blue", "red blue"),  # touches no blank: becomes one
        ("red / blue", "red  blue"),  # touches one: goes
        ("red/blue / green", "redblue  green"),  # touches one anywhere: goes everywhere
        ("what?", "what "),
        ("what ?", "what "),
        ("1,000", "1000"),  # digit, comma, digit: every mark goes
        ("1,000-2", "10002"),
        ("a-b 1,0", "ab 10"),
        ("it's", "it's"),  # the apostrophe is no mark
        ("a:b", "a:b"),  # nor is the colon
        ("3.", "3"),
        ("3.5", "3.5"),
        (".5", ".5"),
        ("u.s.a.", "usa"),
        ("3.a", "3a"),
        ("." * 40, "." * 8),  # only the first 32 periods go
        ("", ""),
    ],
)
def test_punctuation(answer: str, processed: str) -> None:
    assert process_punctuation(answer) == processed


@pytest.mark.parametrize(
    ("answer", "processed"),
    [
        ("Two Dogs", "2 dogs"),
        ("none", "0"),
        ("zero", "0"),
        ("ten", "10"),
        ("eleven", "eleven"),
        ("a dog on THE rug", "dog on rug"),
        ("an", ""),
        ("dont", "don't"),
        ("Im here", "im here"),  # the table's capitals never match
        ("its", "its"),
        ("shes", "shes"),
        ("couldnt've", "couldn't've"),
        ("couldn'tve", "couldn't've"),
        ("couldntve", "couldntve"),
        ("yall'd've", "y'all'd've"),
        ("ow's'at", "'ow's'at"),
        ("twas", "'twas"),
        ("somebody'd", "somebodyd"),
        ("  many   blanks ", "many blanks"),
    ],
)
def test_words(answer: str, processed: str) -> None:
    assert process_words(answer) == processed


def test_the_table_completes_one_apostrophe() -> None:
    for short, whole in CONTRACTIONS.items():
        if short != "somebody'd":
            assert short.replace("'", "") == whole.replace("'", "")
            assert whole.count("'") - short.count("'") == 1
    # The published table has 120: 4 with capitals can never match, 2 change nothing.
    assert len(CONTRACTIONS) == 114


def test_both_steps() -> None:
    assert normalise("The U.S. Flag!") == "us flag"
    assert normalise("Two, three") == "2 3"


def test_agreement_in_thirds() -> None:
    """Ten humans, k of whom say red: those k are compared with k - 1, the others with k."""
    for count, wanted in ((0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (9, 1.0)):
        humans = ["red"] * count + [f"other{i}" for i in range(10 - count)]
        assert vqa_accuracy("red", humans) == pytest.approx(wanted)


def test_unanimous_humans_are_not_normalised() -> None:
    """The published program normalises only where the humans differ; so case and articles count here."""
    assert vqa_accuracy("Yes", ["yes"] * 10) == 0.0
    assert vqa_accuracy("yes", ["yes"] * 10) == 1.0
    assert vqa_accuracy("the cat", ["cat"] * 10) == 0.0
    assert vqa_accuracy("Yes", ["yes"] * 9 + ["no"]) == 1.0
    assert vqa_accuracy(" cat\n", ["cat\t"] * 10) == 1.0  # breaks and ends go always


def test_humans_are_normalised_too() -> None:
    assert vqa_accuracy("2", ["two", "Two", "2", "2.", "a two", "3", "3", "3", "3", "4"]) == 1.0


def test_humans_stay_as_they_were() -> None:
    humans = ["Two", "two"] * 5
    vqa_accuracy("2", humans)
    assert humans == ["Two", "two"] * 5


def test_no_humans() -> None:
    with pytest.raises(ValueError, match="no answers"):
        vqa_accuracy("red", [])


@given(st.text(), st.lists(st.text(), min_size=1, max_size=12))
def test_accuracy_is_a_share(answer: str, humans: list[str]) -> None:
    assert 0.0 <= vqa_accuracy(answer, humans) <= 1.0


@given(st.lists(st.sampled_from(["red", "Red", "a red", "blue", "2", "two"]), min_size=10, max_size=10))
def test_it_is_the_definition(humans: list[str]) -> None:
    """Leave each human out in turn, as the paper's appendix has it."""
    answer = "red"
    said = humans if len(set(humans)) == 1 else [normalise(human) for human in humans]
    scores = [min(1.0, (said[:i] + said[i + 1 :]).count(answer) / 3) for i in range(10)]
    assert vqa_accuracy(answer, humans) == sum(scores) / 10


def test_percent() -> None:
    assert percent([1.0, 0.0, 0.0]) == 33.33
    assert percent([]) == 0.0
