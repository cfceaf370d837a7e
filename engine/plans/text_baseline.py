"""The reader's graphs in float32 on onnxruntime: what every other engine of them is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, Engine
from ..graphs.graph import read_header
from ..text_models import SHA256, TextModels, TextStage, open_text_engine
from .measure import Speed, measure
from .parity import Parity
from .profiles import Profile


@dataclass(frozen=True, kw_only=True)
class TextSamples:
    """What one graph is tried with."""

    batches: Sequence[NDArray[np.float32]]  # [N, 3, H, W] each, of several sizes
    # Of one row, as float32 gives it and as another engine does: which of its lines, say, come out the same.
    alike: Callable[[NDArray[Any], NDArray[Any]], Sequence[bool]]
    least: tuple[int, ...]  # [N, 3, H, W] that are served
    typical: tuple[int, ...]
    most: tuple[int, ...]


class TextBaseline:
    """A `Baseline` of the three graphs."""

    def __init__(
        self,
        models: TextModels,
        samples: Mapping[TextStage, TextSamples],
        *,
        root: Path,
        max_batch: int,
        threads: int | None,
    ) -> None:
        """Run and time those that there are samples of; plans are kept in `engines` of `root`. Raises EngineError."""
        self._models, self._samples = models, samples
        self.root, self.max_batch, self.threads = root, max_batch, threads
        self._given: dict[str, list[NDArray[Any]]] = {}
        self.speed: dict[str, Speed] = {}
        for stage in samples:
            engine = open_text_engine(models, stage, "onnxruntime", max_batch=max_batch, threads=threads)
            try:
                self._given[stage] = list(self._run(stage, engine))
                self.speed[str(stage)] = measure(engine, self.timed(stage))
            finally:
                engine.close()

    def graph(self, stage: str) -> Path:
        return self._models.path(TextStage(stage))

    def graph_sha256(self, stage: str) -> str:
        return SHA256[TextStage(stage)]

    def profiles(self, stage: str) -> list[Profile]:
        sizes = self._samples[TextStage(stage)]
        return [Profile(name=self._input(stage), least=sizes.least, typical=sizes.typical, most=sizes.most)]

    def calibration(self, stage: str) -> list[Arrays]:
        return [{self._input(stage): batch} for batch in self._samples[TextStage(stage)].batches]

    def timed(self, stage: str) -> Mapping[int, Arrays]:
        """One row, and as many as run at once."""
        sizes = self._samples[TextStage(stage)]
        row = sizes.batches[0][:1]
        return {count: {self._input(stage): np.repeat(row, count, axis=0)} for count in {1, sizes.most[0]}}

    def compare(self, stage: str, engine: Engine) -> Parity:
        largest, error, same = 1e-30, 0.0, list[bool]()
        for wanted, got in zip(self._given[stage], self._run(stage, engine), strict=True):
            if not np.isfinite(got).all():
                return Parity(largest_error=float("inf"), agreement=0.0, samples=len(self._given[stage]))
            largest = max(largest, float(np.abs(wanted).max()))
            error = max(error, float(np.abs(wanted - got).max()))
            for row, other in zip(wanted, got, strict=True):
                same += self._samples[TextStage(stage)].alike(row, other)
        return Parity(largest_error=error / largest, agreement=float(np.mean(same)), samples=len(same))

    def _run(self, stage: str, engine: Engine) -> Iterator[NDArray[Any]]:
        for arrays in self.calibration(stage):
            (given,) = engine.infer(arrays).values()
            yield given

    def _input(self, stage: str) -> str:
        (tensor,) = read_header(self.graph(stage)).inputs
        return tensor.name
