"""The steps of a training, without a model: wherever it is stopped, it goes on as if it had not been."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asksight.training.errors import TrainingError
from asksight.training.learning.runs import Run

if TYPE_CHECKING:
    from asksight.training.learning.fitting import Course


class StoppedError(Exception):
    """Stands for whatever ends a training."""


class Lessons:
    """Adds up numbers; `stop` names a moment at which it is stopped, once."""

    def __init__(self, stop: tuple[str, int] | None) -> None:
        import keras

        self.stop = stop
        self.total, self.count = (keras.Variable(0, dtype="int64", trainable=False) for _ in range(2))
        self.kept: list[int] = []  # rows of history at each look

    def at(self, moment: str, step: int) -> None:
        if (moment, step) == self.stop:
            self.stop = None
            raise StoppedError

    def inputs(self, step: int) -> Iterator[Any]:
        while True:
            step += 1
            yield (step * step,)

    def learn(self, number: int) -> float:
        self.at("before", int(self.count))
        self.total.assign_add(number)
        self.count.assign_add(1)
        self.at("after", int(self.count))
        return float(number)

    def measure(self) -> dict[str, Any]:
        self.at("measuring", int(self.count))
        return {"total": int(self.total)}

    def measured(self, history: list[dict[str, Any]]) -> None:
        self.kept.append(len(history))
        self.at("measured", int(self.count))

    def course(self) -> Course:
        from asksight.training.learning.fitting import Course

        return Course(
            variables=[self.total, self.count],
            step=lambda: int(self.count),
            steps=12,
            steps_per_epoch=4,
            inputs=self.inputs,
            learn=self.learn,
            measure=self.measure,
            measured=self.measured,
            line=str,
            over=lambda history: history[-1:] != [] and history[-1]["step"] >= 8,
        )


def fit(lessons: Lessons, folder: Path) -> tuple[list[int], list[dict[str, Any]]]:
    from asksight.training.learning.fitting import fit

    steps: list[int] = []
    history = fit(
        lessons.course(), Run(folder), report=lambda at: steps.append(at.step), say=lambda line: None
    )
    return steps, history


@pytest.mark.parametrize(
    "stop", [("before", 0), ("before", 2), ("after", 3), ("measuring", 4), ("measured", 4), ("measuring", 8)]
)
def test_it_ends_as_if_it_had_not_been_stopped(tmp_path: Path, stop: tuple[str, int]) -> None:
    """Each step is learned once, and each epoch is in the history once, with the same loss."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    steps, history = fit(Lessons(None), tmp_path / "whole")
    assert steps == list(range(1, 9))  # it is over before the last epoch
    assert [(row["step"], row["total"]) for row in history] == [(4, 30), (8, 204)]
    with pytest.raises(StoppedError):
        fit(Lessons(stop), tmp_path / "stopped")
    rest, resumed = fit(Lessons(None), tmp_path / "stopped")
    assert rest == list(range(stop[1] + 1, 9))
    assert [(row["step"], row["total"]) for row in resumed] == [(4, 30), (8, 204)]
    if stop[0] != "after":  # such a step has no loss that could have been kept
        assert resumed == history
    assert json.loads((tmp_path / "stopped" / "history.json").read_text()) == resumed
    assert fit(Lessons(None), tmp_path / "stopped") == ([], resumed)


class Weights(Lessons):
    """One weight, which grows until it is no number."""

    def __init__(self, losses: dict[int, float], weights: dict[int, float]) -> None:
        super().__init__(None)
        import keras

        self.weight = keras.Variable(1.0, dtype="float32", trainable=False)
        self.losses, self.weights = losses, weights

    def learn(self, number: int) -> float:
        super().learn(number)
        step = int(self.count)
        self.weight.assign(self.weights.get(step, 1.0))
        return self.losses.get(step, 1.0)

    def course(self) -> Course:
        from dataclasses import replace

        return replace(super().course(), variables=[self.total, self.count, self.weight])


@pytest.mark.parametrize(
    ("losses", "weights", "said", "kept"),
    [
        ({3: float("nan")}, {3: float("nan")}, "At step 3 the loss is nan", 2),
        ({3: float("inf")}, {2: float("inf"), 3: float("nan")}, "At step 3 the loss is inf", 1),
        ({}, {4: float("nan")}, "At step 4 a weight is not finite", 3),
    ],
)
def test_the_first_loss_that_is_no_number_ends_it_with_the_last_good_state_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    losses: dict[int, float],
    weights: dict[int, float],
    said: str,
    kept: int,
) -> None:
    from asksight.training.learning import checkpoint

    monkeypatch.setattr(checkpoint, "REST", 0)
    with pytest.raises(
        TrainingError, match=rf"{said}.* keeps the state of step {kept},.*lower --learning-rate"
    ):
        fit(Weights(losses, weights), tmp_path)
    again = Weights({}, {})
    rest, _ = fit(again, tmp_path)
    assert rest[0] == kept + 1
    assert float(again.weight) == 1.0
