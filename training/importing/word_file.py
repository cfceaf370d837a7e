"""A model's words and their numbers: a text file of a word a line, or the JSON of Keras' Tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ImportSpecError
from .spec import DROP, QuestionSpec


@dataclass(frozen=True, kw_only=True)
class WordFile:
    """Words and their numbers, in the order of these; and how text is cut, which a tokenizer's JSON knows itself."""

    numbers: Mapping[str, int]
    filters: str
    lower: bool
    unknown: str | int | None = None  # None: as the spec says


def read_word_file(spec: QuestionSpec) -> WordFile:
    """Read what the spec names. Raises ImportSpecError."""
    path = spec.words
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImportSpecError(f"{path} cannot be read as UTF-8: {error}.") from error
    if path.suffix != ".json":
        lines = text.removesuffix("\n").split("\n")
        words = [line.removesuffix("\r") for line in lines]
        checked = _checked(path, [(word, row) for row, word in enumerate(words, start=spec.first_index)])
        return WordFile(numbers=checked, filters=spec.filters, lower=spec.lower)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportSpecError(f"{path} is not JSON: {error}.") from error
    return _of_json(spec, tree)


def _of_json(spec: QuestionSpec, tree: Any) -> WordFile:
    config = tree.get("config", tree) if isinstance(tree, dict) else None
    index = config.get("word_index", config) if isinstance(config, dict) else None
    if isinstance(index, str):  # Keras writes it as JSON inside JSON
        try:
            index = json.loads(index)
        except (ValueError, RecursionError) as error:
            raise ImportSpecError(f"{spec.words}: word_index is not JSON: {error}.") from error
    if not isinstance(index, dict) or not all(type(number) is int for number in index.values()):
        raise ImportSpecError(
            f"{spec.words} must hold the JSON of Keras' Tokenizer (to_json), or an object of words and their numbers."
        )
    config = config if isinstance(config, dict) and "word_index" in config else {}
    if config.get("char_level") or config.get("split", " ") != " ":
        raise ImportSpecError(
            f"{spec.words} cuts text to characters, or elsewhere than at blanks; only words between blanks are served."
        )
    most, oov = config.get("num_words"), config.get("oov_token")
    unknown = None if "oov_token" not in config else DROP if oov is None else index.get(oov)
    numbers = [(word, number) for word, number in index.items() if most is None or number < most]
    return WordFile(
        numbers=_checked(spec.words, sorted(numbers, key=lambda entry: entry[1])),
        filters=str(config.get("filters", spec.filters)),
        lower=bool(config.get("lower", spec.lower)),
        unknown=unknown,
    )


def _checked(path: Path, words: list[tuple[str, int]]) -> dict[str, int]:
    if not words:
        raise ImportSpecError(f"{path} has no words.")
    numbers: dict[str, int] = {}
    for word, number in words:
        if not word or "\n" in word or word in numbers or number < 0:
            seen = (
                "an empty line"
                if not word
                else f"{word!r} twice"
                if word in numbers
                else f"{word!r}: {number}"
            )
            raise ImportSpecError(
                f"{path}: each word must be there once, with a number from 0; found {seen}."
            )
        numbers[word] = number
    return numbers
