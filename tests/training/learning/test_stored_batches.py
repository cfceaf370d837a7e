"""Batches of stored questions: all of them once an epoch, about equally long together, the same from any step."""

from __future__ import annotations

from itertools import chain, islice

import numpy as np
import pytest

from asksight.training.learning.stored import WHOLE, Share, StoredBatches, StoredQuestions

SIZE, LONGEST = 8, 20


def batches(*, word_dropout: float = 0.0, share: Share = WHOLE) -> StoredBatches:
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
    return StoredBatches(
        questions, size=SIZE, seed=5, unknown_row=2000, word_dropout=word_dropout, share=share
    )


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


@pytest.mark.parametrize("of", [2, 3, SIZE + 2])
def test_shares_of_a_batch_are_the_batch(of: int) -> None:
    """With the same words unknown; all shares are equally large, and what fills them up has no answer."""
    epoch = batches().steps_per_epoch
    shares = [
        list(islice(batches(word_dropout=0.3, share=Share(index=index, of=of)).from_step(0), epoch))
        for index in range(of)
    ]
    for at, whole in enumerate(islice(batches(word_dropout=0.3).from_step(0), epoch)):
        parts = [share[at] for share in shares]
        assert {len(part.rows) for part in parts} == {-(-whole.size // of)}
        assert {part.size for part in parts} == {whole.size}
        real = [part.targets[:, 0] >= 0 for part in parts]
        own = np.concatenate([part.own[kept] for part, kept in zip(parts, real, strict=True)])
        assert sorted(own) == list(range(whole.size))
        for name in ("rows", "lengths", "features", "targets"):
            found = np.concatenate(
                [getattr(part, name)[kept] for part, kept in zip(parts, real, strict=True)]
            )
            np.testing.assert_array_equal(found, getattr(whole, name)[own])
