"""Spelled answers: beams of pieces → texts and their probabilities, each text once, the likeliest first. Pure.

The probability of a text is the sum over the beams that spell it, of the product of the probabilities of their pieces
(beam search: Sutskever et al., Sequence to Sequence Learning with Neural Networks, 2014, 3.2). What the beams leave of
1 belongs to all texts that they do not hold, and takes part in the temperature as one more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .load import Bundle

CONTINUES = "##"  # at the beginning of a piece: it goes on with the word before
# What BERT's decoder does to spaces (Hugging Face Transformers, `clean_up_tokenization`), in its order. As in
# ext/decoding.py, which the engine does not import; a test holds both to the same texts.
CLEANED = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


class Speller:
    """Reads what one bundle's answerer spells. Read-only, thread-safe."""

    def __init__(
        self, words: Sequence[str], stop: int, *, special: Collection[int] = (), temperature: float = 1.0
    ) -> None:
        """`words` [V] are the pieces, `stop` is the row that ends a spelling; those of `special` are left out."""
        self._words = words
        self._stop = stop
        self._special = frozenset(special)
        self._temperature = temperature

    @classmethod
    def of(cls, bundle: Bundle, *, temperature: float = 1.0) -> Speller:
        """That of a bundle which spells its answers. What stands around a question belongs to none of them."""
        assert bundle.spelling is not None
        pieces = bundle.pieces
        special = () if pieces is None else (pieces.first, pieces.last, pieces.unknown)
        return cls(bundle.words, bundle.spelling.stop, special=special, temperature=temperature)

    def usable(self, tokens: NDArray[np.int32], log_probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """[N]: whether all pieces of [N, W, L] are rows of the table, with probabilities that are numbers."""
        known = (tokens >= 0) & (tokens < len(self._words))
        good = known & np.isfinite(log_probabilities)
        usable: NDArray[np.bool_] = np.logical_and.reduce(good, axis=(1, 2))
        return usable

    def __call__(
        self, tokens: NDArray[np.int32], log_probabilities: NDArray[np.float32]
    ) -> list[list[tuple[str, float]]]:
        """Texts and probabilities of each of N questions, from usable [N, W, L]; no text is empty, W at most."""
        sums = np.sum(log_probabilities, axis=2, dtype=np.float64)  # [N, W]
        likely = np.exp(np.minimum(sums, 0.0)).tolist()
        return [self._texts(beams, chances) for beams, chances in zip(tokens.tolist(), likely, strict=True)]

    def _texts(self, beams: list[list[int]], chances: list[float]) -> list[tuple[str, float]]:
        found: dict[str, float] = {}
        for rows, chance in zip(beams, chances, strict=True):
            if text := self.text(rows):
                found[text] = found.get(text, 0.0) + chance
        heated = tempered(list(found.values()), self._temperature)
        return sorted(zip(found, heated, strict=True), key=_falling)

    def text(self, rows: Sequence[int]) -> str:
        """What the pieces up to the stop spell."""
        end = rows.index(self._stop) if self._stop in rows else len(rows)
        pieces = (self._words[row] for row in rows[:end] if row not in self._special)
        text = " ".join(pieces).replace(f" {CONTINUES}", "").strip()
        for spaced, clean in CLEANED:
            text = text.replace(spaced, clean)
        return text


def tempered(chances: Sequence[float], temperature: float) -> list[float]:
    """Probabilities of texts under a temperature: in proportion to p^(1/temperature), all other texts as one more.

    At a temperature of 1 they stay as they are. None is over 1, whatever rounding did.
    """
    total = sum(chances)
    if total > 1.0:  # rounding, or a graph whose numbers are none
        chances, total = [one / total for one in chances], 1.0
    if temperature == 1.0:
        return list(chances)
    # By logarithms and the largest first, as in a softmax: powers of small numbers vanish.
    logs = np.log(np.maximum([*chances, 1.0 - total], 1e-300)) / temperature
    powers = np.exp(logs - logs.max())
    heated: list[float] = (powers / powers.sum())[:-1].tolist()
    return heated


def _falling(one: tuple[str, Any]) -> float:
    return -float(one[1])
