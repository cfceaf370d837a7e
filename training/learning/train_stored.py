"""Train a model on stored features: `mlp` and `lstm`, the tutorial's, or `attention`; or on the question alone.

Run by `asksight train --arch lstm --features STORE`; stopped in whatever way, the same command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asksight.ext import WordTable

from ..cluster.together import Together
from ..datasets import Dataset, open_dataset
from ..datasets.bad_entries import BadEntries
from ..datasets.splits import TO_LEARN, check_answered
from ..errors import FeatureError, TrainingError
from ..features.kept_encoder import check_kept_encoder
from ..features.store import FeatureStore
from ..measuring.calibrate import MAX_RISK
from ..measuring.calibration_record import calibrate_run
from ..measuring.familiar_run import learn_familiar
from ..models.no_photo import no_photo
from ..vectors import VectorTable, load_vectors
from .event_log import EventLog
from .examples import choose_answers, choose_words
from .fingerprints import of_features, of_questions, of_vectors
from .fitting import Course, StepsDone, fit
from .run_state import History
from .runs import UNANSWERABLE, Run, write_lines
from .stored import WHOLE, StoredBatches, StoredQuestions, hold_out, read_questions, with_features
from .stored_learner import StoredLearner
from .stored_predict import HELD, feature_bytes, measure_stored, predict_stored
from .stored_settings import QUESTION_ONLY, StoredSettings
from .stored_workers import Workers, state_of

_Material = tuple[  # words, given vectors, what to learn from and to measure on, answers, fingerprints
    tuple[str, ...], VectorTable | None, StoredQuestions, StoredQuestions, tuple[str, ...], dict[str, str]
]
_LOGGED = 20  # steps between two points of a curve
_AHEAD = 4 * HELD  # bytes of features that wait to be learned from, at most


def train_stored(
    settings: StoredSettings,
    out: Path,
    *,
    max_risk: float = MAX_RISK,
    problems: BadEntries | None = None,
    curves: Path | None = None,
    workers: Workers | None = None,
    report: Callable[[StepsDone], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> Run:
    """Train, calibrate on the validation questions, and leave the result in the folder `out`.

    Curves for TensorBoard go into the folder `curves`. Calibration lets at most `max_risk` of what
    is answered be wrong. `problems` say whether bad entries, and questions about photos that could not be encoded, are
    left out and counted. Raises TrainingError when the folder holds another run, or one of other data, or the loss is
    no number any more, and FeatureError, VectorError and DatasetError where what it reads does not fit. Killed at any
    moment, the same call goes on where it was; so it does after a KeyboardInterrupt.

    With `workers` the same call in each of them, before TensorFlow is used, learns what one process would. Only the
    chief writes; the others' `out` stays as it is. Raises ClusterError where a worker is missing, differs, or goes.
    """
    keras.utils.set_random_seed(settings.seed)
    run, writes = Run(out), workers is None or workers.cluster.is_chief

    def read() -> tuple[_Material, dict[str, str]]:
        found = _read(settings, problems or BadEntries(), say)
        if writes:
            run.check(settings, found[-1])
        return found, found[-1]

    if workers is None:
        material, together = read()[0], None
    else:
        material, together = workers.agree(settings, read, say=say)
    words, vectors, learning, validation, answers, inputs = material
    if writes:
        run.begin(settings, inputs)  # only now, so that a mistake leaves no folder behind
        write_lines(run.words, words)
        write_lines(run.answers, answers)
    batches = StoredBatches(
        learning,
        size=settings.batch,
        seed=settings.seed,
        unknown_row=len(words) - 1,
        word_dropout=settings.word_dropout if settings.learns_vectors else 0.0,
        share=WHOLE if workers is None else workers.share,
    )
    learner = StoredLearner(
        settings,
        words=len(words),
        vectors=None if vectors is None else vectors.vectors,
        feature_shape=learning.feature_shape,
        answers=len(answers),
        together=together,
    )
    log = EventLog(curves if writes else None)
    try:
        history = _fit(settings, learner, run, batches, validation, log, report, say, together)
    finally:
        log.close()
    if not writes:
        return run
    _finish(settings, learner, run, learning, validation, answers, max_risk)
    best = max(history, key=lambda row: row["val_exact"]["all"])
    say(f"kept step {best['step']}: {100 * best['val_exact']['all']:.2f} % exact on validation")
    return run


def _read(settings: StoredSettings, problems: BadEntries, say: Callable[[str], None]) -> _Material:
    """Words and answers are chosen from what is learned from."""
    if settings.features != QUESTION_ONLY:
        check_kept_encoder(Path(settings.features))
    dataset, inputs = _split(settings, settings.train_split, problems)
    measured, index, held = dataset, np.arange(len(dataset)), np.arange(0)
    if settings.val_split is None:
        index, held = hold_out(dataset, share=settings.holdout, seed=settings.seed)
    else:
        measured, others = _split(settings, settings.val_split, problems)
        inputs |= others
    problems.check()
    vectors = None
    if settings.vectors is not None:
        vectors = load_vectors(
            Path(settings.vectors), dimension=settings.word_dimension, model=f"this {settings.arch}"
        )
        words = vectors.words
    else:
        words = choose_words([dataset.questions[i] for i in index], min_count=settings.min_word_count)
    answers = choose_answers(
        [dataset.answers_modal[i] for i in index],
        top=settings.top_answers,
        min_count=settings.min_answer_count,
    )
    if not answers:
        raise TrainingError(
            f"No answer is given {settings.min_answer_count} times; lower --min-answer-count."
        )
    table = WordTable(
        words,
        np.zeros((len(words), 1), np.float32),
        limit=settings.max_tokens,
        unknown_rows=1 if vectors is None else vectors.unknown_rows,
    )

    def read(source: Dataset, split: str, chosen: NDArray[np.int64] | None) -> StoredQuestions:
        store = _open(settings, split)
        return read_questions(
            source, table=table, answers=answers, targets=settings.targets, store=store, chosen=chosen
        )

    learning = read(dataset, settings.train_split, index)
    if settings.val_split is None:
        validation = read(measured, settings.train_split, held)
    else:
        validation = read(measured, settings.val_split, None)
    if not len(learning) or not len(validation):
        raise TrainingError(
            f"{settings.data} has too few photos: {len(learning)} questions to learn from and "
            f"{len(validation)} to measure on."
        )
    say(
        f"{len(learning)} questions, {len(words)} words, {len(answers)} answers; {len(validation)} to measure on"
    )
    return words, vectors, learning, validation, answers, inputs | of_vectors(vectors)


def _split(settings: StoredSettings, split: str, problems: BadEntries) -> tuple[Dataset, dict[str, str]]:
    """A split, and fingerprints of it. Raises DatasetError where it has no answers."""
    dataset, store = open_dataset(settings.data, split, problems), _open(settings, split)
    check_answered(dataset, Path(settings.data), todo=TO_LEARN)
    return with_features(dataset, store, problems), of_questions(dataset) | of_features(store, split)


def _open(settings: StoredSettings, split: str) -> FeatureStore | None:
    """The split's features. Raises FeatureError where they are not of the kind that the model takes."""
    places = settings.arch == "attention"
    if settings.features == QUESTION_ONLY:
        if places:
            raise FeatureError("attention looks at photos; give a store that was made with --grid.")
        return None
    store = FeatureStore(Path(settings.features), split)
    shape = list(store.about.feature_shape)
    if places and len(shape) == 1:
        raise FeatureError(
            f"{settings.features} holds one row {shape} a photo; attention takes several places. Make features with "
            "--grid, or train --arch mlp or lstm."
        )
    if not places and len(shape) != 1:
        raise FeatureError(
            f"{settings.features} holds several places {shape} a photo; {settings.arch} takes one row. Train --arch "
            "attention, or make features without --grid."
        )
    return store


