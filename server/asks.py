"""What goes in and what comes out of the assistant: frozen dataclasses, no wire, no arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .limits import Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One question about one photo, given as the file's bytes or by the image_id of an earlier reply."""

    question: str
    photo: bytes | None = None  # a JPEG, PNG or WebP file as it lies on disk
    image_id: str | None = None  # lower-case hex SHA-256 of an earlier photo's bytes
    top_k: int = 5  # 0 means 5; more than there are means all
    locale: str = "en"  # BCP 47, the language of `spoken`


class Verdict(StrEnum):
    """Whether the best answer may be told to a person who cannot check it."""

    ANSWERED = "answered"  # certain enough to be said
    UNSURE = "unsure"  # no answer is certain enough; the alternatives are in `answers`
    UNANSWERABLE = "unanswerable"  # the photo does not hold the answer, or a skill is missing


class PhotoIssueKind(StrEnum):
    """What is wrong with a photo."""

    DARK = "dark"
    BRIGHT = "bright"
    BLURRED = "blurred"
    TINY = "tiny"
    MOTION_BLURRED = "motion_blurred"  # sharp along one direction, blurred across it
    UNIFORM = "uniform"  # nearly one surface: a finger over the lens


class Skill(StrEnum):
    """What people ask for and what only some models may claim to do."""

    READ_TEXT = "read_text"
    MEDICINE = "medicine"
    MONEY = "money"
    ROAD = "road"  # whether it is safe to cross


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoIssue:
    """One thing that is wrong with a photo, and what the person can do about it, in the ask's language."""

    kind: PhotoIssueKind
    severity: float  # 0 (hardly) to 1 (nothing can be seen)
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One possible answer and its calibrated probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Microseconds that one ask spent in each stage."""

    decode_us: int
    encode_us: int  # waiting for and running the encoder, or the shared run of another ask
    tokenize_us: int  # of the batch that the question was in
    answer_us: int  # waiting for and running the answerer
    total_us: int
    features_cached: bool  # True when this ask needed no encoder run of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """Everything that is said about one ask."""

    answers: tuple[Answer, ...]  # best first; none where a skill is missing
    verdict: Verdict
    spoken: str  # a short sentence to be read aloud
    image_id: str
    photo_issues: tuple[PhotoIssue, ...]  # worst first
    timings: Timings
    model: str  # name and version, as in "scenes 1.0.0"
    question_cut: bool  # the question was longer than the model reads
    missing_skill: Skill | None = None  # what the question asks for that the bundle does not claim


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFallback:
    """A plan of a stage that could not be taken, so that another engine has its place."""

    stage: str  # "encoder" or "answerer"
    cause: str  # a word, as in "missing"; see asksight.engine.pick.Cause
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
