"""Reading bundle.json into types: every value is checked, and a value that is not known is refused. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import refused
from .calibration import SCORES, SEQUENCE, SOFTMAX, Calibration
from .manifest import (
    ENCODER,
    FAMILIAR,
    LISTED,
    SCHEMAS,
    SHORTEST,
    SPACY,
    SPELLED,
    WORDPIECE,
    Card,
    Familiar,
    Figure,
    FileRecord,
    Manifest,
    Source,
    Spelling,
    WordPieces,
    file_names,
)
from .section import Section, kind_name

IMAGE_DTYPES = ("uint8", "float32")
# A value that this version does not know would silently show the model another picture: refused.
PREPROCESSING = {
    "resize": ("stretch", "crop", "pad"),
    "resample": ("nearest", "bilinear", "bicubic", "lanczos"),
    "color_order": ("rgb", "bgr"),
}
SIZES = ("shortest", "longest", "multiple")  # px, of resize "shortest"
UNKNOWN_STEP = "a step that this version does not know"
UNKNOWN_KEY = "a key that this version does not know"
THRESHOLDS = ("answered_threshold", "unanswerable_threshold")


def parse_manifest(text: str, where: object) -> Manifest:
    """Read bundle.json's text; `where` names the file in errors. Raises BundleError."""
    advice = "Export the bundle again."
    try:
        tree = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refused(where, expected="JSON", found=f"text that is not: {error}", advice=advice) from error
    if not isinstance(tree, dict):
        raise refused(where, expected="a JSON object", found=f"a {kind_name(tree)}", advice=advice)
    top = Section(where, "", cast(dict[str, Any], tree))
    schema = top.get("schema", int)
    if schema not in SCHEMAS:
        newer = schema > max(SCHEMAS)
        raise refused(
            where,
            expected=f"schema {' or '.join(map(str, SCHEMAS))}",
            found=f"schema {schema}",
            advice="It was written by a newer AskSight: upgrade this one." if newer else advice,
        )
    return _manifest(top, new=schema > 1)


def _manifest(top: Section, *, new: bool) -> Manifest:
    """`new` is whether schema 2's keys have a meaning; in a file of schema 1 they are nobody's."""
    image, question, answers = top.section("image"), top.section("question"), top.section("answers")
    pieces = _pieces(question) if new else None
    spelling = _spelling(answers) if new else None
    preprocessing = top.section("preprocessing")
    calibration = top.section("calibration")
    return Manifest(
        name=top.text("name"),
        version=top.text("version"),
        architecture=top.text("architecture"),
        image_height=image.at_least("height", 1),
        image_width=image.at_least("width", 1),
        image_dtype=image.one_of("dtype", IMAGE_DTYPES),
        preprocessing=_preprocessing(preprocessing, image) if new else _old_preprocessing(preprocessing),
        feature_shape=_shape(top, (1, 2, 3) if new else (1, 3)),
        dimension=question.at_least("dimension", 1),
        words=question.at_least("words", 1),
        lower=question.get("lower", bool),
        unknown_rows=question.at_least("unknown_rows", 1) if pieces is None else 0,
        max_tokens=question.at_least("max_tokens", 1 if pieces is None else 3),
        answers=answers.at_least("count", 1) if spelling is None else 0,
        unanswerable=answers.text_or_none("unanswerable"),
        calibration=_calibration(calibration, spelled=spelling is not None) if new else _old(calibration),
        training=top.section("training").tree,
        files=_files(top.section("files"), spelled=spelling is not None),
        skills=_skills(top),
        pieces=pieces,
        spelling=spelling,
        source=_source(top.section("source")) if new and top.tree.get("source") is not None else None,
        card=_card(top.section("card")) if new and top.tree.get("card") is not None else Card(),
        familiar=_familiar(top) if new and top.tree.get("familiar") is not None else None,
    )


def _old_preprocessing(section: Section) -> Mapping[str, Any]:
    section.only(PREPROCESSING, UNKNOWN_STEP)
    return {key: section.one_of(key, allowed) for key, allowed in PREPROCESSING.items()}


def _preprocessing(section: Section, image: Section) -> Mapping[str, Any]:
    sizes = SIZES if section.tree.get("resize") == SHORTEST else ()
    section.only((*PREPROCESSING, *sizes, "shrink_first"), UNKNOWN_STEP)
    read: dict[str, Any] = {"resize": section.one_of("resize", (*PREPROCESSING["resize"], SHORTEST))}
    read |= {key: section.one_of(key, PREPROCESSING[key]) for key in ("resample", "color_order")}
    read |= {key: section.at_least(key, 1) for key in sizes}
    if sizes:
        _check_sizes(section, read, image)
    return read if section.flag("shrink_first", True) else read | {"shrink_first": False}