def _fit(
    settings: StoredSettings,
    learner: StoredLearner,
    run: Run,
    batches: StoredBatches,
    validation: StoredQuestions,
    log: EventLog,
    report: Callable[[StepsDone], None],
    say: Callable[[str], None],
    together: Together | None,
) -> History:
    """All epochs that are left, until the best of them is long ago."""
    steps = settings.epochs * batches.steps_per_epoch

    def stepped(step: int, loss: float) -> None:
        if step % _LOGGED == 1:
            log.write(step, {"loss": loss})

    def measured(history: History) -> None:
        if _best(history) == len(history) - 1 and (together is None or together.cluster.is_chief):
            run.save_best(learner.step, learner.model_variables)
        exact = {f"val_exact/{kind}": share for kind, share in history[-1]["val_exact"].items()}
        log.write(learner.step, {"val_loss": history[-1]["val_loss"]} | exact)

    course = Course(
        variables=learner.variables,
        step=lambda: learner.step,
        steps=steps,
        steps_per_epoch=batches.steps_per_epoch,
        inputs=lambda step: _prefetched(batches, step, steps, learner),
        learn=learner.learn,
        measure=lambda: measure_stored(learner, validation, together),
        line=lambda row: _line(row, steps),
        stepped=stepped,
        measured=measured,
        over=lambda history: _over(settings, history),
        stopped=lambda: learner.stopped,
    )
    with nullcontext() if together is None else together.interrupts_agreed():
        return fit(course, run, report=report, say=say, state=state_of(run, learner, together))


