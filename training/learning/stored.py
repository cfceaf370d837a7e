"""Questions beside features from a store: numbers in memory, features read batch by batch from the file.

Of VQA v2's training split, 443,757 questions take 75 MB; its features, 0.7 GB as float16, stay on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asksight.ext import WordTable

from ..datasets import Dataset
from ..datasets.bad_entries import BadEntries
from ..features.store import FeatureStore
from ..measuring.familiar_run import QuestionsAsked
from .stored_settings import Targets

_SORTED = 16  # batches whose questions are sorted by length together


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which rows of each batch this worker learns from: number `index` and every `of`-th after it."""

    index: int = 0
    of: int = 1

    def filled(self, size: int) -> int:
        """How many of a batch of `size` are here."""
        return len(range(self.index, size, self.of))

    def rows(self, size: int) -> NDArray[np.int32]:
        """Their numbers, and 0 as often as it takes to have as many as every other worker. [ceil(size / of)]"""
        rows = np.zeros(-(-size // self.of), np.int32)
        rows[: self.filled(size)] = np.arange(self.index, size, self.of)
        return rows


WHOLE = Share()


@dataclass(frozen=True, kw_only=True)
class StoredQuestions:
    """Row i of every array belongs to question i."""

    rows: NDArray[np.int32]  # [N, T] of the word table, 0 where padded
    lengths: NDArray[np.int32]  # [N]
    targets: NDArray[np.int32]  # [N, K] answers as numbers, -1 where not known; K is 1 for modal targets
    modal: NDArray[np.int32]  # [N], -1 where not known
    places: NDArray[np.int64]  # [N] rows of the store; 0 where there is none
    texts: tuple[str, ...]  # [N]
    types: tuple[str, ...]  # [N] answer types
    store: FeatureStore | None  # None: the question alone
    photo: Callable[[int], Path] | None = (
        None  # where that of a place lies; None: only features are to be had
    )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """(F,), (n, C) or (h, w, C); (1,) without a store."""
        return (1,) if self.store is None else self.store.about.feature_shape

    def batch(self, chosen: NDArray[np.int64], share: Share = WHOLE) -> Batch:
        """A share of these questions, as long as the longest of all, with their features.

        All shares have equally many rows: what is missing is filled up with a question that has no answer, from which
        nothing is learned.
        """
        own = share.rows(len(chosen))
        here = chosen[own]
        targets = self.targets[here]
        targets[share.filled(len(chosen)) :] = -1
        return Batch(
            rows=self.rows[here, : max(1, int(self.lengths[chosen].max(initial=1)))],
            lengths=self.lengths[here],
            features=self._features(self.places[here]),
            targets=targets,
            size=len(chosen),
            own=own,
        )

    def asked(self) -> QuestionsAsked:
        """The same for what is to be learned of what the model knows."""
        features = None if self.store is None else self.store.read
        return QuestionsAsked(questions=self.texts, photo_of=self.places, features=features, photo=self.photo)

    def _features(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.store is None:
            return np.zeros((len(places), 1), np.float32)
        once, back = np.unique(places, return_inverse=True)  # in the file's order, each photo once
        return self.store.read(once)[back]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one step learns from."""

    rows: NDArray[np.int32]  # [B, T]
    lengths: NDArray[np.int32]  # [B]
    features: NDArray[np.float32]  # [B, F], [B, n, C] or [B, h, w, C]
    targets: NDArray[np.int32]  # [B, K]
    size: int  # questions in the whole batch
    own: NDArray[np.int32]  # [B] which of these are here: all, unless others learn from the rest


def read_questions(
    dataset: Dataset,
    *,
    table: WordTable,
    answers: Sequence[str],
    targets: Targets,
    store: FeatureStore | None,
    chosen: NDArray[np.int64] | None = None,
) -> StoredQuestions:
    """Numbers for a split, or for the questions `chosen` of it.

    Raises FeatureError where the store lacks a photo that is asked about.
    """
    index = np.arange(len(dataset)) if chosen is None else chosen
    rows, lengths = table.rows([dataset.questions[i] for i in index])
    number = {answer: i for i, answer in enumerate(answers)}
    modal = np.array([number.get(dataset.answers_modal[i], -1) for i in index], np.int32)
    image_ids = np.array(dataset.image_ids, np.int64)[index]
    return StoredQuestions(
        rows=np.maximum(rows, 0),
        lengths=lengths,
        targets=modal[:, None] if targets == "modal" else _everybody(dataset, index, number),
        modal=modal,
        places=np.zeros(len(index), np.int64) if store is None else store.rows(image_ids),
        texts=tuple(dataset.questions[i] for i in index),
        types=tuple(dataset.answer_types[i] for i in index),
        store=store,
        photo=None
        if store is None or dataset.photos is None
        else lambda place: dataset.photo(int(store.image_ids[place])),
    )


def _everybody(dataset: Dataset, index: NDArray[np.int64], number: dict[str, int]) -> NDArray[np.int32]:
    """Each person's answer, [N, K]; -1 for answers that are not known and where there are fewer than K."""
    most = max((len(dataset.answers_all[i]) for i in index), default=1)
    targets = np.full((len(index), max(1, most)), -1, np.int32)
    for row, i in enumerate(index):
        said = [number.get(answer, -1) for answer in dataset.answers_all[i]]
        targets[row, : len(said)] = said
    return targets


def with_features(dataset: Dataset, store: FeatureStore | None, problems: BadEntries) -> Dataset:
    """The questions about photos that have features, where the others are to be left out and counted; else all."""
    if store is None or not problems.skip:
        return dataset
    has = store.has(dataset.image_ids)
    for image_id in dict.fromkeys(np.array(dataset.image_ids, np.int64)[~has].tolist()):
        problems.meet("photo without features", f"{store.path} has no features of image id {image_id}.")
    return dataset.only(np.flatnonzero(has).tolist())


def hold_out(dataset: Dataset, *, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Questions to learn from and questions held out: all those about `share` of the photos, drawn by `seed`.

    At least one photo is held out.
    """
    image_ids = np.array(dataset.image_ids, np.int64)
    photos = np.random.default_rng(seed).permutation(np.unique(image_ids))
    held = np.isin(image_ids, photos[: max(1, round(share * len(photos)))])
    return np.flatnonzero(~held), np.flatnonzero(held)


class StoredBatches:
    """Endless training batches, the same for the same seed; an epoch shows every usable question once.

    Questions of a batch are about equally long, so that little of it is padding, which costs time like words.
    """

    def __init__(
        self,
        questions: StoredQuestions,
        *,
        size: int,
        seed: int,
        unknown_row: int,
        word_dropout: float,
        share: Share = WHOLE,
    ) -> None:
        self.questions, self.size, self.seed, self.share = questions, size, seed, share
        self.unknown_row, self.word_dropout = unknown_row, word_dropout
        self.usable = np.flatnonzero((questions.targets >= 0).any(axis=1))  # with an answer that is known

    @property
    def steps_per_epoch(self) -> int:
        return max(1, -(-len(self.usable) // self.size))

    def from_step(self, step: int) -> Iterator[Batch]:
        """Batches number `step` and on, so that a resumed run sees what the stopped one would have seen."""
        while True:
            epoch, within = divmod(step, self.steps_per_epoch)
            chosen = self._of_an_epoch(epoch)
            for at in range(within, self.steps_per_epoch):
                batch = self.questions.batch(chosen[at], self.share)
                yield self._with_unknown(batch, [self.seed, epoch, at]) if self.word_dropout else batch
                step += 1

    def _of_an_epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        """The questions of each batch: drawn, sorted by length a few batches at a time, and those put in any order."""
        random = np.random.default_rng([self.seed, epoch])
        order, several = random.permutation(self.usable), _SORTED * self.size
        for start in range(0, len(order), several):
            drawn = order[start : start + several]
            order[start : start + several] = drawn[np.argsort(self.questions.lengths[drawn], kind="stable")]
        batches = [order[at * self.size : (at + 1) * self.size] for at in range(self.steps_per_epoch)]
        return [batches[i] for i in random.permutation(len(batches))]

    def _with_unknown(self, batch: Batch, seed: list[int]) -> Batch:
        """Some words as if they were not known, so that the row for those is learned, too."""
        whole = np.random.default_rng([*seed, 1]).random((batch.size, batch.rows.shape[1]))
        dropped = whole[batch.own] < self.word_dropout
        return replace(batch, rows=np.where(dropped, self.unknown_row, batch.rows).astype(np.int32))


def in_order(
    questions: StoredQuestions, *, size: int, share: tuple[int, int] = (0, 1)
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Every question once, for measuring; long ones together, with the questions' numbers.

    Of these batches a `share`: number `share[0]` and every `share[1]`-th after it.
    """
    order = np.argsort(questions.lengths, kind="stable")
    for start in range(share[0] * size, len(order), share[1] * size):
        chosen = order[start : start + size]
        yield chosen, questions.batch(chosen)
