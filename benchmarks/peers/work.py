"""The work of every peer: from photos and questions to the five best answers with their probabilities.

decode → encoder → words → answerer → softmax, with the same code and the same onnxruntime in each peer. The peers
differ in transport, batching and processes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from .internals import LARGEST_BATCH, load_bundle, open_stages, picture_maker, word_table

TOP_K = 5
CALLERS = 32  # the number of threads, or concurrent calls, of each peer

Answers = list[tuple[str, float]]  # label and probability, best first

__all__ = ["CALLERS", "LARGEST_BATCH", "TOP_K", "Answers", "Constant", "Vqa", "Work", "arguments", "work"]


class Work(Protocol):
    """What a peer serves. Not thread-safe."""

    def __call__(self, photos: Sequence[bytes], questions: Sequence[str]) -> list[Answers]:
        """Answer a batch; row i belongs to photo i and question i."""
        ...


class Constant:
    """The same answers to everything, so that only the cost of the peer is measured."""

    answers: ClassVar[Answers] = [(f"answer {one}", 0.5**one) for one in range(1, TOP_K + 1)]

    def __call__(self, photos: Sequence[bytes], questions: Sequence[str]) -> list[Answers]:
        return [self.answers] * len(photos)


class Vqa:
    """Answers with a bundle, in float32."""

    def __init__(self, bundle_path: Path, threads: int | None = None) -> None:
        bundle = load_bundle(bundle_path, verify=False)
        self._picture = picture_maker(bundle)
        self._words = word_table(bundle)
        self._labels = bundle.answers
        self._temperature = bundle.calibration.temperature
        self._encoder, self._answerer = open_stages(bundle, threads)

    def __call__(self, photos: Sequence[bytes], questions: Sequence[str]) -> list[Answers]:
        return self.answer(self.encode(photos), questions)

    def encode(self, photos: Sequence[bytes]) -> NDArray[Any]:
        """Photo files → features [N, F]."""
        pictures = np.stack([self._picture(photo) for photo in photos])  # [N, H, W, 3]
        return self._encoder.infer({"image": pictures})["features"]

    def answer(self, features: NDArray[Any], questions: Sequence[str]) -> list[Answers]:
        """Features [N, F] and a question about each → answers."""
        vectors, lengths = self._words.vectors(list(questions))  # [N, T, D] float32, [N] int32
        asked = {"question": vectors, "lengths": lengths, "features": features}
        return best(self._answerer.infer(asked)["logits"], self._labels, self._temperature)


def best(logits: NDArray[Any], labels: Sequence[str], temperature: float) -> list[Answers]:
    """Logits [N, A] → the TOP_K most probable answers of each row."""
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    found = []
    for row in probabilities:
        places = np.argpartition(-row, TOP_K)[:TOP_K]
        found.append([(labels[at], float(row[at])) for at in places[np.argsort(-row[places])]])
    return found


def arguments() -> argparse.Namespace:
    """The command-line arguments of every peer's server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--work", choices=("constant", "wire", "vqa"), required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument(
        "--keras", type=Path, help="the bundle's models as Keras saved them, for the tutorial"
    )
    return parser.parse_args()


def work(kind: str, bundle: Path, threads: int | None = None) -> Work:
    """What `--work` names."""
    return Constant() if kind == "constant" else Vqa(bundle, threads)
