"""What a run on stored features is made from."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import Any, Literal

from .options import option
from .runs import EPOCHS, LEARNING_RATE, SEED, SPLIT, VAL_SPLIT

Targets = Literal["modal", "soft"]

QUESTION_ONLY = "none"  # in place of a store: the photo is not looked at
TUTORIAL_ANSWERS = 1000
WITH_FEATURES = "With --features"


@dataclass(frozen=True, kw_only=True)
class StoredSettings:
    """All of it; a run is resumed only with the same settings. The defaults are the tutorial's where it has any."""

    arch: str  # "mlp", "lstm", or "attention", which takes grids
    data: str
    features: str  # a store's folder, or QUESTION_ONLY
    train_split: str = option(MISSING, SPLIT, flag="split")
    val_split: str | None = option(None, VAL_SPLIT)  # None: `holdout` of the photos
    holdout: float = 0.1
    encoder: dict[str, Any] = field(default_factory=dict)  # as the store tells
    vectors: str | None = option(
        None,
        "A folder from `asksight vectors`, whose vectors are used unchanged. Without it, vectors are learned.",
        WITH_FEATURES,
        metavar="DIR",
    )
    tune_vectors: bool = option(False, "Train the vectors of --vectors too.", WITH_FEATURES)
    word_dimension: int = option(
        300, "The dimension of word vectors that are learned.", WITH_FEATURES, flag="dimension", at_least=1
    )
    min_word_count: int = 2  # of words that get a row of their own, where rows are learned
    word_dropout: float = 0.01  # likewise, and where they are tuned
    max_tokens: int = 30
    top_answers: int | None = option(
        TUTORIAL_ANSWERS,
        "How many answers the model knows, the commonest first; no limit where --min-answer-count is given.",
        WITH_FEATURES,
        at_least=1,
    )
    min_answer_count: int = option(
        1, "Know only answers that are given at least so often.", WITH_FEATURES, at_least=1
    )
    targets: Literal["modal", "soft"] = option(
        "modal",
        "Learn from modal, the commonest answer; or soft, all ten.",
        WITH_FEATURES,
        choices=("modal", "soft"),
    )
    epochs: int = option(50, EPOCHS, at_least=1)
    patience: int = option(
        5,
        "Stop after so many epochs without a better validation; 0 never stops early.",
        WITH_FEATURES,
        at_least=0,
    )
    batch: int = option(128, "Questions in each training step.", WITH_FEATURES, at_least=1)
    optimizer: str = option(
        "rmsprop",
        "rmsprop or adam; attention takes adam unless told otherwise.",
        WITH_FEATURES,
        choices=("rmsprop", "adam"),
    )
    learning_rate: float = option(1e-3, LEARNING_RATE, at_least=0)
    seed: int = option(0, SEED)
    sizes: dict[str, Any] = field(default_factory=dict)  # of the model, where not the default

    @property
    def learns_vectors(self) -> bool:
        """Whether word vectors are among what is learned."""
        return self.vectors is None or self.tune_vectors
