"""Train a photo encoder and an answerer together, from photos and questions.

A batch holds photos and several questions about each, so that a photo is encoded once for all of its questions.
Run by `asksight train`; stop it with Ctrl-C and the same command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..datasets import Dataset
from ..datasets.bad_entries import BadEntries
from ..errors import TrainingError
from ..measuring.calibrate import MAX_RISK
from ..measuring.calibration_record import calibrate_run
from ..measuring.familiar_run import QuestionsAsked, learn_familiar
from ..models import attention
from .examples import (
    Batch,
    Batches,
    Examples,
    Read,
    choose_answers,
    choose_words,
    in_photo_order,
    load_examples,
)
from .fitting import Course, StepsDone, fit
from .objects import load_objects
from .photo_sets import boxes_of, inputs_of, open_sets
from .runs import UNANSWERABLE, Run, TrainSettings, write_lines

_CELLS_WEIGHT = 0.3  # of the lesson about what stands where, beside that of the questions


class Learner:
    """The models, their optimiser and the two compiled functions of training."""

    def __init__(self, settings: TrainSettings, *, words: int, answers: int, labels: int, steps: int) -> None:
        config = attention.AttentionConfig(side=settings.side, **settings.sizes)
        self.encoder = attention.encoder(config)
        self.answerer = attention.answerer(
            config, feature_shape=self.encoder.output_shape[1:], answers=answers
        )
        self.embedding = keras.layers.Embedding(words, config.word_dimension, name="vectors")
        self.embedding.build((None, None))
        models = [self.encoder, self.answerer, self.embedding]
        self.cells = (
            keras.layers.Dense(labels, bias_initializer=keras.initializers.Constant(-3.0)) if labels else None
        )
        if self.cells is not None:
            self.cells.build(self.encoder.output_shape)
            models.append(self.cells)
        self.weights = [w for m in models for w in m.trainable_variables]
        warmup = min(500, steps // 10)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warmup), warmup_target=settings.learning_rate, warmup_steps=warmup
        )
        self.optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, global_clipnorm=1.0)
        self.optimizer.build(self.weights)
        self.variables = [v for m in models for v in m.variables] + self.optimizer.variables
        signature = [
            tf.TensorSpec((None, settings.side, settings.side, 3), tf.uint8),
            tf.TensorSpec((None, None), tf.int32),  # rows
            tf.TensorSpec((None,), tf.int32),  # lengths
            tf.TensorSpec((None,), tf.int32),  # photo_of
        ]
        truth = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None, None, None, labels), tf.uint8)]
        self.signature = (*signature, *truth)
        self._learn = tf.function(self._step, input_signature=self.signature)
        self.logits = tf.function(self._logits, input_signature=signature)
        self.features = tf.function(self._features, input_signature=signature[:1])

    @property
    def step(self) -> int:
        """Steps learned so far: the optimiser's own count, which changes with the weights."""
        return int(self.optimizer.iterations)

    def learn(self, *inputs: Any) -> float:
        """One step on what `signature` says; the loss before it, in nats a question."""
        return float(self._learn(*inputs))

    def _features(self, photos: Any) -> Any:
        return self.encoder(tf.cast(photos, tf.float32), training=False)

    def _logits(self, photos: Any, rows: Any, lengths: Any, photo_of: Any) -> Any:
        return self._answer(self._features(photos), rows, lengths, photo_of, training=False)

    def _answer(self, features: Any, rows: Any, lengths: Any, photo_of: Any, *, training: bool) -> Any:
        question = self.embedding(rows)
        return self.answerer([question, lengths, tf.gather(features, photo_of)], training=training)

    def _step(self, photos: Any, rows: Any, lengths: Any, photo_of: Any, answers: Any, cells: Any) -> Any:
        with tf.GradientTape() as tape:
            features = self.encoder(tf.cast(photos, tf.float32), training=True)
            logits = self._answer(features, rows, lengths, photo_of, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(answers, logits))
            total = loss
            if self.cells is not None:
                wrong = tf.nn.sigmoid_cross_entropy_with_logits(
                    tf.cast(cells, tf.float32), self.cells(features)
                )
                # Summed over cells, so that the few that hold something are not drowned in a mean.
                total += _CELLS_WEIGHT * tf.reduce_mean(tf.reduce_sum(wrong, axis=(1, 2)))
        self.optimizer.apply(tape.gradient(total, self.weights), self.weights)
        return loss


