"""Build a bundle's graphs for an engine, compare with float32, and keep what agrees."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..base import Arrays, Engine
from ..bundle.files import record_file
from ..bundle.load import Bundle
from ..bundle.samples import Samples
from ..errors import EngineError
from ..graphs.graph import read_header
from ..runtimes.onnxruntime_engine import OnnxRuntimeEngine
from .baseline import Baseline
from .machine import fingerprint
from .makers import BuildSpec, Maker, check_precision, maker
from .measure import Speed, batch_sizes, measure
from .parity import BATCH, QUESTIONS, Parity, Scores, answer, compare_scores, encode, question_batches
from .patience import enough
from .profiles import Profile, profiles
from .progress import Progress
from .sidecar import FOLDER, SIDECAR, STAGES, Sidecar, dump_sidecar

CALIBRATION_BATCHES = 16  # what int8 is fitted to: the first of the samples


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What became of one stage."""

    sidecar: Sidecar  # of the plan that was kept
    refused: Sidecar | None = None  # of the precision asked for, where it lost too much


class Reference:
    """A bundle's graphs: what every other engine is held against. Close it after use."""

    def __init__(self, bundle: Bundle, samples: Samples, *, max_batch: int, threads: int | None) -> None:
        self.bundle, self.threads = bundle, threads
        self.max_batch = max_batch
        self._open = ExitStack()
        try:
            encoder = self._engine(bundle.encoder_path)
            self.answerer = self._engine(bundle.answerer_path)
            self.samples = samples = enough(bundle, samples, encoder, self.answerer)
            self.features = encode(encoder, samples)  # [S, ...]
            self.questions = question_batches(bundle, samples, self.features, min(QUESTIONS, max_batch))
            self.scores = answer(bundle, self.answerer, self.questions)  # of Q questions
            self.speed = {
                "encoder": measure(encoder, self.timed("encoder")),
                "answerer": measure(self.answerer, self.timed("answerer")),
            }
            encoder.close()  # VGG16's half gigabyte is wanted for what is built
        except BaseException:
            self._open.close()
            raise

    def _engine(self, path: Path) -> Engine:
        engine = OnnxRuntimeEngine(path, max_batch=self.max_batch, threads=self.threads)
        self._open.callback(engine.close)
        return engine

    @property
    def root(self) -> Path:
        return self.bundle.path

    def graph(self, stage: str) -> Path:
        return self.bundle.graph_path(stage)

    def graph_sha256(self, stage: str) -> str:
        return self.bundle.graph_sha256(stage)

    def profiles(self, stage: str) -> list[Profile]:
        inputs = read_header(self.graph(stage)).inputs
        return profiles(inputs, max_batch=self.max_batch, max_tokens=self.bundle.max_tokens)

    def timed(self, stage: str, sizes: Sequence[int] | None = None) -> Mapping[int, Arrays]:
        """Inputs of each size that is timed: the samples over and over."""
        sizes = sizes or batch_sizes(self.max_batch)
        if stage == "encoder":
            count = len(self.samples.photos)
            return {size: self.samples.photo_arrays([i % count for i in range(size)]) for size in sizes}
        rows = len(self.samples.lengths)
        whole = question_batches(self.bundle, self.samples, self.features, rows)[0]
        return {size: _longest(whole, [i % rows for i in range(size)]) for size in sizes}

    def calibration(self, stage: str) -> list[Arrays]:
        """Batches that int8 is fitted to."""
        if stage == "answerer":
            return self.questions[:CALIBRATION_BATCHES]
        last = min(BATCH * CALIBRATION_BATCHES, len(self.samples.photos))
        return [self.samples.photo_arrays(slice(at, min(at + BATCH, last))) for at in range(0, last, BATCH)]

    def compare(self, stage: str, engine: Engine) -> Parity:
        """How far a bundle with this stage on `engine`, and the other in float32, agrees with float32 alone."""
        if stage == "answerer":
            return compare_scores(self.scores, answer(self.bundle, engine, self.questions))
        features = encode(engine, self.samples)
        return compare_scores(
            self.scores, self._answer_on(self.answerer, features), (self.features, features)
        )

    def compare_both(self, encoder: Engine, answerer: Engine) -> Parity:
        """Both stages on other engines, one after the other."""
        return compare_scores(self.scores, self._answer_on(answerer, encode(encoder, self.samples)))

    def _answer_on(self, answerer: Engine, features: NDArray[Any]) -> Scores:
        batches = question_batches(self.bundle, self.samples, features, min(QUESTIONS, self.max_batch))
        return answer(self.bundle, answerer, batches)

    def close(self) -> None:
        """Give the memory back."""
        self._open.close()


