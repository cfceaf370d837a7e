"""Scores of questions whose answers are known, judged at any temperature: of a softmax, of sigmoids, or spelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asksight.engine.bundle.calibration import SEQUENCE, SIGMOID, SOFTMAX, sigmoid, softmax

from .reliability import RiskCoverage, risk_coverage

_ROWS = 4096  # at a time, so that a float64 copy of all logits is never held
_NEVER = 1e-300  # a probability of 0, as a logarithm takes it


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Questions [N] at one temperature: the best answer, and the one that says "unanswerable"."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    nothing: NDArray[np.float64]  # probability of "unanswerable"; 0 where there is no such answer
    says_nothing: NDArray[np.bool_]  # the best answer is "unanswerable"
    is_nothing: NDArray[np.bool_]  # and truly is

    def certain(self, threshold: float) -> NDArray[np.bool_]:
        """Which are ANSWERED from that probability on, [N]; none from 1 on."""
        return ~self.says_nothing & (threshold < 1) & (self.confidence >= threshold)

    def answered(self) -> RiskCoverage:
        """Of answers that say something."""
        said = ~self.says_nothing
        return risk_coverage(self.confidence[said], self.right[said], of=len(said))

    def unanswerable(self, answered: float) -> RiskCoverage:
        """Of saying "unanswerable" where nothing is answered, from a half on."""
        left = ~self.certain(answered) & (self.nothing >= 0.5)
        return risk_coverage(self.nothing[left], self.is_nothing[left], of=len(left))


class Scored(Protocol):
    """Questions with the scores of their answers."""

    @property
    def kind(self) -> str:
        """As Calibration.scores has it."""
        ...

    @property
    def says_unanswerable(self) -> bool:
        """Whether one of the answers means that."""
        ...

    def __len__(self) -> int: ...

    def loss(self, temperature: float) -> float:
        """The mean negative log-likelihood of what is right, in nats; 0 where no question can tell."""
        ...

    def judged(self, temperature: float) -> Judged: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftmaxScores:
    """Logits of listed answers, exactly one of which is right."""

    logits: NDArray[np.float32]  # [N, A]
    answers: NDArray[np.int32]  # [N], -1 where the answer is none of the list
    unanswerable: int | None
    kind: str = SOFTMAX

    @property
    def says_unanswerable(self) -> bool:
        return self.unanswerable is not None

    def __len__(self) -> int:
        return len(self.answers)

    def loss(self, temperature: float) -> float:
        """Over the answers that are known (not -1)."""
        total, count = 0.0, 0
        for rows in _chunks(len(self.logits)):
            known = self.answers[rows] >= 0
            scaled = self.logits[rows][known].astype(np.float64) / temperature
            right = scaled[np.arange(len(scaled)), self.answers[rows][known]]
            highest = scaled.max(axis=1, initial=-np.inf)
            total += float(np.sum(highest - right + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))))
            count += len(scaled)
        return total / count if count else 0.0

    def judged(self, temperature: float) -> Judged:
        """See `Scored`."""
        count = len(self.answers)
        confidence, nothing, best = np.zeros(count), np.zeros(count), np.zeros(count, np.int64)
        for rows in _chunks(count):
            probabilities = (sigmoid if self.kind == SIGMOID else softmax)(self.logits[rows], temperature)
            best[rows], confidence[rows] = probabilities.argmax(axis=1), probabilities.max(axis=1)
            if self.unanswerable is not None:
                nothing[rows] = probabilities[:, self.unanswerable]
        none = -2 if self.unanswerable is None else self.unanswerable
        return Judged(
            confidence=confidence,
            right=best == self.answers,
            nothing=nothing,
            says_nothing=best == none,
            is_nothing=self.answers == none,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SigmoidScores(SoftmaxScores):
    """Logits of listed answers that were trained to be judged one by one; several may be fitting.

    The temperature is that of the best answer: all others are rightly far below it, and would drown it.
    """

    kind: str = SIGMOID

    def loss(self, temperature: float) -> float:
        """Of whether the best answer is right; an answer that is none of the list makes it wrong."""
        if not len(self.answers):
            return 0.0
        best = self.logits.argmax(axis=1)
        score = self.logits[np.arange(len(best)), best].astype(np.float64) / temperature
        return float(np.logaddexp(0.0, np.where(best == self.answers, -score, score)).mean())


class SpelledScores:
    """Probabilities of texts at temperature 1; what they leave of 1 is one answer more, which is any other text."""

    kind = SEQUENCE

    def __init__(
        self,
        texts: Sequence[Sequence[tuple[str, float]]],
        right: Sequence[Sequence[bool]],
        *,
        unanswerable: str | None,
        is_nothing: NDArray[np.bool_],
    ) -> None:
        """`right` says of each text whether it is; `is_nothing` [N] whether "unanswerable" is."""
        width = max(map(len, texts), default=0)
        chances = np.zeros((len(texts), width + 1))  # the rest last
        self._right = np.zeros((len(texts), width + 1), bool)
        self._nothing = np.zeros((len(texts), width + 1), bool)
        for row, (spelled, fits) in enumerate(zip(texts, right, strict=True)):
            chances[row, : len(spelled)] = [chance for _, chance in spelled]
            self._right[row, : len(spelled)] = fits
            self._nothing[row, : len(spelled)] = [text == unanswerable for text, _ in spelled]
        chances[:, -1] = np.maximum(1.0 - chances.sum(axis=1), 0.0)
        self._spelled = chances[:, :-1] > 0
        self._logs = np.log(np.maximum(chances, _NEVER))
        self._logs[:, :-1][~self._spelled] = -np.inf
        self._is_nothing = is_nothing
        self.says_unanswerable = unanswerable is not None

    def __len__(self) -> int:
        return len(self._logs)

    def loss(self, temperature: float) -> float:
        """Where no text is right, the rest is."""
        if not len(self):
            return 0.0
        right = self._right.copy()
        right[~right.any(axis=1), -1] = True
        scaled = self._logs / temperature
        chosen = np.logaddexp.reduce(np.where(right, scaled, -np.inf), axis=1)
        return float((np.logaddexp.reduce(scaled, axis=1) - chosen).mean())

    def judged(self, temperature: float) -> Judged:
        """See `Scored`; a question for which nothing was spelled counts as one that says "unanswerable"."""
        count = len(self)
        chances = softmax(self._logs, temperature)[:, :-1] * self._spelled
        if not chances.shape[1]:
            chances = np.zeros((count, 1))
        best, rows = chances.argmax(axis=1), np.arange(count)
        none = ~self._spelled.any(axis=1)
        return Judged(
            confidence=chances[rows, best],
            right=self._right[rows, best],
            nothing=(chances * self._nothing[:, : chances.shape[1]]).sum(axis=1),
            says_nothing=self._nothing[rows, best] | none,
            is_nothing=self._is_nothing,
        )


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, count, _ROWS))
