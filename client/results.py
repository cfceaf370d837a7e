"""The results: frozen dataclasses and enums, without protobuf types."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .notebook import as_html


class ImageId(str):
    """The SHA-256 of a photo's bytes in lower-case hex. It can be given wherever a photo can.

    It is a type of its own, since a plain str given as a photo is a path.
    """

    __slots__ = ()


class Verdict(StrEnum):
    """Whether the best answer is certain enough for a person who cannot check it."""

    ANSWERED = "answered"  # certain enough to be said
    UNSURE = "unsure"  # no answer is certain enough; the alternatives are in `answers`
    UNANSWERABLE = "unanswerable"  # the photo does not show the answer, or a skill is missing


class PhotoIssueKind(StrEnum):
    """A flaw of the photo that may have spoiled the answer."""

    DARK = "dark"
    BRIGHT = "bright"
    BLURRED = "blurred"
    TINY = "tiny"
    MOTION_BLURRED = "motion_blurred"
    UNIFORM = "uniform"  # almost one colour, as with a finger over the lens
    CUT_SHORT = "cut_short"  # the file's end did not arrive; at most a tenth of the picture is missing
    TEXT_CUT_OFF = (
        "text_cut_off"  # text runs out of the photo; this and the next two only where it was to be read
    )
    TEXT_SMALL = "text_small"
    TEXT_TURNED = "text_turned"  # it stands on its head or on its side
    # A kind that this client does not know, of a newer server; the hint still says what to do.
    OTHER = "other"


class Skill(StrEnum):
    """Something that people ask for and that a model may do only if its bundle says so."""

    READ_TEXT = "read_text"
    MEDICINE = "medicine"
    MONEY = "money"
    ROAD = "road"  # whether it is safe to cross
    OTHER = "other"  # a skill that this client does not know, of a newer server; `spoken` still names it


class Unfamiliar(StrEnum):
    """What of an ask is unlike anything that the model has learned about."""

    PHOTO = "photo"
    QUESTION = "question"
    OTHER = "other"  # something that this client does not know, of a newer server; `spoken` still names it


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One possible answer and its calibrated probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoIssue:
    """A flaw of the photo; severity is from 0 (hardly visible) to 1 (nothing else can be seen)."""

    kind: PhotoIssueKind
    severity: float
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Microseconds that the server took for each stage of one ask."""

    decode_us: int
    encode_us: int  # 0 when the features were cached
    tokenize_us: int
    answer_us: int
    total_us: int
    features_cached: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TextLine:
    """A line of text, and the rectangle around it in parts of the upright photo, 0 to 1."""

    text: str
    confidence: float  # 0 to 1: how probable it is that it is right to the letter
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """Where the model looked: a grid over the whole upright photo. It does not explain the answer."""

    rows: int
    columns: int
    weights: tuple[
        float, ...
    ]  # rows * columns shares of the look, row by row from the top left; their sum is 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The answer to one question about one photo; str() gives the sentence to be spoken."""

    answers: tuple[Answer, ...]  # best first; empty where a skill is missing
    verdict: Verdict
    spoken: str
    image_id: ImageId
    photo_issues: tuple[PhotoIssue, ...]
    timings: Timings
    model: str  # name and version, as in "scenes 1.0.0"
    question_cut: bool  # True where the question was too long and only its beginning was used
    missing_skill: Skill | None = None  # a skill that the question needs and the model does not have
    unfamiliar: tuple[Unfamiliar, ...] = ()  # what is unlike all that the model has learned about
    question: str = ""  # what was answered: as it was asked, or what it was taken for after the turn before
    text_lines: tuple[TextLine, ...] = ()  # what is written, in reading order, where text was to be read
    attention: Attention | None = None  # where it was asked for and the bundle can tell
    # Where the photo was read from, for notebooks to show it; None where it was given in another form, or by ask_many.
    photo_path: Path | None = field(default=None, repr=False, compare=False)

    @property
    def answer(self) -> str | None:
        """The label of the best answer, or None where the verdict is not ANSWERED."""
        return self.answers[0].label if self.verdict is Verdict.ANSWERED and self.answers else None

    def __str__(self) -> str:
        return self.spoken

    def _repr_html_(self) -> str:
        """What Jupyter shows of it."""
        return as_html(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The largest asks that the server accepts; larger ones are refused, or cut where a field says so."""

    max_message_bytes: int
    max_asks_per_batch: int
    max_question_chars: int
    max_question_tokens: int  # longer questions are cut
    min_photo_side_px: int
    max_photo_side_px: int
    max_photo_pixels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFigure:
    """A figure that the makers of a model state."""

    value: float
    metric: str  # as in "VQA accuracy in percent"
    conditions: str  # on which data, and how


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSource:
    """Where a model was published; what is not known is empty."""

    repository: str
    revision: str = ""
    licence: str = ""
    sha256: str = ""  # of the file of its weights, lower-case hex
    figure: ModelFigure | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What the makers of a model say of it, lines of text."""

    trained_on: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The served model."""

    name: str
    version: str
    architecture: str
    answers: tuple[str, ...]  # every answer that it can give; none when it spells them
    limits: Limits
    engine: str
    precision: str
    engine_notes: tuple[str, ...] = ()  # why a stage does not run on the plan that was compiled for it
    about: tuple[str, ...] = ()  # what a person should know of it, a plain English sentence each
    calibrated: bool = True  # False: nobody has measured how often it is right, and it is never certain
    spells_answers: bool = False
    reads_text: bool = False
    source: ModelSource | None = None
    card: ModelCard | None = None
