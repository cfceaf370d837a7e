"""What comes in: one ask, as every face hands it to the assistant; and what is said about the model that answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from asksight.engine.bundle import NO_CARD, Card, Source

from .core.row_queue import NEVER_S
from .limits import Limits

EARLY_S = 0.005  # uvloop's timers fire up to 1.2 ms early


class Manner(StrEnum):
    """How a question about the turn before it is answered."""

    AGAIN = "again"  # as it was
    SPELLED = "spelled"  # letter by letter
    DOUBTED = "doubted"  # with how sure it is
    NAMED = "named"  # like any question: only what it is about was named for it


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One question about one photo, given as the file's bytes or by the image_id of an earlier reply."""

    question: str
    photo: bytes | memoryview | None = None  # a JPEG, PNG or WebP file as it lies on disk
    image_id: str | None = None  # lower-case hex SHA-256 of an earlier photo's bytes
    top_k: int = 5  # 0 means 5; more than there are means all
    locale: str = "en"  # BCP 47, the language of `spoken`
    model: str = ""  # which of the served models; empty means the default
    previous_question: str = ""  # of the turn before, about the same photo; empty where there was none
    previous_answer: str = ""  # its best answer; empty where it was not ANSWERED
    manner: Manner | None = (
        None  # of a question that was taken for the one that is here; None: as it was asked
    )
    want_attention: bool = False  # whether to say where the model looked
    caller: str = ""  # whose share of the decoders it takes; the same for all asks of one caller
    deadline_s: float | None = None  # by the monotonic clock, when nobody waits any more; None: never

    @property
    def until_s(self) -> float:
        """The deadline as a number."""
        return NEVER_S if self.deadline_s is None else self.deadline_s


def expired(deadline_s: float | None) -> bool:
    """Whether who leaves now leaves because of its deadline; timers, and clients' own clocks, are a little early."""
    return deadline_s is not None and time.monotonic() >= deadline_s - EARLY_S


class Skill(StrEnum):
    """What people ask for and what only some models may claim to do."""

    READ_TEXT = "read_text"
    MEDICINE = "medicine"
    MONEY = "money"
    ROAD = "road"  # whether it is safe to cross


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFallback:
    """A plan of a stage that could not be taken, so that another engine has its place."""

    stage: str  # "encoder" or "answerer"
    cause: str  # a word, as in "missing"; see asksight.engine.plans.pick.Cause
    text: str  # why, and what to do


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """What is being served."""

    name: str
    version: str
    architecture: str
    answers: tuple[str, ...]
    max_question_tokens: int
    limits: Limits
    engine: str  # as in "onnxruntime"
    precision: str  # as in "float32"
    fallbacks: tuple[EngineFallback, ...] = ()  # plans that could not be taken
    about: tuple[str, ...] = ()  # what a person should know of it, a sentence each
    calibrated: bool = True
    spells_answers: bool = False  # then `answers` are none
    reads_text: bool = False
    source: Source | None = None
    card: Card = NO_CARD
