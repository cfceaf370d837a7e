"""How fast each installed engine and precision runs a bundle's graphs, compared with onnxruntime in float32.

    python benchmarks/random_bundle.py --arch lstm --out build/random/vgg16-lstm   (and --arch mlp)
    python benchmarks/engines.py [BUNDLE ...] [--questions FILE] [--batches 1 8 32 64] [--json]

Each graph is compiled for each engine as `asksight compile` does. A ratio is in brackets where the plan changes more
than 1 % of the best answers. With --questions (a question on each line, or a tab-separated file with a column
`question`) the answerers are also timed on these, in batches of 32, and compared with onnxruntime on the same questions
padded to 30 words, as in the tutorial.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from asksight.engine import Arrays, Bundle, Engine, EngineError, load_bundle
from asksight.engine.bundle.samples import kept_samples, made_up_samples
from asksight.engine.cores import available_cores
from asksight.engine.plans.compile import Reference
from asksight.engine.plans.makers import MAKERS, BuildSpec
from asksight.engine.plans.measure import measure
from asksight.engine.plans.sidecar import STAGES
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext import WordTable

AGREES = 0.99
PADDED = 30  # words that the tutorial pads each question to
QUESTION_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class StageRates:
    """The speed of one stage of a bundle on one engine."""

    bundle: str
    stage: str
    engine: str
    precision: str
    rows_per_s: dict[str, float]  # by batch size
    ratio: float  # best rate, divided by the best rate of onnxruntime in float32
    agreement: float
    question_rate: float | None = (
        None  # of the questions given, in batches of 32, padded to the longest of each
    )
    question_ratio: float | None = None  # to onnxruntime with all of them padded to 30


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundles", nargs="*", default=["scenes"], metavar="BUNDLE")
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each batch size")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    given = parser.parse_args()
    asked = read_questions(given.questions) if given.questions else []
    if not given.json:
        print(
            f"{available_cores()} cores, load {os.getloadavg()[0]:.1f} at the start; rows a second by batch"
        )
    for where in given.bundles:
        bench(load_bundle(where, verify=False), given, asked)


def bench(bundle: Bundle, given: argparse.Namespace, asked: Sequence[str]) -> None:
    """Measure all engines on one bundle; each row is printed as soon as it is measured."""
    samples = kept_samples(bundle) or made_up_samples(bundle)
    largest = max(*given.batches, QUESTION_BATCH)
    reference = Reference(bundle, samples, max_batch=largest, threads=None)
    show: Callable[[StageRates], None] = _json if given.json else _line
    with closing(reference):
        for stage in given.stages:
            questions = question_arrays(bundle, asked, reference) if stage == "answerer" else []
            graph = bundle.encoder_path if stage == "encoder" else bundle.answerer_path
            with closing(OnnxRuntimeEngine(graph, max_batch=largest)) as engine:
                base = _rates(engine, reference, stage, given)
                padded = rate(engine, [pad(batch) for batch in questions], given.seconds)
                own = rate(engine, questions, given.seconds)
            show(_row(bundle, stage, engine, base, base, 1.0, own, padded))
            for maker in MAKERS.values():
                for precision in maker.precisions:
                    with tempfile.TemporaryDirectory() as folder:
                        spec = BuildSpec(
                            graph=graph,
                            folder=Path(folder),
                            precision=precision,
                            samples=reference.calibration(stage),
                            max_batch=largest,
                            profiles=reference.profiles(stage),
                            cache=Path(folder),
                        )
                        try:
                            maker.machine()
                            maker.build(spec)
                            built = maker.open(spec.folder, precision, spec.max_batch, None)
                        except EngineError as error:
                            if not given.json:
                                print(f"{bundle.name} {stage} {maker.name} {precision}: {error}")
                            continue
                        with closing(built):
                            parity = reference.compare(stage, built)
                            found = _rates(built, reference, stage, given)
                            own = rate(built, questions, given.seconds)
                            show(_row(bundle, stage, built, found, base, parity.agreement, own, padded))


def _rates(engine: Engine, reference: Reference, stage: str, given: argparse.Namespace) -> dict[str, float]:
    timed = reference.timed(stage, sizes=given.batches)
    rates = {}
    for size, arrays in timed.items():
        speed = measure(engine, {1: arrays}, budget_s=given.seconds)
        rates[str(size)] = 1e3 * size / speed.latency_ms
    return rates


def _row(
    bundle: Bundle,
    stage: str,
    engine: Engine,
    rates: dict[str, float],
    base: dict[str, float],
    agreement: float,
    own: float | None,
    padded: float | None,
) -> StageRates:
    return StageRates(
        bundle=bundle.name,
        stage=stage,
        engine=engine.name,
        precision=engine.precision,
        rows_per_s=rates,
        ratio=max(rates.values()) / max(base.values()),
        agreement=agreement,
        question_rate=own,
        question_ratio=own / padded if own and padded else None,
    )


def rate(engine: Engine, batches: Sequence[Arrays], seconds: float) -> float | None:
    """Questions per second over all batches in sequence, the median of all rounds. None without batches."""
    if not batches:
        return None
    for batch in batches:
        engine.infer(batch)
    count = sum(len(batch["lengths"]) for batch in batches)
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        for batch in batches:
            engine.infer(batch)
        took.append(time.perf_counter() - started)
    return count / median(took)


def read_questions(path: Path) -> list[str]:
    """Read the column `question` of a tab-separated file, or each line of a text file."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".tsv":
            return [row["question"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        return [line.rstrip("\n") for line in file if line.strip()]


def question_arrays(bundle: Bundle, asked: Sequence[str], reference: Reference) -> list[Arrays]:
    """The first 1024 questions, in batches of 32; each batch is padded to its longest question."""
    table = WordTable(**{**bundle.word_table, "limit": min(PADDED, bundle.max_tokens)})
    batches: list[Arrays] = []
    for start in range(0, min(len(asked), 1024) - QUESTION_BATCH + 1, QUESTION_BATCH):
        question, lengths = table.vectors(list(asked[start : start + QUESTION_BATCH]))
        places = np.arange(QUESTION_BATCH) % len(reference.features)
        batches.append({"question": question, "lengths": lengths, "features": reference.features[places]})
    return batches


def pad(batch: Arrays) -> Arrays:
    """The batch with each question padded to 30 words."""
    question = batch["question"]
    padded = np.zeros((len(question), PADDED, question.shape[2]), np.float32)
    padded[:, : question.shape[1]] = question
    # The lengths say 30 for each, so that the graph computes the padding, as in the tutorial.
    return {**batch, "question": padded, "lengths": np.full_like(batch["lengths"], PADDED)}


def _json(row: StageRates) -> None:
    print(json.dumps(asdict(row)), flush=True)


def _line(row: StageRates) -> None:
    ratio = f"x{row.ratio:.2f}"
    if row.agreement < AGREES:
        ratio = f"({ratio})"
    rates = " ".join(f"{size}:{value:,.1f}" for size, value in row.rows_per_s.items())
    asked = ""
    if row.question_rate and row.question_ratio:
        asked = f"  questions {row.question_rate:,.0f}/s x{row.question_ratio:.2f}"
    print(
        f"{row.bundle} {row.stage} {row.engine} {row.precision:<8} {ratio:>8} "
        f"agreement {row.agreement:.2%}  {rates}{asked}",
        flush=True,
    )


if __name__ == "__main__":
    main()
