"""Which questions are asked on, how scores become a verdict, and how it is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from asksight.engine import Calibration
from asksight.engine.bundle.calibration import Verdict, softmax
from asksight.photos.flaws import FlawKind
from asksight.server.core.questions import check_question
from asksight.server.errors import InvalidAsk
from asksight.server.reply.spoken import PhotoIssue, language
from asksight.server.reply.verdict import LIKELIEST, Judgement, ListedJudge

ANSWERS = ("red", "orange", "unanswerable", "2")
CALIBRATION = Calibration(temperature=2.0, answered_threshold=0.6, unanswerable_threshold=0.4)


@pytest.mark.parametrize(
    "question",
    [
        "What colour is the bus?",
        "?",
        "Welche Farbe hat der Käfer, über den wir sprachen?",
        "ما لون الحافلة؟",
        "‏מה הצבע?‏",  # with right-to-left marks
        "👩‍👩‍👧 how many?",  # joined by zero-width joiners
        "这是什么",
        "what is\tthis\nhere?\r\n",
        "e\u0301",
        "x" * 1000,
    ],
)
def test_ordinary_questions_are_asked(question: str) -> None:
    check_question(question, max_chars=1000)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "empty"),
        ("   \t\n", "empty"),
        ("\u00a0\u2003\u3000", "empty"),
        ("\u200b\u200d\ufeff", "empty"),
        ("x" * 5000, "5000 characters; at most 1000"),
        ("what\0is this", "U\\+0000 as its character 5"),
        ("what\x1b[31m", "U\\+001B"),
        ("what\x7f", "U\\+007F"),
        ("what\x85", "U\\+0085"),
        ("half \ud83d of a pair", "U\\+D83D"),
    ],
)
def test_others_are_refused_on_their_field(question: str, said: str) -> None:
    with pytest.raises(InvalidAsk, match=said) as refused:
        check_question(question, max_chars=1000)
    assert refused.value.field == "question"
    assert refused.value.message.isprintable()


@given(st.text(max_size=50))
def test_any_text_is_asked_or_refused(question: str) -> None:
    try:
        check_question(question, max_chars=40)
    except InvalidAsk:
        return
    assert question.strip()
    assert len(question) <= 40


def logits_of(*probabilities: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Scores that come out as these probabilities under CALIBRATION."""
    return np.asarray(np.log(probabilities) * CALIBRATION.temperature, np.float32)


def judged(
    calibration: Calibration,
    logits: NDArray[np.float32],
    top_k: Sequence[int],
    answers: Sequence[str] = ANSWERS,
    *,
    nothing: str | None = "unanswerable",
) -> list[Judgement]:
    found = ListedJudge(answers, nothing, calibration)([logits], top_k)
    assert None not in found
    return [one for one in found if one is not None]


CASES = [
    ((0.7, 0.1, 0.1, 0.1), Verdict.ANSWERED),
    ((0.5, 0.3, 0.1, 0.1), Verdict.UNSURE),
    ((0.1, 0.1, 0.7, 0.1), Verdict.UNANSWERABLE),
    ((0.45, 0.05, 0.45, 0.05), Verdict.UNANSWERABLE),
    ((0.2, 0.25, 0.35, 0.2), Verdict.UNSURE),  # the likeliest, and yet not likely enough
]


@pytest.mark.parametrize(("probabilities", "verdict"), CASES)
def test_the_verdict_follows_the_bundles_thresholds(
    probabilities: tuple[float, ...], verdict: Verdict
) -> None:
    (found,) = judged(CALIBRATION, logits_of(*probabilities)[None], [4])
    assert found.verdict is verdict
    ranked = sorted(probabilities, reverse=True)
    assert [value for _, value in found.answers] == pytest.approx(ranked, abs=1e-6)
    assert found.probability == pytest.approx(ranked[0], abs=1e-6)


