"""Pre-trained word vectors, cut down to the words that questions use: rows that a model reads and a bundle carries."""

from __future__ import annotations

from ..errors import VectorError
from .choose import asked_words, listed_words
from .gather import Gathered, gather
from .table import VectorTable, load_vectors, save_vectors

__all__ = [
    "Gathered",
    "VectorError",
    "VectorTable",
    "asked_words",
    "gather",
    "listed_words",
    "load_vectors",
    "save_vectors",
]
