"""What is told of one answer's scores: the answers, whether they may be said, and a sentence in the ask's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from asksight.engine import Bundle

from .asks import Answer, Ask, PhotoIssue, Skill, Verdict
from .photo_flaws import Flaw
from .skills import missing_skill
from .spoken import language
from .verdict import Judge

DEFAULT_TOP_K = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """The part of a reply that a person hears or reads."""

    answers: tuple[Answer, ...]
    verdict: Verdict
    spoken: str
    photo_issues: tuple[PhotoIssue, ...]  # worst first
    missing_skill: Skill | None


class Teller:
    """Tells what one bundle's scores mean. Read-only, thread-safe."""

    def __init__(self, bundle: Bundle) -> None:
        self._judge = Judge(bundle.answers, bundle.unanswerable, bundle.calibration)
        self._skills = frozenset(bundle.skills)

    def __call__(self, logits: NDArray[Any], ask: Ask, flaws: Sequence[Flaw]) -> Told:
        """Tell one row of scores [A]; `flaws` are the photo's, worst first."""
        words = language(ask.locale)
        issues = tuple(
            PhotoIssue(kind=flaw.kind, severity=flaw.severity, hint=words.hint(flaw.kind)) for flaw in flaws
        )
        missing = missing_skill(ask.question, self._skills)
        if missing is not None:  # whatever it would answer: nobody is to rely on it
            return Told(
                answers=(),
                verdict=Verdict.UNANSWERABLE,
                spoken=words.cannot(missing),
                photo_issues=issues,
                missing_skill=missing,
            )
        answers, verdict, likeliest = self._judge(logits, ask.top_k or DEFAULT_TOP_K)
        spoken = words.speak(verdict, likeliest, answers[0].probability, issues)
        return Told(answers=answers, verdict=verdict, spoken=spoken, photo_issues=issues, missing_skill=None)
