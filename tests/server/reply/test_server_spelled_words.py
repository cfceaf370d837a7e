"""Spelled and sigmoid scores become verdicts; a model that nobody has measured is never certain, and says so."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pieces_bundles import PIECES

from asksight.engine import Calibration
from asksight.engine.bundle.calibration import Verdict
from asksight.engine.bundle.spelled import Speller
from asksight.photos.flaws import FlawKind
from asksight.server.reply.spoken import LANGUAGES, PhotoIssue, language
from asksight.server.reply.verdict import Judgement, ListedJudge, SpelledJudge

STOP = PIECES.index("[SEP]")
MEASURED = Calibration(scores="sequence", answered_threshold=0.6, unanswerable_threshold=0.4)
TEXTS = {"red": ["red"], "blue": ["blue"], "unanswerable": ["un", "##answer", "##able"], "": []}


def beams(*questions: dict[str, float]) -> list[NDArray[np.generic]]:
    """Tokens and log-probabilities [N, 3, 4]; beams that are not given have hardly any probability and no text."""
    tokens = np.full((len(questions), 3, 4), STOP, np.int32)
    logs = np.zeros(tokens.shape, np.float32)
    logs[..., 0] = -50.0
    for question, chances in enumerate(questions):
        for beam, (text, chance) in enumerate(chances.items()):
            pieces = [PIECES.index(piece) for piece in TEXTS[text]]
            tokens[question, beam, : len(pieces)] = pieces
            logs[question, beam, 0] = math.log(chance)
    return [tokens, logs]


def judged(
    calibration: Calibration,
    *questions: dict[str, float],
    nothing: str | None = "unanswerable",
    top_k: Sequence[int] | None = None,
) -> list[Judgement | None]:
    judge = SpelledJudge(Speller(PIECES, STOP), nothing, calibration)
    return judge(beams(*questions), top_k or [5] * len(questions))


CASES = [
    ({"red": 0.7, "blue": 0.1}, Verdict.ANSWERED, ["red", "blue"], 0.7),
    ({"red": 0.5, "blue": 0.1}, Verdict.UNSURE, ["red", "blue"], 0.5),
    ({"unanswerable": 0.9, "blue": 0.05}, Verdict.UNANSWERABLE, ["blue"], 0.9),
    ({"red": 0.45, "unanswerable": 0.42}, Verdict.UNANSWERABLE, ["red"], 0.45),
    ({"unanswerable": 0.39, "blue": 0.05}, Verdict.UNSURE, ["blue"], 0.39),
    ({"": 0.99}, Verdict.UNSURE, [], 0.0),
]


@pytest.mark.parametrize(("chances", "verdict", "likeliest", "probability"), CASES)
def test_the_verdict_follows_the_probabilities_of_the_texts(
    chances: dict[str, float], verdict: Verdict, likeliest: list[str], probability: float
) -> None:
    (found,) = judged(MEASURED, chances)
    assert found is not None
    assert (found.verdict, found.likeliest) == (verdict, likeliest)
    assert found.probability == pytest.approx(probability, abs=1e-6)
    assert [text for text, _ in found.answers] == [text for text in chances if text]


def test_a_model_without_unanswerable_says_the_word_like_any_other() -> None:
    (found,) = judged(MEASURED, {"unanswerable": 0.9}, nothing=None)
    assert found is not None
    assert (found.verdict, found.likeliest) == (Verdict.ANSWERED, ["unanswerable"])


def test_a_batch_is_judged_row_by_row() -> None:
    together = judged(MEASURED, *(chances for chances, *_ in CASES), top_k=[1, 2, 3, 100, 1, 1])
    for (chances, verdict, likeliest, _), one in zip(CASES, together, strict=True):
        (alone,) = judged(MEASURED, chances)
        assert one is not None
        assert alone is not None
        assert (one.verdict, one.likeliest, one.probability) == (verdict, likeliest, alone.probability)
    assert [len(one.answers) for one in together if one] == [1, 2, 2, 2, 1, 0]


@pytest.mark.parametrize("harm", ["nan", "beyond"])
def test_a_row_that_is_no_answer_fails_alone(harm: str) -> None:
    tokens, logs = beams({"red": 0.7}, {"red": 0.7}, {"red": 0.7})
    if harm == "nan":
        logs[1, 2, 3] = np.nan
    else:
        tokens[1, 2, 3] = len(PIECES)
    judge = SpelledJudge(Speller(PIECES, STOP), None, MEASURED)
    found = judge([tokens, logs], [1, 1, 1])
    assert [one is None for one in found] == [False, True, False]


def test_a_listed_row_of_nan_fails_alone() -> None:
    scores = np.zeros((3, 2), np.float32)
    scores[1, 0] = np.nan
    found = ListedJudge(("a", "b"), None, Calibration())([scores], [1, 1, 1])
    assert [one is None for one in found] == [False, True, False]


def test_sigmoid_scores_are_each_answers_own() -> None:
    calibration = Calibration(scores="sigmoid", temperature=2.0, answered_threshold=0.6)
    logits = np.array([[4.0, 3.0, -800.0]], np.float32)
    (found,) = ListedJudge(("a", "b", "c"), None, calibration)([logits], [3])
    assert found is not None
    assert [value for _, value in found.answers] == pytest.approx(
        [1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-1.5)), 0.0]
    )
    assert found.verdict is Verdict.ANSWERED


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=9), st.floats(0.05, 20))
def test_sigmoids_stay_between_0_and_1_and_keep_the_order(scores: list[float], temperature: float) -> None:
    values = Calibration(scores="sigmoid", temperature=temperature).probabilities(np.array(scores))
    assert ((values >= 0) & (values <= 1)).all()
    assert values[np.argmax(scores)] == values.max()


@pytest.mark.parametrize(("chances", "verdict", "likeliest", "probability"), CASES)
def test_what_nobody_has_measured_is_never_answered(
    chances: dict[str, float], verdict: Verdict, likeliest: list[str], probability: float
) -> None:
    (found,) = judged(Calibration(scores="sequence", unanswerable_threshold=0.4, calibrated=False), chances)
    assert found is not None
    assert found.verdict is (Verdict.UNSURE if verdict is Verdict.ANSWERED else verdict)


DARK = PhotoIssue(kind=FlawKind.DARK, severity=0.9, hint="It is very dark. Turn on a light.")


@pytest.mark.parametrize(
    ("likeliest", "issues", "said"),
    [
        (("red", "blue"), (), "It may be red or blue. Nobody has measured how often I am right."),
        (("red",), (), "It may be red. Nobody has measured how often I am right."),
        (("red",), (DARK,), f"It may be red. Nobody has measured how often I am right. {DARK.hint}"),
        ((), (), "I cannot tell from this photo."),
    ],
)
def test_it_says_why(likeliest: tuple[str, ...], issues: tuple[PhotoIssue, ...], said: str) -> None:
    assert language("en").speak(Verdict.UNSURE, likeliest, 0.9, issues, calibrated=False) == said


@pytest.mark.parametrize("tag", LANGUAGES)
def test_it_says_why_in_every_language(tag: str) -> None:
    for likeliest in (("red", "blue"), ("red",)):
        guess, unsure = (
            language(tag).speak(Verdict.UNSURE, likeliest, 0.9, (), calibrated=calibrated)
            for calibrated in (False, True)
        )
        assert guess != unsure
        assert all(name in guess for name in likeliest)
        assert not set(guess) & set("{}%0123456789")
