"""The steps of a training, one after the other, with a look at validation after each epoch.

However it is stopped, the next run takes up at the last save, with the batches that would have come next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..errors import ClusterError, TrainingError
from .run_state import History, OwnState, RunState, loss_of
from .runs import Run

_SMOOTHED = 0.98  # of the loss shown, so that it can be read


@dataclass(frozen=True, kw_only=True)
class StepsDone:
    """How far a training has come, as reported after each step."""

    first: int  # the step that this process began with
    step: int
    steps: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is learned and how; `step` counts with the weights, so that the two are never apart."""

    variables: Sequence[Any]  # all that a step changes
    step: Callable[[], int]  # steps learned so far
    steps: int
    steps_per_epoch: int
    inputs: Callable[[int], Iterator[Any]]  # of the steps after so many
    learn: Callable[..., float]  # one step; the loss before it
    measure: Callable[[], dict[str, Any]]  # on validation
    line: Callable[[dict[str, Any]], str]  # a row of history, for a person
    stepped: Callable[[int, float], None] = lambda step, loss: None
    measured: Callable[[History], None] = lambda history: None  # after each epoch, before the history is kept
    over: Callable[[History], bool] = lambda history: False
    stopped: Callable[[], bool] = lambda: False  # whether somebody wanted it to end with the last step


def fit(
    course: Course,
    run: Run,
    *,
    report: Callable[[StepsDone], None],
    say: Callable[[str], None],
    state: RunState | None = None,
) -> History:
    """Run all steps that are left. How much a killed process loses is said in checkpoint.py.

    Raises TrainingError while another process trains in the run's folder, and at the first loss or weight that is not
    finite. On KeyboardInterrupt, and whatever else comes out of a step, the state is saved first, if it is finite; not
    where another worker has gone in the middle of one. `state` is the run folder's, unless told otherwise.
    """
    with closing(OwnState(run, course.variables) if state is None else state) as kept:
        reached = kept.restore()
        history, smooth = [] if reached is None else reached.history, loss_of(reached)
        if reached is not None:
            say(f"resumed at step {course.step()} of {course.steps}")
        first = course.step()
        inputs, whole = course.inputs(first), True
        try:
            while True:
                step = course.step()
                if (
                    step
                    and step % course.steps_per_epoch == 0
                    and (not history or history[-1]["step"] < step)
                ):
                    # Saved before it is measured, so that what is kept as the best is never ahead of it.
                    if not kept.save(step, smooth):
                        raise _ran_away("a weight is not finite", step, kept.step, run)
                    history.append({"step": step, "loss": smooth} | course.measure())
                    course.measured(history)
                    kept.write_history(history)
                    say(course.line(history[-1]))
                if step >= course.steps or course.over(history):
                    return history
                loss = course.learn(*next(inputs))
                if not math.isfinite(loss):
                    raise _ran_away(f"the loss is {loss}", step + 1, kept.step, run)
                smooth = loss if smooth is None else _SMOOTHED * smooth + (1 - _SMOOTHED) * loss
                kept.save_if_due(step + 1, smooth)
                course.stepped(step + 1, loss)
                report(StepsDone(first=first, step=step + 1, steps=course.steps, loss=smooth))
                if course.stopped():
                    raise KeyboardInterrupt
        except ClusterError:
            whole = False  # dropout may be a step ahead of the weights
            raise
        finally:
            if whole:
                kept.save(course.step(), smooth, sync=True)


def _ran_away(seen: str, step: int, kept: int, run: Run) -> TrainingError:
    return TrainingError(
        f"At step {step} {seen}, so nothing more can be learned; {run.path} keeps the state of step {kept}, the last "
        "that was saved whole. Train anew with a lower --learning-rate in another folder, and look for numbers in "
        "features or vectors that are far larger than the others."
    )