def train(
    settings: TrainSettings,
    out: Path,
    *,
    read: Read,
    max_risk: float = MAX_RISK,
    problems: BadEntries | None = None,
    decoded: Callable[[int, int], None] = lambda done, total: None,
    report: Callable[[StepsDone], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> Run:
    """Train on one split of `settings.data`, calibrate on the other, and leave the result in the folder `out`.

    Calibration lets at most `max_risk` of what is answered be wrong on validation; it may differ when a run is taken
    up. `problems` say whether bad entries and photos are left out and counted. `decoded` is told how many photos of a
    split are read, of how many, before the first step; `report` of each step. Raises TrainingError when the folder
    holds another run, or one of other data, or the loss is no number any more, and what reading the data set raises;
    where that is before the first step, a new folder is gone again. Killed at any moment, the same call goes on where
    it was; so it does after a KeyboardInterrupt.
    """
    keras.utils.set_random_seed(settings.seed)
    run = Run(out)
    problems = problems or BadEntries()
    sets = open_sets(settings, problems)
    inputs = inputs_of(settings, sets)
    run.check(settings, inputs)
    with run.opened():
        learning, validation, words, answers = _read(
            settings, sets, inputs, run, read, problems, decoded, say
        )
        run.begin(settings, inputs)
    write_lines(run.words, words)
    write_lines(run.answers, answers)
    batches = Batches(
        learning,
        photos=settings.photos_per_batch,
        questions=settings.questions_per_photo,
        unknown_row=len(words) - 1,
        word_dropout=settings.word_dropout,
        seed=settings.seed,
    )
    steps = settings.epochs * batches.steps_per_epoch
    learner = Learner(
        settings, words=len(words), answers=len(answers), labels=learning.cells.shape[-1], steps=steps
    )
    _fit(learner, run, batches, validation, steps, report, say)
    logits = predict(learner, validation, len(answers))
    known = answers.index(UNANSWERABLE) if UNANSWERABLE in answers else None
    certain = calibrate_run(run, logits, validation.answers, unanswerable=known, max_risk=max_risk)
    learn_familiar(run, _asked(learner, learning), _asked(learner, validation), certain)
    np.save(run.vectors, np.asarray(learner.embedding.embeddings, np.float16))
    learner.encoder.save(run.encoder)
    learner.answerer.save(run.answerer)
    return run


def _read(
    settings: TrainSettings,
    sets: tuple[Dataset, Dataset],
    inputs: Mapping[str, str],
    run: Run,
    read: Read,
    problems: BadEntries,
    decoded: Callable[[int, int], None],
    say: Callable[[str], None],
) -> tuple[Examples, Examples, tuple[str, ...], tuple[str, ...]]:
    """Both parts as arrays, words, and answers; words and answers are chosen from what is learned from."""
    words = choose_words(sets[0].questions, min_count=settings.min_word_count)
    answers = choose_answers(sets[0].answers_modal, top=settings.top_answers)
    say(f"{len(sets[0])} questions, {len(words)} words, {len(answers)} answers")
    learning, validation = (
        load_examples(
            one,
            words=words,
            answers=answers,
            max_tokens=settings.max_tokens,
            side=settings.side,
            cache=run.path / f"photos_{name}.npy",
            read=read,
            version=inputs[f"the photos of {one.split}"],
            problems=problems,
            progress=decoded,
        )
        for name, one in zip(("train", "val"), sets, strict=True)
    )
    problems.check()  # of both parts together
    if not len(learning.answers) or not len(validation.answers):
        raise TrainingError(
            f"{settings.data} has too few photos: {len(learning.answers)} questions to learn from and "
            f"{len(validation.answers)} to measure on."
        )
    if (boxes := boxes_of(settings)).exists():
        objects = load_objects(boxes, learning.image_ids, grid=(attention.GRID, attention.GRID))
        learning = replace(learning, cells=objects.cells)
        say(f"boxes of {len(objects.labels)} labels teach the encoder, too")
    return learning, validation, words, answers


def _fit(
    learner: Learner,
    run: Run,
    batches: Batches,
    validation: Examples,
    steps: int,
    report: Callable[[StepsDone], None],
    say: Callable[[str], None],
) -> None:
    course = Course(
        variables=learner.variables,
        step=lambda: learner.step,
        steps=steps,
        steps_per_epoch=batches.steps_per_epoch,
        inputs=lambda step: _prefetched(batches, step, steps, learner.signature),
        learn=learner.learn,
        measure=lambda: {"val_exact": _exact_by_family(learner, validation)},
        line=lambda row: _line(row, steps),
    )
    fit(course, run, report=report, say=say)


def _prefetched(batches: Batches, step: int, steps: int, signature: tuple[Any, ...]) -> Iterator[Any]:
    """The inputs of the steps that are left, made in another thread while the model learns from those before."""

    def generate() -> Iterator[tuple[Any, ...]]:
        for batch in islice(batches.from_step(step), max(0, steps - step)):
            yield (*_inputs(batch), batch.answers, batch.cells)

    return iter(tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4))


def _inputs(batch: Batch) -> tuple[NDArray[Any], ...]:
    return batch.photos, batch.rows, batch.lengths, batch.photo_of


def predict(learner: Learner, examples: Examples, answers: int) -> NDArray[np.float32]:
    """Logits [N,A] of every question."""
    logits = np.zeros((len(examples.answers), answers), np.float32)
    for questions, batch in in_photo_order(examples, photos=64):
        logits[questions] = learner.logits(*_inputs(batch)).numpy()
    return logits


def _asked(learner: Learner, examples: Examples) -> QuestionsAsked:
    def features(photos: NDArray[np.int64]) -> NDArray[np.float32]:
        return learner.features(examples.photos[photos]).numpy()  # type: ignore[no-any-return]

    return QuestionsAsked(
        questions=examples.questions,
        photo_of=examples.photo_of,
        features=features,
        photo=lambda photo: Path(examples.paths[photo]),
    )


def _exact_by_family(learner: Learner, examples: Examples) -> dict[str, float]:
    best = predict(learner, examples, learner.answerer.output_shape[-1]).argmax(axis=1)
    right = best == examples.answers
    families = np.array(examples.families)
    exact = {"all": float(right.mean())}
    return exact | {f: float(right[families == f].mean()) for f in sorted(set(examples.families))}


def _line(row: dict[str, Any], steps: int) -> str:
    parts = " ".join(f"{family} {100 * share:.1f}" for family, share in row["val_exact"].items())
    loss = "" if row["loss"] is None else f" loss {row['loss']:.4f}"
    return f"step {row['step']}/{steps}{loss} val exact % {parts}"