def test_a_batch_is_judged_row_by_row() -> None:
    rows = np.stack([logits_of(*probabilities) for probabilities, _ in CASES])
    wanted = [1, 2, 3, 4, 100]
    together = judged(CALIBRATION, rows, wanted)
    assert [one.verdict for one in together] == [verdict for _, verdict in CASES]
    assert [len(one.answers) for one in together] == [1, 2, 3, 4, 4]
    for row, count, one in zip(rows, wanted, together, strict=True):
        (alone,) = judged(CALIBRATION, row[None], [count])
        assert labels(alone) == labels(one)
        assert alone.likeliest == one.likeliest


def test_top_k_is_clipped_and_ties_keep_their_order() -> None:
    for count in (100, 1):
        (found,) = judged(Calibration(), np.zeros((1, 4), np.float32), [count], nothing=None)
        assert labels(found) == list(ANSWERS)[:count]


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 9), st.integers(2, 40))
def test_many_answers_are_ranked_as_by_sorting_them_all(
    seed: int, top_k: int, rows: int, values: int
) -> None:
    random = np.random.default_rng(seed)
    names = [f"answer {number}" for number in range(400)]
    scores = random.integers(0, values, (rows, len(names))).astype(np.float32)  # many are equal
    order = np.argsort(-scores, axis=1, kind="stable")
    found = judged(Calibration(), scores, [top_k] * rows, names, nothing=None)
    assert [labels(one) for one in found] == [[names[i] for i in row[:top_k]] for row in order]
    assert [one.likeliest for one in found] == [[names[i] for i in row[: LIKELIEST - 1]] for row in order]


def labels(one: Judgement) -> list[str]:
    return [label for label, _ in one.answers]


def test_unanswerable_is_no_alternative() -> None:
    (found,) = judged(CALIBRATION, logits_of(0.3, 0.25, 0.35, 0.1)[None], [1])
    assert found.likeliest == ["red", "orange"]


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=50), st.floats(0.05, 20))
def test_probabilities_sum_to_one_and_keep_the_order(scores: list[float], temperature: float) -> None:
    logits = np.asarray(scores)
    probabilities = softmax(logits, temperature)
    assert probabilities.sum() == pytest.approx(1.0)
    assert probabilities[np.argmax(logits)] == probabilities.max()


ENGLISH = language("en")
DARK, FAINT = (
    PhotoIssue(kind=FlawKind.DARK, severity=severity, hint=ENGLISH.hint(FlawKind.DARK))
    for severity in (0.9, 0.2)
)
HINT = "It is very dark. Turn on a light."


@pytest.mark.parametrize(
    ("verdict", "likeliest", "probability", "issue", "said"),
    [
        (Verdict.ANSWERED, ("red", "orange"), 0.97, FAINT, "red."),
        (Verdict.ANSWERED, ("red", "orange"), 0.7496, FAINT, "probably red."),
        (Verdict.ANSWERED, ("red", "orange"), 0.97, DARK, f"red, as far as I can see. {HINT}"),
        (Verdict.ANSWERED, ("red", "orange"), 0.7496, DARK, f"perhaps red. {HINT}"),
        (Verdict.UNSURE, ("red", "orange"), 0.4, FAINT, "I cannot tell. It could be red or orange."),
        (Verdict.UNSURE, ("red", "orange"), 0.4, DARK, f"I cannot tell. It could be red or orange. {HINT}"),
        (Verdict.UNSURE, ("red",), 0.4, None, "I cannot tell. It could be red."),
        (Verdict.UNSURE, (), 0.4, None, "I cannot tell from this photo."),
        (Verdict.UNANSWERABLE, ("red", "orange"), 0.9, DARK, f"I cannot tell from this photo. {HINT}"),
        (Verdict.UNANSWERABLE, (), 0.9, None, "I cannot tell from this photo."),
    ],
)
def test_certainty_is_said_in_words(
    verdict: Verdict, likeliest: tuple[str, ...], probability: float, issue: PhotoIssue | None, said: str
) -> None:
    assert ENGLISH.speak(verdict, likeliest, probability, [issue] if issue else []) == said
