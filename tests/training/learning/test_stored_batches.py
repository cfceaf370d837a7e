"""Batches of stored questions: all of them once an epoch, about equally long together, the same from any step."""

from __future__ import annotations

from itertools import chain, islice

import numpy as np

from asksight.training.learning.stored import StoredBatches, StoredQuestions

SIZE, LONGEST = 8, 20


def batches(*, word_dropout: float = 0.0) -> StoredBatches:
    """397 questions that are known by their first row, 3 to 20 long; every fourth has no answer that is known."""
    count = 397
    lengths = np.random.default_rng(0).integers(3, LONGEST + 1, count).astype(np.int32)
    rows = np.zeros((count, LONGEST), np.int32)
    rows[np.arange(LONGEST) < lengths[:, None]] = 1000
    rows[:, 0] = np.arange(count)
    modal = np.where(np.arange(count) % 4 == 0, -1, np.arange(count)).astype(np.int32)
    questions = StoredQuestions(
        rows=rows,
        lengths=lengths,
        targets=modal[:, None],
        modal=modal,
        places=np.zeros(count, np.int64),
        texts=("what is this",) * count,
        types=("other",) * count,
        store=None,
    )
    return StoredBatches(questions, size=SIZE, seed=5, unknown_row=2000, word_dropout=word_dropout)


def test_an_epoch_shows_every_usable_question_once_and_the_next_in_another_order() -> None:
    made = batches()
    seen = [list(batch.rows[:, 0]) for batch in islice(made.from_step(0), 2 * made.steps_per_epoch)]
    first, second = seen[: made.steps_per_epoch], seen[made.steps_per_epoch :]
    wanted = [i for i in range(397) if i % 4]
    assert sorted(chain(*first)) == sorted(chain(*second)) == wanted
    assert first != second
    assert sorted(map(len, first)) == [len(wanted) % SIZE, *[SIZE] * (len(wanted) // SIZE)]


def test_questions_of_a_batch_are_about_equally_long() -> None:
    made = batches()
    epoch = list(islice(made.from_step(0), made.steps_per_epoch))
    said = sum(int(batch.lengths.sum()) for batch in epoch)
    shown = sum(batch.rows.size for batch in epoch)
    assert all(batch.rows.shape[1] == batch.lengths.max() for batch in epoch)
    assert said / shown > 0.9  # drawn blindly, eight questions are padded to 0.65
    longest = [int(batch.lengths.max()) for batch in epoch]
    assert longest != sorted(longest)  # but not the short ones first


def test_from_a_step_on_they_are_what_they_would_have_been() -> None:
    whole = list(islice(batches(word_dropout=0.3).from_step(0), 90))
    for step in (1, 37, 50):
        for batch, wanted in zip(batches(word_dropout=0.3).from_step(step), whole[step:], strict=False):
            np.testing.assert_array_equal(batch.rows, wanted.rows)
            np.testing.assert_array_equal(batch.targets, wanted.targets)
