"""Beams of pieces become texts: joined and cleaned as BERT's decoder does, each once, with its whole probability."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces_bundles import PIECES, SPELLINGS

from asksight.engine.bundle.spelled import Speller, tempered
from asksight.ext import join_pieces

STOP = PIECES.index("[SEP]")
UNKNOWN = PIECES.index("[UNK]")


def speller(temperature: float = 1.0) -> Speller:
    return Speller(PIECES, STOP, special=(UNKNOWN,), temperature=temperature)


def rows(*pieces: str, length: int = 6) -> list[int]:
    """As a beam has them: the pieces, the stop, and what the graph leaves behind it."""
    row = [PIECES.index(piece) for piece in pieces][:length]
    return [*row, *([STOP] if len(row) < length else []), *[0] * (length - len(row) - 1)]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("red",), "red"),
        (("re", "##d"), "red"),
        (("traffic", "light", "?"), "traffic light?"),
        (("it", "'", "s", "a", "dog", "##s"), "it's a dogs"),  # all six: no stop
        (("[UNK]", "dog"), "dog"),
        ((), ""),
        (("##s",), "##s"),
        (("[UNK]",), ""),
    ],
)
def test_pieces_are_joined_up_to_the_stop(pieces: tuple[str, ...], text: str) -> None:
    assert speller().text(rows(*pieces)) == text


@given(st.lists(st.sampled_from([piece for piece in PIECES if piece not in ("[SEP]", "[UNK]")]), max_size=6))
def test_the_join_is_that_of_the_tokenizer(pieces: list[str]) -> None:
    assert speller().text(rows(*pieces)) == join_pieces(pieces)


def beams(*spelled: tuple[tuple[str, ...], float]) -> tuple[np.ndarray, np.ndarray]:
    """One question's: pieces and probability of each beam, spread over its pieces."""
    tokens = np.array([[rows(*pieces) for pieces, _ in spelled]], np.int32)
    logs = np.zeros(tokens.shape, np.float32)
    for row, (pieces, chance) in enumerate(spelled):
        logs[0, row, : len(pieces) + 1] = math.log(chance) / (len(pieces) + 1)
    return tokens, logs


def test_beams_of_one_text_are_one_answer() -> None:
    (texts,) = speller()(*beams((("blue",), 0.4), (("red",), 0.35), (("re", "##d"), 0.15), ((), 0.05)))
    assert [text for text, _ in texts] == ["red", "blue"]  # 0.5 before 0.4, and nothing of no text
    assert [chance for _, chance in texts] == pytest.approx([0.5, 0.4])


def test_what_is_no_piece_or_no_number_is_not_usable() -> None:
    tokens, logs = (np.repeat(array, 4, axis=0) for array in beams((("blue",), 0.4)))
    tokens[1, 0, 0], tokens[2, 0, 5] = len(PIECES), -1
    logs[3, 0, 0] = np.nan
    assert speller().usable(tokens, logs).tolist() == [True, False, False, False]


CHANCES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=6).map(
    lambda chances: [one / (sum(chances) * 1.01) for one in chances]
)


@given(CHANCES)
def test_a_temperature_of_one_changes_nothing(chances: list[float]) -> None:
    assert tempered(chances, 1.0) == chances


@given(CHANCES, st.floats(0.05, 20))
def test_a_temperature_keeps_the_order_and_stays_below_one(chances: list[float], temperature: float) -> None:
    heated = tempered(chances, temperature)
    assert all(0 <= one <= 1 for one in heated)
    assert sum(heated) <= 1 + 1e-9
    pairs = sorted(zip(chances, heated, strict=True))
    assert [one for _, one in pairs] == sorted(one for _, one in pairs)


@given(CHANCES, st.floats(0.2, 5))
def test_a_temperature_is_a_power_of_all_and_the_rest(chances: list[float], temperature: float) -> None:
    powers = [one ** (1 / temperature) for one in [*chances, 1 - sum(chances)]]
    assert tempered(chances, temperature) == pytest.approx([one / sum(powers) for one in powers[:-1]])


def test_a_hot_temperature_makes_the_likeliest_less_likely() -> None:
    assert tempered([0.9, 0.05], 3.0)[0] < 0.9 < tempered([0.9, 0.05], 0.5)[0]


def test_probabilities_over_one_are_brought_down() -> None:
    assert tempered([0.9, 0.3], 1.0) == pytest.approx([0.75, 0.25])


def test_a_spelling_of_each_kind_is_read() -> None:
    assert [speller().text(rows(*pieces)) for pieces in SPELLINGS] == [
        "red",
        "red",
        "blue",
        "traffic light",
        "unanswerable",
        "it's a dog",
        "dogs",
        "2",
    ]
