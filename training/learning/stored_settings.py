"""What a run on stored features is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .stored import Targets

QUESTION_ONLY = "none"  # in place of a store: the photo is not looked at
TUTORIAL_ANSWERS = 1000


@dataclass(frozen=True, kw_only=True)
class StoredSettings:
    """All of it; a run is resumed only with the same settings. The defaults are the tutorial's where it has any."""

    arch: str  # "mlp", "lstm", or "attention", which takes grids
    data: str
    features: str  # a store's folder, or QUESTION_ONLY
    train_split: str
    val_split: str | None  # None: `holdout` of the photos
    holdout: float = 0.1
    encoder: dict[str, Any] = field(default_factory=dict)  # as the store tells
    vectors: str | None = None  # a folder from `asksight vectors`; None: rows are learned
    tune_vectors: bool = False  # learn them further, from where they are
    word_dimension: int = 300
    min_word_count: int = 2  # of words that get a row of their own, where rows are learned
    word_dropout: float = 0.01  # likewise, and where they are tuned
    max_tokens: int = 30
    top_answers: int | None = TUTORIAL_ANSWERS
    min_answer_count: int = 1
    targets: Targets = "modal"
    epochs: int = 50
    patience: int = 5  # epochs without a better validation before it stops; 0: never
    batch: int = 128
    optimizer: str = "rmsprop"
    learning_rate: float = 1e-3
    seed: int = 0
    sizes: dict[str, Any] = field(default_factory=dict)  # of the model, where not the default

    @property
    def learns_vectors(self) -> bool:
        """Whether word vectors are among what is learned."""
        return self.vectors is None or self.tune_vectors
