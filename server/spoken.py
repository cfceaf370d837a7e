"""The sentences that are read aloud, by language: certainty is said in words, never as a number.

A new language is one more entry of SENTENCES, with every field filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .asks import PhotoIssue, PhotoIssueKind, Verdict

CERTAIN = 0.9  # below it an answer is said to be probable


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """One language. {first} and {second} stand for answers."""

    certain: str
    probable: str
    one_of: str
    maybe: str  # where there is but one alternative
    unanswerable: str
    hints: Mapping[PhotoIssueKind, str]


SENTENCES = {
    "en": Sentences(
        certain="{first}.",
        probable="probably {first}.",
        one_of="I cannot tell. It could be {first} or {second}.",
        maybe="I cannot tell. It could be {first}.",
        unanswerable="I cannot tell from this photo.",
        hints={
            PhotoIssueKind.DARK: "It is very dark. Turn on a light.",
            PhotoIssueKind.BRIGHT: "It is very bright. Turn away from the light.",
            PhotoIssueKind.BLURRED: "It is blurred. Hold the phone still.",
            PhotoIssueKind.TINY: "It is very small. Send a larger photo.",
        },
    ),
}
FALLBACK = "en"
LONGEST_TAG = 35  # RFC 5646, 4.4.1: what a tag of any sense fits in


def sentences(locale: str) -> Sentences:
    """The language nearest to a BCP 47 tag: "de-CH" falls to "de", what is unknown or malformed to English."""
    tag = locale[:LONGEST_TAG].strip().lower().replace("_", "-")
    while tag and tag not in SENTENCES:
        tag = tag.rpartition("-")[0]  # RFC 4647, 3.4: lookup cuts the tag at its end
    return SENTENCES[tag or FALLBACK]


def speak(
    words: Sentences,
    verdict: Verdict,
    likeliest: Sequence[str],
    probability: float,
    issues: Sequence[PhotoIssue],
) -> str:
    """Say the verdict; `likeliest` are the best answers, `issues` the photo's, both best or worst first."""
    if verdict is Verdict.UNANSWERABLE:
        return " ".join([words.unanswerable, *(issue.hint for issue in issues[:1])])
    if verdict is Verdict.ANSWERED:
        return (words.certain if probability >= CERTAIN else words.probable).format(first=likeliest[0])
    if len(likeliest) > 1:
        return words.one_of.format(first=likeliest[0], second=likeliest[1])
    return words.maybe.format(first=likeliest[0]) if likeliest else words.unanswerable
