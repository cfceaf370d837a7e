"""How far a run has come: its variables and its history, in its folder; on a worker that writes nothing, the chief's.

Workers need not share a disk: the chief tells the others what it has when they begin.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, Protocol

import numpy as np

from ..cluster.together import Together
from .checkpoint import Checkpoint
from .runs import Run, write_json

History = list[dict[str, Any]]  # a row an epoch: step, loss, and what was measured
_HEAD = struct.Struct("<qdQ")  # step, loss, bytes of the history


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What a run goes on from; `loss` is NaN where there is none."""

    step: int
    loss: float
    history: History


class RunState(Protocol):
    """What `fit` keeps, and goes on from."""

    @property
    def step(self) -> int:
        """Of the last save."""
        ...

    def restore(self) -> Reached | None: ...

    def save_if_due(self, step: int, loss: float | None) -> None: ...

    def save(self, step: int, loss: float | None, *, sync: bool = False) -> bool: ...

    def write_history(self, history: History) -> None: ...

    def close(self) -> None: ...


class OwnState:
    """In the run's folder."""

    def __init__(self, run: Run, variables: Sequence[Any]) -> None:
        """Raises TrainingError while another process holds the folder."""
        self._run, self.checkpoint = run, Checkpoint(run.path, variables)

    @property
    def step(self) -> int:
        return self.checkpoint.step

    def restore(self) -> Reached | None:
        """Put back the last save, if there was one. Raises TrainingError for one of another model."""
        if (saved := self.checkpoint.restore()) is None:
            return None
        step, loss = saved
        rows = json.loads(self._run.history.read_text()) if self._run.history.exists() else []
        history = [row for row in rows if row["step"] <= step]
        return Reached(step=step, loss=nan if loss is None else loss, history=history)

    def save_if_due(self, step: int, loss: float | None) -> None:
        self.checkpoint.save_if_due(step, loss)

    def save(self, step: int, loss: float | None, *, sync: bool = False) -> bool:
        return self.checkpoint.save(step, loss, sync=sync)

    def write_history(self, history: History) -> None:
        write_json(self._run.history, history)

    def close(self) -> None:
        self.checkpoint.close()


class ChiefState(OwnState):
    """In the chief's folder; the other workers are told what it goes on from, by `FollowerState`."""

    def __init__(self, run: Run, variables: Sequence[Any], together: Together) -> None:
        """Raises as `OwnState` does."""
        super().__init__(run, variables)
        self._together = together

    def restore(self) -> Reached | None:
        """As `OwnState` does; the others hear of it."""
        if (reached := super().restore()) is None:
            self._together.from_chief(b"")
            return None
        told = json.dumps(reached.history).encode()
        head = _HEAD.pack(reached.step, reached.loss, len(told))
        self._together.from_chief(b"".join([head, told, *self.checkpoint.read()]))
        return reached


class FollowerState:
    """Of a worker that is not the chief: it begins with what the chief has, and keeps nothing."""

    def __init__(self, variables: Sequence[Any], together: Together) -> None:
        self._variables, self._together = variables, together
        self._step = 0

    @property
    def step(self) -> int:
        return self._step

    def restore(self) -> Reached | None:
        content = self._together.from_chief(b"")
        if not content:
            return None
        self._step, loss, length = _HEAD.unpack_from(content)
        at = _HEAD.size + length
        history = json.loads(content[_HEAD.size : at])
        for variable in self._variables:
            dtype, shape = np.dtype(variable.dtype), tuple(variable.shape)
            count = int(np.prod(shape, dtype=np.int64))
            variable.assign(np.frombuffer(content, dtype, count, at).reshape(shape))
            at += count * dtype.itemsize
        return Reached(step=self._step, loss=loss, history=history)

    def save_if_due(self, step: int, loss: float | None) -> None:
        self._step = step

    def save(self, step: int, loss: float | None, *, sync: bool = False) -> bool:
        self._step = step
        return True

    def write_history(self, history: History) -> None: ...

    def close(self) -> None: ...


def loss_of(reached: Reached | None) -> float | None:
    """Of the last step, where there is one."""
    return None if reached is None or isnan(reached.loss) else reached.loss
