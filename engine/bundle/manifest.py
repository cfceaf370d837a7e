"""bundle.json in types, and written back; parse.py reads it. Pure: no files here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .calibration import Calibration

SCHEMAS = (1, 2)
SPACY, WORDPIECE = "spacy", "wordpiece"
LISTED, SPELLED = "listed", "spelled"
STRETCH = "stretch"  # of preprocessing's `resize`: each photo whole, whatever its shape
SHORTEST = "shortest"  # of preprocessing's `resize`: the only one that gives pictures of several shapes
ENCODER = "encoder"
ATTENTION = "attention"  # what an answerer may give beside its scores: how strongly each cell was looked at
GRAPHS = ("encoder.onnx", "answerer.onnx")
FAMILIAR = "familiar.npz"  # of a bundle that says what it knows
ANSWERS = "answers.txt"  # of a bundle whose answers are listed
TOKENIZER = (
    "tokenizer.json"  # there unless a bundle's questions are cut by spaCy 3.8's English rules, or to pieces
)


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One file of the bundle: its size and the lower-case hex SHA-256 of its bytes."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class WordPieces:
    """How a question becomes pieces of words.txt, as BERT's WordPiece does it: all rows of words.txt."""

    first: int  # goes before every question, as [CLS]
    last: int  # goes behind it, as [SEP]
    unknown: int  # stands for a word that cannot be cut into pieces, as [UNK]
    strip: str = ""  # characters that are removed from a question before it is cut


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """Answers that the answerer spells by pieces of words.txt, instead of choosing from a list."""

    beams: int  # W: so many spellings a question
    pieces: int  # L: of so many pieces at most
    stop: int  # the row of words.txt that ends a spelling, as [SEP]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure that the source of a model states of it; nobody here has measured it."""

    value: float
    metric: str  # as in "VQA accuracy, %"
    conditions: str  # as in "VQA v2 test-dev, answers ranked among 3,128"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a model was published."""

    repository: str
    revision: str = ""
    licence: str = ""
    sha256: str = ""  # of the file of its weights
    figure: Figure | None = None
    part: str = ""  # ENCODER where only the photo half is from there, and the rest was trained anew


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a person should know of a model before trusting it: lines of text."""

    trained_on: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()


NO_CARD = Card()


@dataclass(frozen=True, kw_only=True)
class Familiar:
    """bundle.json's `familiar`: from where on a photo or a question is unlike those that were measured on."""

    questions: int
    words: int
    question_threshold: float  # the share of a question's weight that may be on unknown words
    photos: int = 0
    photo_threshold: float | None = None  # the distance that a photo may have; None: it is not judged
    smallest_side: int | None = None  # px, the shorter one of the smallest known photo; None: not judged


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """bundle.json in types; field for field as docs/bundle.md has it."""

    name: str
    version: str
    architecture: str
    image_height: int
    image_width: int
    image_dtype: str
    preprocessing: Mapping[str, Any]
    feature_shape: tuple[int, ...]
    dimension: int
    words: int
    lower: bool
    unknown_rows: int  # 0 where questions are cut to pieces
    max_tokens: int
    answers: int  # 0 where they are spelled
    unanswerable: str | None
    calibration: Calibration
    training: Mapping[str, Any]
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    skills: tuple[str, ...] = ()
    pieces: WordPieces | None = None
    spelling: Spelling | None = None
    source: Source | None = None
    card: Card = NO_CARD
    familiar: Familiar | None = None

    @property
    def schema(self) -> int:
        """The least that says all of it, so that an older AskSight reads what it can serve."""
        plain = (
            self.preprocessing.keys() <= {"resize", "resample", "color_order"}
            and self.preprocessing.get("resize") != SHORTEST
            and len(self.feature_shape) != 2
            and self.pieces is None
            and self.spelling is None
            and self.source is None
            and self.card == NO_CARD
            and self.familiar is None
            and self.calibration.scores == Calibration.scores
            and self.calibration.calibrated
        )
        return 1 if plain else 2


def file_names(*, spelled: bool) -> tuple[str, ...]:
    """The files that a bundle must have beside bundle.json."""
    return (*GRAPHS, "vectors.npy", "words.txt", *(() if spelled else (ANSWERS,)))


def dump_manifest(manifest: Manifest) -> str:
    """bundle.json's text; raises ValueError when `training` holds what JSON cannot."""
    tree = {
        "schema": manifest.schema,
        "name": manifest.name,
        "version": manifest.version,
        "architecture": manifest.architecture,
        "image": {
            "height": manifest.image_height,
            "width": manifest.image_width,
            "dtype": manifest.image_dtype,
        },
        "preprocessing": dict(manifest.preprocessing),
        "features": list(manifest.feature_shape),
        "question": _question(manifest),
        "answers": _answers(manifest),
        "calibration": _calibration(manifest.calibration, spelled=manifest.spelling is not None),
        **({} if manifest.familiar is None else {"familiar": _familiar(manifest.familiar)}),
        **({"skills": list(manifest.skills)} if manifest.skills else {}),
        **({} if manifest.source is None else {"source": _said(asdict(manifest.source))}),
        **({"card": card} if (card := _said(asdict(manifest.card))) else {}),
        "training": dict(manifest.training),
        "files": {name: asdict(record) for name, record in manifest.files.items()},
    }
    try:
        return json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"training must hold only what JSON can: {error}") from error


def _question(manifest: Manifest) -> dict[str, Any]:
    said: dict[str, Any] = {
        "words": manifest.words,
        "dimension": manifest.dimension,
        "lower": manifest.lower,
        "max_tokens": manifest.max_tokens,
    }
    if manifest.pieces is None:
        return said | {"unknown_rows": manifest.unknown_rows}
    return {"tokenizer": WORDPIECE} | said | asdict(manifest.pieces)


def _answers(manifest: Manifest) -> dict[str, Any]:
    if manifest.spelling is None:
        return {"count": manifest.answers, "unanswerable": manifest.unanswerable}
    return {"form": SPELLED} | asdict(manifest.spelling) | {"unanswerable": manifest.unanswerable}


def _calibration(calibration: Calibration, *, spelled: bool) -> dict[str, Any]:
    """What is as it ever was goes without saying."""
    said: dict[str, Any] = {
        "temperature": float(calibration.temperature),
        "answered_threshold": float(calibration.answered_threshold),
        "unanswerable_threshold": float(calibration.unanswerable_threshold),
    }
    if spelled or calibration.scores != Calibration.scores:
        said["scores"] = calibration.scores
    return said if calibration.calibrated else said | {"calibrated": False}


def _familiar(familiar: Familiar) -> dict[str, Any]:
    said: dict[str, Any] = {
        "question": {
            "threshold": float(familiar.question_threshold),
            "questions": familiar.questions,
            "words": familiar.words,
        }
    }
    if familiar.photo_threshold is not None:
        said["photo"] = {"threshold": float(familiar.photo_threshold), "photos": familiar.photos}
    if familiar.smallest_side is not None:
        said["smallest_side"] = familiar.smallest_side
    return said


def _said(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if value not in (None, "", (), [])}
