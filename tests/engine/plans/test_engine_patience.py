"""Slow models are timed and compared on less."""

from __future__ import annotations

import numpy as np
import pytest
from bundles import write_random_bundle

from asksight.engine import Bundle
from asksight.engine.bundle.samples import made_up_samples
from asksight.engine.plans.measure import measure
from asksight.engine.plans.patience import enough
from asksight.engine.plans.sidecar import STAGES
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_random_bundle(tmp_path_factory.mktemp("patience") / "bundle")


def test_batches_that_would_take_long_are_not_timed(bundle: Bundle) -> None:
    times = iter(float(second) for second in range(0, 60, 3))
    real = OnnxRuntimeEngine(bundle.encoder_path, max_batch=4)
    photos = np.zeros((4, 32, 32, 3), np.uint8)
    speed = measure(
        real, {1: {"image": photos[:1]}, 4: {"image": photos}}, budget_s=0.5, clock=lambda: next(times)
    )
    assert (speed.latency_ms, speed.best_batch) == (3000.0, 1)


def test_of_a_slow_model_fewer_samples_are_compared(bundle: Bundle) -> None:
    """A photo takes 1.5 s and a question 0.05 s; and of a quick one all are."""
    samples = made_up_samples(bundle, photos=64, questions=700)
    encoder, answerer = (OnnxRuntimeEngine(bundle.graph_path(stage), max_batch=4) for stage in STAGES)
    for times, kept in (
        ((0.0, 3.0, 3.25), (20, 480)),
        ((0.0, 0.001, 0.002), (64, 700)),
        ((0.0, 60.0, 99.0), (8, 200)),
    ):
        clock = iter(times)
        few = enough(bundle, samples, encoder, answerer, clock=lambda clock=clock: next(clock))  # type: ignore[misc]
        assert (len(few.photos), len(few.lengths)) == kept
