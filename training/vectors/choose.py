"""Which words get a row: those that a data set's questions use, or those of a list."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ..datasets import Dataset
from ..errors import VectorError
from ..learning.examples import UNKNOWN, word_table

Words = Counter[str]  # how often each is asked with; the commonest first


def asked_words(dataset: Dataset, *, min_count: int = 1) -> Words:
    """The tokens of a data set's questions that are used at least `min_count` times."""
    tokens = word_table((UNKNOWN,)).tokens
    counts = Counter(token for question in dataset.questions for token in tokens(question))
    known = sorted((w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))
    return Counter({word: counts[word] for word in known})


def listed_words(path: Path) -> tuple[Words, list[str]]:
    """The words of a file, one a line, and those among them that no question's token can ever be.

    Lines such as "<unknown 0>", which a bundle's words.txt ends with, are passed over. Raises VectorError.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise VectorError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise VectorError(f"{path} is not UTF-8: {error.reason}.") from error
    tokens = word_table((UNKNOWN,)).tokens
    words = dict.fromkeys(line.strip() for line in lines)
    words.pop("", None)
    kept = {word: tokens(word) == [word] for word in words if not word.startswith("<unknown ")}
    if not kept:
        raise VectorError(f"{path} holds no words.")
    return Counter({word: 1 for word, is_token in kept.items() if is_token}), [
        word for word, is_token in kept.items() if not is_token
    ]
