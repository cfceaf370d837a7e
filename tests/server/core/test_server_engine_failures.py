"""An engine that fails, or gives rows that are no numbers, fails those asks alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from asking import ask
from numpy.typing import NDArray
from server_rig import WAIT_S, Rig, hold, release, until

from asksight.engine import Arrays
from asksight.server.asks import Ask
from asksight.server.errors import (
    InternalError,
)
from asksight.v1 import vqa_pb2

Reply = vqa_pb2.AskResponse


@pytest.mark.parametrize("stage", ["encoder", "answerer"])
def test_a_failing_engine_fails_its_batch_and_the_next_is_answered(rig: Rig, stage: str) -> None:
    engine = getattr(rig, stage)
    engine.failure = RuntimeError("/srv/secret/path")
    with pytest.raises(InternalError) as failed:
        rig.local.ask(ask())
    assert "secret" not in str(failed.value)
    engine.failure = None
    assert rig.local.ask(ask()).answers


def test_a_row_of_nan_fails_alone_and_is_not_remembered(rig: Rig) -> None:
    real = rig.encoder._function

    def spoiled(arrays: Arrays) -> dict[str, NDArray[Any]]:
        features = real(arrays)["features"].copy()
        features[0] = np.nan
        return {"features": features}

    rig.encoder._function = spoiled
    hold(rig.encoder)
    first = rig.local.start(ask(5))
    assert rig.encoder.entered.wait(WAIT_S)
    bad = rig.local.start(ask(0))
    until(lambda: rig.waiting_photos == 1)
    good = rig.local.start(ask(1))
    until(lambda: rig.waiting_photos == 2)
    release(rig.encoder)
    for future in (first, bad):
        with pytest.raises(InternalError, match="no usable numbers"):
            future.result(WAIT_S)
    assert good.result(WAIT_S).answers
    assert rig.encoder.batch_sizes == [1, 2]
    rig.encoder._function = real
    assert rig.local.ask(ask(0)).answers
    assert rig.encoder.batch_sizes == [1, 2, 1]


def test_scores_that_are_no_numbers_fail_their_ask_alone(rig: Rig) -> None:
    image_id = rig.local.ask(ask(0)).image_id
    real = rig.answerer._function

    def spoiled(arrays: Arrays) -> dict[str, NDArray[Any]]:
        logits = real(arrays)["logits"].copy()
        logits[0] = np.inf
        logits[1:2, 0] = np.nan
        return {"logits": logits}

    rig.answerer._function = spoiled
    results = rig.local.ask_many([Ask(question=f"number {n}?", image_id=image_id) for n in range(3)])
    assert rig.answerer.batch_sizes == [1, 3]
    assert [type(result) for result in results] == [InternalError, InternalError, Reply]


def test_too_few_rows_fail_the_batch(rig: Rig) -> None:
    real = rig.answerer._function
    rig.answerer._function = lambda arrays: {"logits": real(arrays)["logits"][:-1]}
    with pytest.raises(InternalError):
        rig.local.ask(ask())
