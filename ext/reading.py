"""What one reading of a batch of questions tells: their vectors, and whether they can be gone by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reading(NamedTuple):
    """N questions; row i of each belongs to the i-th."""

    vectors: NDArray[Any]  # [N, T, D] float32, zero where no token is
    lengths: NDArray[np.int32]  # [N]
    cut: NDArray[np.bool_]  # [N]: whether it has more tokens than are read
    known: NDArray[np.bool_]  # [N]: whether a word among those that are read has a vector of its own


def is_word(token: str) -> bool:
    """Whether it holds a letter or a digit; vocabularies have vectors of marks too."""
    return token.isalnum() or any(map(str.isalnum, token))
