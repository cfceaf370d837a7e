"""What a person says of a model of their own (docs/importing.md), read from TOML and checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ImportSpecError
from .spec_section import Section

FORMS = ("counts", "binary", "ids", "sequence", "sum")
BAGS = ("counts", "binary")
CUTS = ("keras", "spacy", "wordpiece")
SIDES = ("pre", "post")
KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # Keras' Tokenizer, by default
DROP, ZEROS = "drop", "zeros"
SCORES = ("softmax", "sigmoid", "logits")
VALUES = {  # as Keras' preprocess_input has them: colour order, what is subtracted and divided by, each a colour
    "caffe": ("bgr", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "tf": ("rgb", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "torch": ("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """How a photo becomes what the model takes: (pixels of 0 to 255 - `mean`) / `std` in `order`."""

    input: str | None  # the model's input; None: told by its shape
    size: tuple[int, int] | None  # height and width in px; None: the model's own
    order: str
    resize: str
    resample: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    encoder: str | None  # "vgg16", or the file of a model that makes the features which the model takes
    weights: Path | None  # of "vgg16"


@dataclass(frozen=True, kw_only=True)
class QuestionSpec:
    """How a question becomes what the model takes."""

    input: str | None
    form: str
    words: Path
    vectors: Path | None
    cut: str
    filters: str
    lower: bool
    first_index: int
    unknown: str | int  # "drop", "zeros", or the number of the word that stands for unknown ones
    length: int | None
    padding: str
    truncating: str
    max_tokens: int | None
    strip: str
    ends: bool  # wordpiece: whether the first and the last piece are part of the question


@dataclass(frozen=True, kw_only=True)
class AnswersSpec:
    """What the scores are of, and when one is told."""

    file: Path
    unanswerable: str | None
    scores: str | None  # None: told by the graph's last node
    temperature: float
    answered_threshold: float | None  # given: the model counts as calibrated
    unanswerable_threshold: float


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One file."""

    name: str | None
    version: str
    image: ImageSpec
    question: QuestionSpec
    answers: AnswersSpec
    tolerance: float  # of a probability, between the model and the bundle


def read_spec(path: Path) -> Spec:
    """Read a file; paths in it are relative to its folder. Raises ImportSpecError, naming what is wrong."""
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ImportSpecError(f"{path} cannot be read as TOML: {reason}.") from error
    return parse_spec(tree, path)


def parse_spec(tree: dict[str, Any], path: Path) -> Spec:
    """The spec of a parsed file. Raises ImportSpecError."""
    top = Section(path, "", tree)
    bundle = top.section("bundle", needed=False)
    spec = Spec(
        name=bundle.text("name", None),
        version=bundle.text("version", "1") or "1",
        image=_image(top.section("image", needed=False)),
        question=_question(top.section("question")),
        answers=_answers(top.section("answers")),
        tolerance=bundle.number("tolerance", 1e-4, above=0.0, most=0.1),
    )
    bundle.finish()
    top.finish()
    return spec


def _image(given: Section) -> ImageSpec:
    order = "rgb"
    mean: tuple[float, ...] = (0.0,) * 3
    std: tuple[float, ...] = (1.0,) * 3
    ways = [key for key in ("values", "scale", "mean") if key in given.tree]
    if len(ways) > 1:
        raise given.wrong(ways[1], f"left out where {ways[0]} is given: each says what becomes of the pixels")
    if "values" in given.tree:
        order, mean, std = VALUES[given.one_of("values", tuple(VALUES), "")]
    elif "scale" in given.tree:
        scale, offset = given.number("scale", 1.0), given.number("offset", 0.0)
        if scale == 0:
            raise given.wrong("scale", "another number than 0")
        mean, std = (
            (-offset / scale,) * 3,
            (1 / scale,) * 3,
        )  # x * scale + offset = (x + offset / scale) * scale
    elif "mean" in given.tree:
        mean, std = given.three("mean", 0.0), given.three("std", 1.0)
        if 0 in std:
            raise given.wrong("std", "other numbers than 0")
    elif "offset" in given.tree:
        mean = (-given.number("offset", 0.0),) * 3
    encoder = given.text("encoder", None)
    if encoder is not None and encoder != "vgg16":
        encoder = str(given.file("encoder"))
    read = ImageSpec(
        input=given.text("input", None),
        size=given.pair("size"),
        order=given.one_of("order", ("rgb", "bgr"), order),
        resize=given.one_of("resize", ("stretch", "crop", "pad"), "stretch"),
        resample=given.one_of("resample", ("bilinear", "nearest", "bicubic", "lanczos"), "bilinear"),
        mean=mean,
        std=std,
        encoder=encoder,
        weights=given.file("weights") if "weights" in given.tree else None,
    )
    if read.encoder == "vgg16" and read.weights is None:
        raise given.wrong("weights", 'the file of VGG16\'s weights, since encoder is "vgg16"')
    if read.encoder == "vgg16" and (ways or "offset" in given.tree or "order" in given.tree):
        raise given.wrong(
            next(key for key in (*ways, "offset", "order") if key in given.tree),
            "left out: the encoder vgg16 brings its own",
        )
    given.finish()
    return read


def _question(given: Section) -> QuestionSpec:
    form = given.one_of("form", FORMS, None)
    cut = given.one_of("cut", CUTS, "keras")
    unknown: str | int = given.tree.get("unknown", ZEROS if form == "sequence" else DROP)
    allowed = (DROP, ZEROS) if form == "sequence" else (DROP,)
    if (
        not (type(unknown) is int and unknown >= 0 and form not in ("sequence", "sum"))
        and unknown not in allowed
    ):
        more = (
            "" if form in ("sequence", "sum") else ", or the number of the word that stands for unknown ones"
        )
        raise given.wrong("unknown", " or ".join(f'"{one}"' for one in allowed) + more)
    given.seen.add("unknown")
    if form in ("sequence", "sum") and "vectors" not in given.tree:
        raise given.wrong("vectors", f"the .npy file of word vectors, since form is {form!r}")
    sequence = form in ("ids", "sequence")
    read = QuestionSpec(
        input=given.text("input", None),
        form=form,
        words=given.file("words"),
        vectors=given.file("vectors") if form in ("sequence", "sum") else None,
        cut=cut,
        filters=given.text("filters", KERAS_FILTERS, empty=True) if cut == "keras" else "",
        lower=given.flag("lower", True),
        first_index=given.whole("first_index", 0 if cut == "wordpiece" else 1, least=0),
        unknown=unknown,
        length=given.whole("length", None, least=1) if sequence else None,
        padding=given.one_of("padding", SIDES, "pre") if sequence else "post",
        truncating=given.one_of("truncating", SIDES, "pre") if sequence else "post",
        max_tokens=given.whole("max_tokens", None, least=3),
        strip=given.text("strip", "", empty=True) if cut == "wordpiece" else "",
        ends=given.flag("ends", True) if cut == "wordpiece" else True,
    )
    given.finish()
    return read


def _answers(given: Section) -> AnswersSpec:
    scores = given.one_of("scores", SCORES, "") if "scores" in given.tree else None
    threshold = (
        given.number("answered_threshold", -1.0, most=1.0) if "answered_threshold" in given.tree else None
    )
    read = AnswersSpec(
        file=given.file("file"),
        unanswerable=given.text("unanswerable", None),
        scores=scores,
        temperature=given.number("temperature", 1.0, above=0.0),
        answered_threshold=threshold,
        unanswerable_threshold=given.number("unanswerable_threshold", 0.5, most=1.0),
    )
    given.finish()
    return read