def _check_sizes(section: Section, sizes: Mapping[str, int], image: Section) -> None:
    """Every picture must fit on the canvas, which is cut into whole patches."""
    shortest, longest, multiple = (sizes[key] for key in SIZES)
    if longest < shortest:
        raise section.error("longest", f"at least `shortest` ({shortest})", str(longest))
    side = max(multiple, longest // multiple * multiple)
    for key in ("height", "width"):
        canvas = image.at_least(key, 1)
        if canvas < side or canvas % multiple:
            raise image.error(
                key, f"a multiple of {multiple} from {side} on, for resize {SHORTEST!r},", str(canvas)
            )


def _shape(top: Section, ranks: tuple[int, ...]) -> tuple[int, ...]:
    sizes = top.get("features", list)
    if len(sizes) not in ranks or not all(type(size) is int and size > 0 for size in sizes):
        shapes = " or ".join(("[F]", "[n, C]", "[h, w, C]")[rank - 1] for rank in ranks)
        raise top.error("features", f"{shapes}, each at least 1", json.dumps(sizes))
    return tuple(sizes)


def _pieces(question: Section) -> WordPieces | None:
    common = ("tokenizer", "words", "dimension", "lower", "max_tokens")
    if question.one_of("tokenizer", (SPACY, WORDPIECE), SPACY) == SPACY:
        question.only((*common, "unknown_rows"), UNKNOWN_KEY)
        return None
    question.only((*common, "first", "last", "unknown", "strip"), UNKNOWN_KEY)
    rows = {key: question.at_least(key, 0) for key in ("first", "last", "unknown")}
    return WordPieces(**rows, strip=question.get("strip", str) if "strip" in question.tree else "")


def _spelling(answers: Section) -> Spelling | None:
    if answers.one_of("form", (LISTED, SPELLED), LISTED) == LISTED:
        answers.only(("form", "count", "unanswerable"), UNKNOWN_KEY)
        return None
    answers.only(("form", "beams", "pieces", "stop", "unanswerable"), UNKNOWN_KEY)
    return Spelling(
        beams=answers.at_least("beams", 1),
        pieces=answers.at_least("pieces", 1),
        stop=answers.at_least("stop", 0),
    )


def _old(section: Section) -> Calibration:
    temperature = section.number("temperature")
    if temperature <= 0:
        raise section.error("temperature", "a number over 0", str(temperature))
    answered, unanswerable = (_share(section, key) for key in THRESHOLDS)
    return Calibration(
        temperature=temperature, answered_threshold=answered, unanswerable_threshold=unanswerable
    )


def _share(section: Section, key: str) -> float:
    value = section.number(key)
    if not 0 <= value <= 1:
        raise section.error(key, "a number of 0 to 1", str(value))
    return value


def _calibration(section: Section, *, spelled: bool) -> Calibration:
    section.only(("scores", "temperature", *THRESHOLDS, "calibrated"), UNKNOWN_KEY)
    kinds, default = ((SEQUENCE,), None) if spelled else (SCORES, SOFTMAX)
    return replace(
        _old(section),
        scores=section.one_of("scores", kinds, default),
        calibrated=section.flag("calibrated", True),
    )


def _skills(top: Section) -> tuple[str, ...]:
    """What the model claims beyond plain sight, as in "read_text"; names that a server does not know are its affair."""
    if "skills" not in top.tree:
        return ()
    named = top.get("skills", list)
    if not all(isinstance(name, str) and name for name in named):
        raise top.error("skills", "a list of names", json.dumps(named))
    return tuple(named)


def _source(section: Section) -> Source:
    figure = section.section("figure") if section.tree.get("figure") is not None else None
    return Source(
        repository=section.text("repository"),
        revision=section.text_or_none("revision") or "",
        licence=section.text_or_none("licence") or "",
        sha256=(section.text_or_none("sha256") or "").lower(),
        part=section.one_of("part", (ENCODER,)) if "part" in section.tree else "",
        figure=None
        if figure is None
        else Figure(
            value=figure.number("value"), metric=figure.text("metric"), conditions=figure.text("conditions")
        ),
    )


def _card(section: Section) -> Card:
    return Card(**{key: section.lines(key) for key in ("trained_on", "figures", "not_for")})


def _familiar(top: Section) -> Familiar:
    section = top.section("familiar")
    section.only(("question", "photo", "smallest_side"), UNKNOWN_KEY)
    question = section.section("question")
    question.only(("threshold", "questions", "words"), UNKNOWN_KEY)
    photo = section.section("photo") if section.tree.get("photo") is not None else None
    if photo is not None:
        photo.only(("threshold", "photos"), UNKNOWN_KEY)
    top.section("files").section(FAMILIAR)
    return Familiar(
        questions=question.at_least("questions", 1),
        words=question.at_least("words", 1),
        question_threshold=_share(question, "threshold"),
        photos=0 if photo is None else photo.at_least("photos", 2),
        photo_threshold=None if photo is None else photo.number("threshold"),
        smallest_side=None
        if section.tree.get("smallest_side") is None
        else section.at_least("smallest_side", 1),
    )


def _files(section: Section, *, spelled: bool) -> Mapping[str, FileRecord]:
    for name in file_names(spelled=spelled):
        section.section(name)
    records = {name: section.section(name) for name in section.tree}
    return {
        name: FileRecord(bytes=record.at_least("bytes", 0), sha256=record.text("sha256").lower())
        for name, record in records.items()
    }


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
