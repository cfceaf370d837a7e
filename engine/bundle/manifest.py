"""bundle.json: what a bundle says of itself, read into types and written back. Pure: no files here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, cast

from ..errors import refused
from .calibration import Calibration

SCHEMA = 1
FILE_NAMES = ("encoder.onnx", "answerer.onnx", "vectors.npy", "words.txt", "answers.txt")
TOKENIZER = "tokenizer.json"  # there unless a bundle's questions are cut by spaCy 3.8's English rules
IMAGE_DTYPES = ("uint8", "float32")
# A value that this version does not know would silently show the model another picture: refused.
PREPROCESSING = {
    "resize": ("stretch", "crop", "pad"),
    "resample": ("nearest", "bilinear", "bicubic", "lanczos"),
    "color_order": ("rgb", "bgr"),
}
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One file of the bundle: its size and the lower-case hex SHA-256 of its bytes."""

    bytes: int
    sha256: str


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
    unknown_rows: int
    max_tokens: int
    answers: int
    unanswerable: str | None
    calibration: Calibration
    training: Mapping[str, Any]
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    skills: tuple[str, ...] = ()


def dump_manifest(manifest: Manifest) -> str:
    """bundle.json's text; raises ValueError when `training` holds what JSON cannot."""
    tree = {
        "schema": SCHEMA,
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
        "question": {
            "words": manifest.words,
            "dimension": manifest.dimension,
            "lower": manifest.lower,
            "unknown_rows": manifest.unknown_rows,
            "max_tokens": manifest.max_tokens,
        },
        "answers": {"count": manifest.answers, "unanswerable": manifest.unanswerable},
        "calibration": {key: float(value) for key, value in asdict(manifest.calibration).items()},
        **({"skills": list(manifest.skills)} if manifest.skills else {}),
        "training": dict(manifest.training),
        "files": {name: asdict(record) for name, record in manifest.files.items()},
    }
    try:
        return json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"training must hold only what JSON can: {error}") from error


def parse_manifest(text: str, where: object) -> Manifest:
    """Read bundle.json's text; `where` names the file in errors. Raises BundleError."""
    advice = "Export the bundle again."
    try:
        tree = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refused(where, expected="JSON", found=f"text that is not: {error}", advice=advice) from error
    if not isinstance(tree, dict):
        raise refused(where, expected="a JSON object", found=f"a {_kind(tree)}", advice=advice)
    top = _Section(where, "", cast(dict[str, Any], tree))
    schema = top.get("schema", int)
    if schema != SCHEMA:
        raise refused(
            where,
            expected=f"schema {SCHEMA}",
            found=f"schema {schema}",
            advice="It was written by a newer AskSight: upgrade this one." if schema > SCHEMA else advice,
        )
    image, question, answers = top.section("image"), top.section("question"), top.section("answers")
    return Manifest(
        name=top.text("name"),
        version=top.text("version"),
        architecture=top.text("architecture"),
        image_height=image.at_least("height", 1),
        image_width=image.at_least("width", 1),
        image_dtype=image.one_of("dtype", IMAGE_DTYPES),
        preprocessing=_preprocessing(top.section("preprocessing")),
        feature_shape=_shape(top),
        dimension=question.at_least("dimension", 1),
        words=question.at_least("words", 1),
        lower=question.get("lower", bool),
        unknown_rows=question.at_least("unknown_rows", 1),
        max_tokens=question.at_least("max_tokens", 1),
        answers=answers.at_least("count", 1),
        unanswerable=None if answers.tree.get("unanswerable") is None else answers.text("unanswerable"),
        calibration=_calibration(top.section("calibration")),
        training=top.section("training").tree,
        files=_files(top.section("files")),
        skills=_skills(top),
    )


def _preprocessing(section: _Section) -> Mapping[str, Any]:
    for key in section.tree:
        if key not in PREPROCESSING:
            raise section.error(
                key, f"only {', '.join(PREPROCESSING)}", "a step that this version does not know"
            )
    return {key: section.one_of(key, allowed) for key, allowed in PREPROCESSING.items()}


def _shape(top: _Section) -> tuple[int, ...]:
    sizes = top.get("features", list)
    if len(sizes) not in (1, 3) or not all(type(size) is int and size > 0 for size in sizes):
        raise top.error("features", "[F] or [h, w, C], each at least 1", json.dumps(sizes))
    return tuple(sizes)


def _skills(top: _Section) -> tuple[str, ...]:
    """What the model claims beyond plain sight, as in "read_text"; names that a server does not know are its affair."""
    if "skills" not in top.tree:
        return ()
    named = top.get("skills", list)
    if not all(isinstance(name, str) and name for name in named):
        raise top.error("skills", "a list of names", json.dumps(named))
    return tuple(named)


def _calibration(section: _Section) -> Calibration:
    temperature = section.number("temperature")
    if temperature <= 0:
        raise section.error("temperature", "a number over 0", str(temperature))
    thresholds = {}
    for key in ("answered_threshold", "unanswerable_threshold"):
        thresholds[key] = section.number(key)
        if not 0 <= thresholds[key] <= 1:
            raise section.error(key, "a number of 0 to 1", str(thresholds[key]))
    return Calibration(temperature=temperature, **thresholds)


def _files(section: _Section) -> Mapping[str, FileRecord]:
    for name in FILE_NAMES:
        section.section(name)
    records = {name: section.section(name) for name in section.tree}
    return {
        name: FileRecord(bytes=record.at_least("bytes", 0), sha256=record.text("sha256").lower())
        for name, record in records.items()
    }


@dataclass(frozen=True)
class _Section:
    """One object of bundle.json, which knows its place for the errors."""

    where: object
    place: str
    tree: dict[str, Any]

    def get(self, key: str, kind: type[T]) -> T:
        if key not in self.tree:
            raise self.error(key, f"a {kind.__name__}", "nothing: the key is missing")
        value = self.tree[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"a {kind.__name__}", f"a {_kind(value)}")
        return value

    def section(self, key: str) -> _Section:
        return _Section(self.where, f"{self.place}{key}.", self.get(key, dict))

    def text(self, key: str) -> str:
        value = self.get(key, str)
        if not value or not value.isprintable():
            raise self.error(key, "a line of text", json.dumps(value))
        return value

    def at_least(self, key: str, least: int) -> int:
        value = self.get(key, int)
        if value < least:
            raise self.error(key, f"at least {least}", str(value))
        return value

    def number(self, key: str) -> float:
        value = self.get(key, float) if isinstance(self.tree.get(key), float) else self.get(key, int)
        if not math.isfinite(value):
            raise self.error(key, "a finite number", str(value))
        return float(value)

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.get(key, str)
        if value not in allowed:
            raise self.error(key, " or ".join(allowed), repr(value))
        return value

    def error(self, key: str, expected: str, found: str) -> Exception:
        return refused(
            self.where,
            expected=f"{expected} as {self.place}{key}",
            found=found,
            advice="Export the bundle again, or upgrade AskSight if the bundle is newer than it.",
        )


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
