"""How often a training is saved: as often as it costs little, and after every step that is long."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asksight.training.learning.checkpoint import Checkpoint, Pace


class Clock:
    """Time that goes by only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def simulate(step_s: float, save_s: list[float], steps: int) -> tuple[list[int], float]:
    """After which steps it was saved, and the share of the time that went into saving."""
    clock = Clock()
    pace, spent = Pace(20, clock=clock), 0.0
    saved: list[int] = []
    for step in range(1, steps + 1):
        clock.now += step_s
        if pace.due:
            took = save_s[len(saved) % len(save_s)]
            with pace.measured():
                clock.now += took
            saved.append(step)
            spent += took
    return saved, spent / (clock.now - 100.0)


def test_every_step_is_saved_that_takes_twenty_times_as_long() -> None:
    saved, share = simulate(step_s=0.13, save_s=[0.006], steps=200)
    assert saved == list(range(1, 201))
    assert share < 0.05


def test_of_short_steps_no_more_than_twenty_saves_are_lost() -> None:
    saved, share = simulate(step_s=2**-10, save_s=[2**-8], steps=5000)
    assert max(np.diff(saved)) == 80  # a save takes as long as four of them
    assert share < 0.05


def test_a_save_that_was_held_up_does_not_hold_up_the_next() -> None:
    saved, _ = simulate(step_s=0.1, save_s=[0.004] * 9 + [3.0], steps=500)
    assert saved == list(range(1, 501))
    saved, share = simulate(step_s=0.25, save_s=[0.5], steps=5000)
    assert share < 0.05
    assert set(np.diff(saved)) == {1, 40}  # of 250 ms; at first it is not known how long a save takes


def test_what_is_saved_comes_back_and_later_steps_do_not_touch_it(tmp_path: Path) -> None:
    import keras

    values = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(4), np.zeros((0, 2), np.float32)]
    variables = [keras.Variable(value, dtype=str(value.dtype)) for value in values]
    kept = Checkpoint(tmp_path, variables)
    assert kept.restore() is None
    for step, loss in ((1, None), (2, 0.5)):
        kept.save(step, loss)
        for variable in variables:
            variable.assign(variable + 1)
        assert kept.restore() == (step, loss)
        for variable, value in zip(variables, values, strict=True):
            np.testing.assert_array_equal(np.asarray(variable), value)
    kept.close()


def test_the_last_save_outlives_a_loss_of_power(tmp_path: Path) -> None:
    """The two files that take turns are lost; what was asked to be synced is there."""
    import keras

    variable = keras.Variable(np.ones(3, np.float32))
    for step in range(1, 6):
        kept = Checkpoint(tmp_path, [variable])
        kept.save(step, None, sync=True)
        kept.close()
        for name in ("state.0", "state.1"):
            (tmp_path / name).unlink()
        kept = Checkpoint(tmp_path, [variable])
        assert kept.restore() == (step, None)
        kept.close()
