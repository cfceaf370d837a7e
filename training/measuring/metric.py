"""The official VQA accuracy, quirks included, one pure function a step.

The metric: Antol et al. 2015, "VQA: Visual Question Answering", section 3. What its published program really
computes (VQA evaluation code, A. Agrawal after T.-Y. Lin's COCO evaluation, VQA v2 release) goes beyond the
paper, and is followed to the letter here, so that figures can be compared: the steps below say where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

PUNCTUATION = (
    ";",
    "/",
    "[",
    "]",
    '"',
    "{",
    "}",
    "(",
    ")",
    "=",
    "+",
    "\\",
    "_",
    "-",
    ">",
    "<",
    "@",
    "`",
    ",",
    "?",
    "!",
)
NUMBERS = {"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5"} | {
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10"
}  # fmt: skip
ARTICLES = frozenset({"a", "an", "the"})

# Written with their apostrophes; one that lacks any single one of them is completed. The published table has a
# few with capitals as well, which can never match, since the words are in lower case by then.
_CONTRACTIONS = """
    ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's
    isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've o'clock oughtn't shan't should've
    shouldn't somebody'll somebody's someone'd someone'll someone's something'd something'll that's there'd
    there're there's they'd they'll they're they've 'twas wasn't we've weren't what'll what're what's what've
    when's where'd where's where've who'd who'll who's who've why'll why're why's won't would've wouldn't y'all
    you'd you'll you're you've
    couldn't've hadn't've he'd've it'd've mightn't've 'ow's'at she'd've shouldn't've somebody'd've someone'd've
    something'd've there'd've they'd've we'd've who'd've wouldn't've y'all'll y'all'd've you'd've
"""


def _completions(contractions: Sequence[str]) -> dict[str, str]:
    table = {"somebody'd": "somebodyd"}  # the wrong way round in the published table
    for word in contractions:
        for place in (match.start() for match in re.finditer("'", word)):
            table[word[:place] + word[place + 1 :]] = word
    return table


CONTRACTIONS = _completions(_CONTRACTIONS.split())
_DIGIT_COMMA_DIGIT = re.compile(r"\d,\d")
_PERIOD = re.compile(
    r"\.(?!\d)"
)  # the published pattern also means to spare "3.", but its lookbehind is a typo
_PERIODS_REMOVED = 32  # re.UNICODE, handed over as a count by mistake


def strip_breaks(answer: str) -> str:
    """Newlines and tabs become blanks, then both ends are stripped; this happens to every answer."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


def process_punctuation(answer: str) -> str:
    """Each mark goes where it touches a blank anywhere, or where any digit,comma,digit occurs; else it is a blank."""
    thousands = _DIGIT_COMMA_DIGIT.search(answer) is not None
    out = answer
    for mark in PUNCTUATION:
        beside_blank = f"{mark} " in answer or f" {mark}" in answer
        out = out.replace(mark, "" if beside_blank or thousands else " ")
    return _PERIOD.sub("", out, count=_PERIODS_REMOVED)


def process_words(answer: str) -> str:
    """Lower case; number words as digits; no articles; contractions with their apostrophes."""
    words = [NUMBERS.get(word, word) for word in answer.lower().split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


@lru_cache(maxsize=1 << 16)
def normalise(answer: str) -> str:
    """Both steps of normalisation, on an answer whose breaks are stripped."""
    return process_words(process_punctuation(answer))


def vqa_accuracy(predicted: str, answers: Sequence[str]) -> float:
    """Accuracy of one answer against everybody's (ten in VQA), 0 to 1: Antol et al. 2015, section 3.

    For each human, the others who gave the same answer are counted: min(1, matches / 3); then the mean. Answers
    are normalised, prediction and humans alike, only where the humans are not all of one mind.
    Raises ValueError if there are no answers.
    """
    if not answers:
        raise ValueError("there are no answers to compare with")
    humans = [strip_breaks(answer) for answer in answers]
    predicted = strip_breaks(predicted)
    if len(set(humans)) > 1:
        humans = [normalise(answer) for answer in humans]
        predicted = normalise(predicted)
    return _agreement(predicted, humans)


def vizwiz_accuracy(predicted: str, answers: Sequence[str]) -> float:
    """VizWiz's accuracy, 0 to 1: the same mean, but the prediction is always normalised, and the humans never are.

    So its published program does (VizWiz Python API, Q. Li, after the VQA evaluation code): its answers were
    normalised before they were published. Raises ValueError if there are no answers.
    """
    if not answers:
        raise ValueError("there are no answers to compare with")
    return _agreement(normalise(strip_breaks(predicted)), answers)


def _agreement(predicted: str, humans: Sequence[str]) -> float:
    matches = humans.count(predicted)
    # A human who said the same has one match fewer: he is not compared with himself.
    scores = [min(1.0, (matches - (human == predicted)) / 3) for human in humans]
    return sum(scores) / len(scores)


def percent(accuracies: Sequence[float]) -> float:
    """The mean in percent, rounded to two places as the official program does; 0 for none."""
    return round(100 * sum(accuracies) / len(accuracies), 2) if accuracies else 0.0