def compile_stage(
    reference: Baseline,
    stage: str,
    engine: str,
    precision: str,
    *,
    min_agreement: float,
    progress: Progress,
) -> Compiled:
    """Build one stage, keep it if it agrees, else try float32 for it.

    Raises EngineError where the engine is not here, the graph cannot be built, or not even float32 agrees.
    """
    chosen = maker(engine)
    check_precision(chosen, precision)
    refused = None
    for attempt in dict.fromkeys((precision, "float32")):
        if attempt not in chosen.precisions:
            continue
        sidecar = _build(reference, stage, chosen, attempt, min_agreement, progress)
        if sidecar.agreement >= min_agreement:
            return Compiled(sidecar=sidecar, refused=refused)
        refused = refused or sidecar
        progress.say(f"{stage}: {engine} {attempt} is refused: {loss(sidecar, min_agreement)}")
    assert refused is not None
    raise EngineError(
        f"The {stage} is lost on {engine} {precision}: {loss(refused, min_agreement)}, and there is no float32 of it "
        "that agrees. The stage stays on onnxruntime; ask for another precision, or for less with --min-agreement."
    )


def loss(found: Sidecar | Parity, min_agreement: float) -> str:
    """Say how many best answers were lost, as a clause of a sentence."""
    if found.largest_error == float("inf"):
        return "it gives NaN or infinity, which the precision cannot hold"
    return f"{found.agreement:.2%} of {found.samples} best answers are float32's, {min_agreement:.2%} are asked for"


def _build(
    reference: Baseline,
    stage: str,
    chosen: Maker,
    precision: str,
    min_agreement: float,
    progress: Progress,
) -> Sidecar:
    """Build into a folder beside its place and put it there if it agrees."""
    machine = dict(chosen.machine())
    folder = reference.root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".building-")
    except OSError as error:
        raise EngineError(
            f"{folder} cannot be written ({error.strerror}); copy the bundle to a folder of your own first."
        ) from error
    with scratch as place:
        root = Path(place) / "plan"
        root.mkdir()
        spec = BuildSpec(
            graph=reference.graph(stage),
            folder=root,
            precision=precision,
            samples=reference.calibration(stage),
            max_batch=reference.max_batch,
            profiles=reference.profiles(stage),
            cache=folder,
        )
        who = f"{stage}: {chosen.name} {precision}"
        started = time.perf_counter()
        with progress.step(f"{who}: building"):
            kept = chosen.build(spec)
        build_s = time.perf_counter() - started
        with progress.step(f"{who}: opening"):
            built = chosen.open(root, precision, reference.max_batch, reference.threads)
        try:
            with progress.step(f"{who}: comparing with float32"):
                parity = reference.compare(stage, built)
            with progress.step(f"{who}: timing"):
                speed = measure(built, reference.timed(stage))
        finally:
            built.close()
        sidecar = Sidecar(
            stage=stage,
            engine=chosen.name,
            precision=precision,
            machine=machine,
            graph_sha256=reference.graph_sha256(stage),
            files={file.name: record_file(file) for file in sorted(root.iterdir())},
            max_batch=reference.max_batch,
            build_s=build_s,
            reference_rows_per_s=reference.speed[stage].rows_per_s,
            kept_float32=kept,
            **_fields(speed),
            **vars(parity),
        )
        if sidecar.agreement >= min_agreement:
            (root / SIDECAR).write_text(dump_sidecar(sidecar), encoding="utf-8")
            _put_in_place(root, folder, f"{stage}.{chosen.name}.{precision}", fingerprint(machine))
    return sidecar


def _put_in_place(built: Path, folder: Path, name: str, print_of_machine: str) -> None:
    """Earlier plans of the same kind go: each machine builds its own."""
    for old in folder.glob(f"{name}.*"):
        shutil.rmtree(old)
    built.rename(folder / f"{name}.{print_of_machine}")


def _fields(speed: Speed) -> dict[str, Any]:
    return dict(vars(speed))


def _longest(batch: Arrays, places: list[int]) -> Arrays:
    """Rows of a batch of questions, cut to the longest of them."""
    rows = {name: array[places] for name, array in batch.items()}
    return rows | {"question": rows["question"][:, : int(rows["lengths"].max())]}


__all__ = ["STAGES", "Compiled", "Reference", "compile_stage", "loss"]
