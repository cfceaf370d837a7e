"""A cluster of this machine alone that cannot be started: in a line where Ray was too slow; no Ray is needed."""

from __future__ import annotations

from typing import Any

import pytest

from asksight.server.errors import ServerError
from asksight.server.ray_serve import cluster
from asksight.server.running.settings import Settings


class FailingRay:
    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def init(self, *, address: str, **_: Any) -> None:
        assert address == "local"
        raise self._fault


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Exception("The current node timed out during startup. This could ..."), ServerError),
        (ValueError("no such option"), ValueError),
    ],
)
def test_ray_that_was_too_slow_is_one_line(
    fault: Exception, said: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    with pytest.raises(said, match=r"within the 30 s that it gives itself|no such option"):
        cluster._join(FailingRay(fault), Settings())