def _prefetched(batches: StoredBatches, step: int, steps: int, learner: StoredLearner) -> Iterator[Any]:
    """The inputs of the steps that are left, read in another thread while the model learns from those before."""

    ahead = max(1, min(4, _AHEAD // (batches.size * feature_bytes(batches.questions))))

    def generate() -> Iterator[tuple[Any, ...]]:
        for batch in islice(batches.from_step(step), max(0, steps - step)):
            yield batch.rows, batch.lengths, batch.features, batch.targets, batch.own, np.int32(batch.size)

    return iter(tf.data.Dataset.from_generator(generate, output_signature=learner.signature).prefetch(ahead))


def _assign(variables: list[Any], values: list[NDArray[Any]]) -> None:
    for variable, kept in zip(variables, values, strict=True):
        variable.assign(kept)


def _best(history: History) -> int:
    return max(range(len(history)), key=lambda at: history[at]["val_exact"]["all"])


def _over(settings: StoredSettings, history: History) -> bool:
    """Whether the best validation is `patience` epochs ago."""
    return bool(settings.patience and history) and len(history) - 1 - _best(history) >= settings.patience


def _line(row: dict[str, Any], steps: int) -> str:
    parts = " ".join(f"{kind} {100 * share:.1f}" for kind, share in row["val_exact"].items())
    loss = "" if row["loss"] is None else f" loss {row['loss']:.3f}"
    return f"step {row['step']}/{steps}{loss} val loss {row['val_loss']:.3f} exact % {parts}"


def _finish(
    settings: StoredSettings,
    learner: StoredLearner,
    run: Run,
    learning: StoredQuestions,
    validation: StoredQuestions,
    answers: tuple[str, ...],
    max_risk: float,
) -> None:
    """Go back to the best epoch, calibrate it, and write what export reads."""
    if (best := run.load_best()) is not None:
        _assign(learner.model_variables, best[1])
    known = answers.index(UNANSWERABLE) if UNANSWERABLE in answers else None
    logits = predict_stored(learner, validation)
    certain = calibrate_run(run, logits, validation.modal, unanswerable=known, max_risk=max_risk)
    learn_familiar(run, learning.asked(), validation.asked(), certain)
    np.save(run.vectors, np.asarray(learner.embedding.embeddings, np.float32))
    learner.answerer.save(run.answerer)
    if settings.features == QUESTION_ONLY:
        no_photo().save(run.encoder)
