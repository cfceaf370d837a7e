"""Vectors of a spaCy pipeline, a package's name or a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import VectorError

_LEFT_OUT = ["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "ner", "senter", "transformer"]


def load_pipeline(source: str) -> Any:
    """Load a spaCy pipeline, its vocabulary alone. Raises VectorError where there is none or it has no vectors."""
    import spacy

    if Path(source).exists() and not (Path(source) / "meta.json").exists():
        raise VectorError(f"{source} is a folder, but no spaCy pipeline: it has no meta.json.")
    try:
        pipeline = spacy.load(source, exclude=_LEFT_OUT)
    except (OSError, ValueError) as error:
        raise VectorError(
            f"There is no file {source}, and no spaCy pipeline of that name is installed. Name a file of vectors, or "
            f"install the pipeline: python -m spacy download {source}"
        ) from error
    if not pipeline.vocab.vectors_length:
        raise VectorError(
            f"The spaCy pipeline {source} has no word vectors; small ones (_sm) never have. Take a medium (_md) or "
            "large (_lg) one."
        )
    return pipeline


def pipeline_rows(pipeline: Any, words: Iterable[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The words that the pipeline knows, or knows with another capitalisation, and their vectors [D]."""
    for word in words:
        for spelled in (word, word.title(), word.upper()):
            if pipeline.vocab.has_vector(spelled):
                yield word, np.asarray(pipeline.vocab.get_vector(spelled), np.float32)
                break
