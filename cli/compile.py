"""`asksight compile`: a bundle's graphs built for an engine, measured, and refused where answers are lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .compile_reader import build_reader
from .idle import refuse_idle
from .output import left_out_lines, to_json

if TYPE_CHECKING:
    from asksight.engine.plans.compile import Compiled
    from asksight.engine.plans.together import AgreedPlans, Pair

MIN_AGREEMENT, MAX_BATCH = 0.995, 32
ROWS = {
    "encoder": "photos/s",
    "answerer": "questions/s",
    "finder": "photos/s",
    "turner": "lines/s",
    "line_reader": "lines/s",
}


def compile(
    context: typer.Context,
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A folder, or scenes, the built-in bundle.")
    ],
    engine: Annotated[str, typer.Option(help="The engine to build for: openvino or tensorrt.")] = "openvino",
    precision: Annotated[
        str | None,
        typer.Option(
            help="bf16, int8 or float32 for openvino; fp16 or float32 for tensorrt.", show_default=False
        ),
    ] = None,
    min_agreement: Annotated[
        float,
        typer.Option(min=0, max=1, help="The share of best answers that must be the same as in float32."),
    ] = MIN_AGREEMENT,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A prepared data set to compare on; by default what the bundle keeps."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="The split to use of --samples. By default the validation split.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad entries and photos of --samples out and count them.")
    ] = False,
    max_batch: Annotated[int, typer.Option(min=1, help="The largest batch that will be served.")] = MAX_BATCH,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of each engine. By default one for each core.")
    ] = None,
    reader: Annotated[
        bool,
        typer.Option(
            "--reader",
            help="Build the graphs that read text instead, for a server of this bundle with --reader.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a stage.")] = False,
) -> None:
    """Build a bundle for an engine, compare it with float32, and keep it if it agrees.

    A stage that loses too many answers is built in float32 instead, and so is the weaker one where both together do.
    `asksight serve --engine auto` takes what is kept.
    """
    from asksight.engine import EngineError

    if samples is None:
        refuse_idle(context, "without --samples", "split", "skip_bad")
    if reader:
        refuse_idle(context, "with --reader", "samples", "split", "skip_bad", "max_batch")
        held = build_reader(
            bundle, engine=engine, precision=precision, min_agreement=min_agreement, threads=threads
        )
    else:
        held = build(
            bundle,
            engine=engine,
            precision=precision,
            min_agreement=min_agreement,
            samples=samples,
            split=split,
            skip_bad=skip_bad,
            max_batch=max_batch,
            threads=threads,
        )
    if as_json:
        for row in (*map(_row, held.compiled.values()), *map(_pair_row, held.pairs)):
            typer.echo(to_json(row))
    else:
        print_table(held)
    if held.failures:
        raise EngineError(" ".join(held.failures))


def build(
    bundle: str,
    *,
    engine: str,
    precision: str | None = None,
    min_agreement: float = MIN_AGREEMENT,
    samples: Path | None = None,
    split: str | None = None,
    skip_bad: bool = False,
    max_batch: int = MAX_BATCH,
    threads: int | None = None,
) -> AgreedPlans:
    """Build both stages, saying on stderr what is being done; what failed is in `failures`.

    Raises EngineError where that engine cannot be had here.
    """
    from asksight.engine import EngineError, load_bundle
    from asksight.engine.bundle.samples import kept_samples, made_up_samples
    from asksight.engine.plans.compile import STAGES, Reference, compile_stage
    from asksight.engine.plans.makers import check_precision, maker
    from asksight.engine.plans.together import hold_together

    from .compile_progress import compile_progress

    chosen = maker(engine)
    wanted = precision or chosen.precisions[1]
    check_precision(chosen, wanted)
    chosen.machine()  # says at once what is missing
    opened = load_bundle(bundle)
    left_out: list[str] = []
    if samples is not None:
        from asksight.training.datasets.bad_entries import BadEntries

        from .dataset_samples import samples_of

        problems = BadEntries(skip=skip_bad)
        kept = samples_of(opened, samples, split, problems=problems)
        left_out = left_out_lines(problems.counts)
    else:
        kept = kept_samples(opened) or made_up_samples(opened)

    progress = compile_progress()
    for line in left_out:
        progress.say(line)
    progress.say(
        f"{len(kept.lengths)} questions about {len(kept.photos)} photos to compare on: {kept.source}"
    )
    with progress.step("both: onnxruntime float32: running and timing"):
        reference = Reference(opened, kept, max_batch=max_batch, threads=threads)
    if len(reference.samples.lengths) < len(kept.lengths):
        progress.say(
            f"it is slow: {len(reference.samples.lengths)} questions about {len(reference.samples.photos)} photos "
            "are compared"
        )
    compiled, failures = {}, []
    try:
        for stage in STAGES:
            try:
                compiled[stage] = compile_stage(
                    reference, stage, engine, wanted, min_agreement=min_agreement, progress=progress
                )
            except EngineError as error:
                failures.append(str(error))
        held = hold_together(
            reference, compiled, engine, wanted, min_agreement=min_agreement, progress=progress
        )
    finally:
        reference.close()
    return replace(held, failures=(*failures, *held.failures))


def _row(one: Compiled) -> dict[str, Any]:
    kept = one.sidecar
    return {
        "stage": kept.stage,
        "engine": kept.engine,
        "precision": kept.precision,
        "bytes": kept.bytes,
        "build_s": kept.build_s,
        "latency_ms": kept.latency_ms,
        "best_batch": kept.best_batch,
        "best_latency_ms": kept.best_latency_ms,
        "rows_per_s": kept.rows_per_s,
        "reference_rows_per_s": kept.reference_rows_per_s,
        "largest_error": kept.largest_error,
        "agreement": kept.agreement,
        "samples": kept.samples,
        "kept_float32": list(kept.kept_float32),
        "refused": None
        if one.refused is None
        else {"precision": one.refused.precision, "agreement": one.refused.agreement},
    }


def _pair_row(pair: Pair) -> dict[str, Any]:
    return {
        "stage": "both",
        "encoder": {"engine": pair.encoder.engine, "precision": pair.encoder.precision},
        "answerer": {"engine": pair.answerer.engine, "precision": pair.answerer.precision},
        "largest_error": pair.parity.largest_error,
        "agreement": pair.parity.agreement,
        "samples": pair.parity.samples,
    }


def print_table(held: AgreedPlans) -> None:
    """What was built, a row each."""
    from rich.console import Console
    from rich.table import Table

    from .inspect import size_text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("stage", "engine"):
        table.add_column(name, no_wrap=True)
    for name in ("size", "build", "batch 1", "best batch", "a second", "float32", "error", "agreement"):
        table.add_column(name, no_wrap=True, justify="right")
    for one in held.compiled.values():
        kept = one.sidecar
        rows = ROWS[kept.stage]
        table.add_row(
            kept.stage,
            f"{kept.engine} {kept.precision}",
            size_text(kept.bytes),
            f"{kept.build_s:.1f} s",
            f"{kept.latency_ms:.2f} ms",
            f"{kept.best_batch} in {kept.best_latency_ms:.1f} ms",
            f"{kept.rows_per_s:,.1f} {rows}",
            f"x{kept.rows_per_s / kept.reference_rows_per_s:.2f}",
            f"{kept.largest_error:.1e}",
            f"{kept.agreement:.2%} of {kept.samples}",
        )
    for pair in held.pairs:
        error, agreement = (
            f"{pair.parity.largest_error:.1e}",
            f"{pair.parity.agreement:.2%} of {pair.parity.samples}",
        )
        table.add_row("both", pair.name, *[""] * 6, error, agreement)
    Console(highlight=False, width=160).print(table)
