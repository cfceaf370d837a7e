"""A cluster of this machine that cannot be started: in a line where Ray was too slow."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from asksight.training.cluster.ray_start import ray_cluster
from asksight.training.errors import ClusterError


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (
            Exception("The current node timed out during startup. This could ..."),
            ClusterError,
            "within the 30 s that it gives itself",
        ),
        (ValueError("no such option"), ValueError, "no such option"),
    ],
)
def test_ray_that_was_too_slow_is_one_line(
    fault: Exception, kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: Any) -> None:
        raise fault

    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    with pytest.raises(kind, match=said), ray_cluster(2):
        pytest.fail("there is no cluster")
