"""A training on stored features by several workers: they agree on what they read, and only the chief writes."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, TypeVar

from ..cluster.meeting import WAIT_S, meet
from ..cluster.tf_config import Cluster
from ..cluster.together import Together
from ..errors import ClusterError, TrainingError
from .run_state import ChiefState, FollowerState, OwnState, RunState
from .runs import Run
from .stored import Share
from .stored_learner import StoredLearner
from .stored_settings import StoredSettings

_PLACES = ("data", "features", "vectors", "encoder")  # which may lie elsewhere on each machine
_PROGRAMS = ("asksight", "tensorflow", "keras", "numpy")
Material = TypeVar("Material")


class Workers:
    """This process as one of several that train, each with the same calls."""

    def __init__(self, cluster: Cluster, *, wait_s: float = WAIT_S) -> None:
        """The others must be there within `wait_s`."""
        self.cluster, self._wait_s = cluster, wait_s
        self._together: Together | None = None

    @property
    def share(self) -> Share:
        """What of each batch it learns from."""
        return Share(index=self.cluster.index, of=len(self.cluster))

    def agree(
        self,
        settings: StoredSettings,
        read: Callable[[], tuple[Material, Mapping[str, str]]],
        *,
        say: Callable[[str], None],
    ) -> tuple[Material, Together]:
        """What this worker has read, by `read` with its fingerprints, once all workers have read the same.

        Raises ClusterError where one is missing, has read something else or cannot begin; and what `read` raises,
        after the others have been told.
        """
        cluster, wait_s = self.cluster, self._wait_s
        try:
            material, inputs = read()
        except TrainingError as error:
            if self._together is None:
                with suppress(ClusterError):  # its own trouble is what it has to say
                    meet(cluster, {}, trouble=str(error), wait_s=wait_s)
            raise
        same = _same(cluster, settings, inputs)
        if self._together is None:
            say(f"this is {cluster.named(cluster.index)} of {len(cluster)}; waiting for the others")
            meet(cluster, same, wait_s=wait_s)
            self._together = Together(cluster)
        else:  # whose ports are TensorFlow's already
            told = json.dumps(same, sort_keys=True).encode()
            if self._together.from_chief(told) != told:
                raise ClusterError("The chief trains with other data or settings.")
        say(f"all {len(cluster)} workers have read the same")
        return material, self._together


def state_of(run: Run, learner: StoredLearner, together: Together | None) -> RunState:
    """Raises TrainingError while another process trains in the run's folder."""
    if together is None:
        return OwnState(run, learner.variables)
    if together.cluster.is_chief:
        return ChiefState(run, learner.variables, together)
    return FollowerState(learner.variables, together)


def _same(cluster: Cluster, settings: StoredSettings, inputs: Mapping[str, str]) -> dict[str, str]:
    told: dict[str, Any] = {name: value for name, value in asdict(settings).items() if name not in _PLACES}
    same = {f"the setting {name}": json.dumps(value, sort_keys=True) for name, value in told.items()}
    same |= {f"the version of {name}": version(name) for name in _PROGRAMS}
    same["the version of Python"] = ".".join(platform.python_version_tuple()[:2])
    same["the number of workers"] = str(len(cluster))
    same["whether vectors are given"] = str(settings.vectors is not None)
    return same | dict(inputs)
