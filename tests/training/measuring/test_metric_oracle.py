"""The official metric against a second telling of its rules, made to be read against them and not to be quick.

The rules are those of the published evaluation program (VQA evaluation code, 2015 and its v2 release), quirks included.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vqa_files import write_vqa

from asksight.training.measuring.metric import CONTRACTIONS, PUNCTUATION, percent, vqa_accuracy
from asksight.training.measuring.results import score_results

# As the published table has them: what is written, apostrophe by apostrophe missing, and what it becomes.
_WRITTEN = """
aint arent cant couldve couldnt couldn'tve couldnt've didnt doesnt dont hadnt hadnt've hadn'tve hasnt havent hed hed've
he'dve hes howd howll hows isnt itd itd've it'dve itll maam mightnt mightnt've mightn'tve mightve mustnt mustve neednt
notve oclock oughtnt ow's'at 'ows'at 'ow'sat shant shed've she'dve shouldve shouldnt shouldnt've shouldn'tve somebody'd
somebodyd've somebody'dve somebodyll somebodys someoned someoned've someone'dve someonell someones somethingd
somethingd've something'dve somethingll thats thered thered've there'dve therere theres theyd theyd've they'dve theyll
theyre theyve twas wasnt wed've we'dve weve werent whatll whatre whats whatve whens whered wheres whereve whod whod've
who'dve wholl whos whove whyll whyre whys wont wouldve wouldnt wouldnt've wouldn'tve yall yall'll y'allll yall'd've
y'alld've y'all'dve youd youd've you'dve youll youre youve
"""
_NUMBERS = "zero one two three four five six seven eight nine ten"


def rules(predicted: str, answers: list[dict[str, Any]]) -> float:
    """Accuracy of one answer against ten that are told apart by their `answer_id`."""
    answers = copy.deepcopy(answers)
    predicted = tidy(predicted)
    for human in answers:
        human["answer"] = tidy(human["answer"])
    if any(human["answer"] != answers[0]["answer"] for human in answers):
        for human in answers:
            human["answer"] = words(marks(human["answer"]))
        predicted = words(marks(predicted))
    accuracies = []
    for left_out in answers:
        others = [human for human in answers if human != left_out]
        same = [human for human in others if human["answer"] == predicted]
        accuracies.append(min(1, len(same) / 3))
    return sum(accuracies) / len(accuracies)


def tidy(text: str) -> str:
    return "".join(" " if character in "\n\t" else character for character in text).strip()


def marks(text: str) -> str:
    thousands = any(
        text[i].isdecimal() and text[i + 1] == "," and text[i + 2].isdecimal() for i in range(len(text) - 2)
    )
    out = text
    for mark in ';/[]"{}()=+\\_-><@`,?!':
        touches = any(
            f"{mark} " in text[i : i + 2] or f" {mark}" in text[i : i + 2] for i in range(len(text))
        )
        instead = "" if touches or thousands else " "
        out = "".join(instead if character == mark else character for character in out)
    kept, removed = [], 0
    for i, character in enumerate(out):
        if character == "." and removed < 32 and not out[i + 1 : i + 2].isdecimal():
            removed += 1
        else:
            kept.append(character)
    return "".join(kept)


def words(text: str) -> str:
    out = []
    for word in text.lower().split():
        if word == "none":
            word = "0"
        elif word in _NUMBERS.split():
            word = str(_NUMBERS.split().index(word))
        if word in ("a", "an", "the"):
            continue
        out.append(CONTRACTIONS.get(word, word))
    return " ".join(out)


def humans(answers: list[str]) -> list[dict[str, Any]]:
    return [
        {"answer": answer, "answer_id": number, "answer_confidence": "yes"}
        for number, answer in enumerate(answers)
    ]


def test_the_table_of_contractions_is_the_published_one() -> None:
    assert set(CONTRACTIONS) == set(_WRITTEN.split())
    assert CONTRACTIONS["somebody'd"] == "somebodyd"
    others = {written: whole for written, whole in CONTRACTIONS.items() if written != "somebody'd"}
    assert all(whole.replace("'", "") == written.replace("'", "") for written, whole in others.items())
    assert all(whole.count("'") == written.count("'") + 1 for written, whole in others.items())


def test_the_marks_are_the_published_ones() -> None:
    assert set(PUNCTUATION) == set(';/[]"{}()=+\\_-><@`,?!')


_WORDS = (
    "yes no a The two 2 None dont Im 1,000 3. .5 3.5 u.s. - / ? it's 0 ten red Red ! ( ) . .. left-most é ٣,٤"
)
PIECES = st.sampled_from([*_WORDS.split(), " ", "  ", ", ", " ,", "\n", "\t", "\r"])
ANSWERS = st.lists(PIECES, max_size=4).map("".join)
TEN_OF_A_FEW = st.lists(ANSWERS, min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.sampled_from(few), min_size=10, max_size=10)
)


@settings(max_examples=400, deadline=None)
@given(ANSWERS, TEN_OF_A_FEW)
@example("yes", ["Yes"] * 10)
@example("Yes", ["yes"] * 9 + ["no"])
@example("." * 40, ["." * 8] * 5 + ["no"] * 5)
@example("1,000 (m)", ["1000 m"] * 4 + ["red"] * 6)
def test_both_tellings_agree(predicted: str, answers: list[str]) -> None:
    told = humans(answers)
    before = copy.deepcopy(told)
    assert vqa_accuracy(predicted, answers) == pytest.approx(rules(predicted, told), abs=1e-12)
    assert told == before


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=12), st.lists(st.text(max_size=6), min_size=2, max_size=2))
def test_both_tellings_agree_on_any_text(predicted: str, answers: list[str]) -> None:
    everybody = [answers[0]] * 4 + [answers[1]] * 3 + [predicted] * 3
    assert vqa_accuracy(predicted, everybody) == pytest.approx(rules(predicted, humans(everybody)), abs=1e-12)


def test_a_whole_file_is_scored_as_told(tmp_path: Path) -> None:
    """Overall, by answer type, by question type and each question, x 100, to two places."""
    kinds = [("what is it", "dog", 6), ("is it", "yes", 8), ("how many", "two", 9), ("is he", "no", 10)]
    others = ["dogs", "The other", "none", "1,000"]
    asked = [
        (image, question, [answer] * agreeing + others[: 10 - agreeing])
        for image, (question, answer, agreeing) in enumerate(kinds * 3, start=1)
    ]
    questions, annotations = write_vqa(tmp_path, asked=asked, photos=False)
    told = json.loads(annotations.read_text())["annotations"]
    said = ["dogs", "Yes", "2", "no"] * 2 + ["a dog.", "no", "Two", "No"]
    results = [
        {"question_id": row["question_id"], "answer": answer}
        for row, answer in zip(json.loads(questions.read_text())["questions"], said, strict=True)
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    answer_of = {row["question_id"]: row["answer"] for row in results}
    accuracy = {row["question_id"]: rules(answer_of[row["question_id"]], row["answers"]) for row in told}
    scored = score_results(tmp_path / "results.json", questions, annotations)
    assert scored.per_question == {number: round(100 * one, 2) for number, one in accuracy.items()}
    assert scored.figures["vqa"] == round(100 * sum(accuracy.values()) / len(accuracy), 2)
    for key, field in (("by_type", "question_type"), ("by_answer_type", "answer_type")):
        for kind, figures in scored.figures[key].items():
            ones = [accuracy[row["question_id"]] for row in told if row[field] == kind]
            assert (figures["vqa"], figures["count"]) == (round(100 * sum(ones) / len(ones), 2), len(ones))
    assert percent([]) == 0
