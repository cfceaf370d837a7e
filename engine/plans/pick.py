"""Which engines serve a bundle: the fastest plans that fit this machine, else onnxruntime, and why."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..base import Engine
from ..bundle.load import Bundle
from ..bundle.samples import kept_samples, made_up_samples
from ..errors import BundleError, EngineError
from .makers import MAKERS, check_precision, maker
from .progress import Progress
from .sidecar import Plan, Sidecar, damaged_file, mismatch, plans

log = logging.getLogger(__name__)

MIN_AGREEMENT = 0.995  # of best answers with float32's, where nothing else is asked for
DEFAULT = "onnxruntime"


class Cause(StrEnum):
    """Why a plan is not taken, in a word."""

    DAMAGED = "damaged"  # its sidecar cannot be read
    MISSING = "missing"  # its engine, or the device, is not on this machine
    NOT_REBUILT = "not_rebuilt"  # it does not fit this machine, and building it again failed
    NOT_OPENED = "not_opened"  # it fits, and its engine does not open it


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """One plan that could not be taken."""

    cause: Cause
    text: str  # a sentence or two: which plan, why, what to do


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The engine of one stage, and why it is not a plan that would have been better."""

    engine: Engine
    reasons: tuple[Fallback, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for: "auto", an engine, or an engine and a precision as in "openvino:int8"."""

    engine: str
    precision: str | None = None

    @property
    def explicit(self) -> bool:
        return self.engine not in ("auto", DEFAULT)


def parse_wish(kind: str) -> Wish:
    """Read "auto", "openvino" or "openvino:int8". Raises EngineError for an unknown engine or precision."""
    engine, _, precision = kind.partition(":")
    if engine not in ("auto", DEFAULT, *MAKERS):
        known = ", ".join(("auto", DEFAULT, *MAKERS))
        raise EngineError(f"There is no engine called {engine!r}; choose one of: {known}.")
    if precision:
        if engine not in MAKERS:
            raise EngineError(f"{engine} takes no precision; write {engine} alone.")
        check_precision(maker(engine), precision)
    return Wish(engine=engine, precision=precision or None)


def open_stage(
    bundle: Bundle, stage: str, kind: str, *, max_batch: int, threads: int | None = None
) -> Chosen:
    """Open the bundle's "encoder" or "answerer" as `kind` says; see `Wish`.

    A plan that does not fit this machine is built again where its builder is here; else onnxruntime takes the
    stage, and the log and `reasons` say why. An engine that was named must be had: then EngineError says why not.
    """
    wish = parse_wish(kind)
    reasons: list[Fallback] = []
    if wish.engine != DEFAULT:
        for plan in by_preference(plans(bundle.path, stage), wish):
            usable = _usable(bundle, stage, plan, max_batch, threads, reasons)
            if usable is None:
                continue
            path, sidecar = usable
            try:
                opened = maker(sidecar.engine).open(path, sidecar.precision, max_batch, threads)
            except EngineError as error:
                reasons.append(_fallback(Cause.NOT_OPENED, path.name, error))
                continue
            return _chosen(opened, reasons)
    if wish.explicit:
        raise EngineError(_not_had(bundle, stage, wish, reasons))
    from ..runtimes.onnxruntime_engine import OnnxRuntimeEngine  # imported late: `inspect` runs no graph

    opened = OnnxRuntimeEngine(bundle.graph_path(stage), max_batch=max_batch, threads=threads)
    return _chosen(opened, reasons)


def _chosen(engine: Engine, reasons: list[Fallback]) -> Chosen:
    for reason in reasons:
        log.warning("%s %s takes its place.", reason.text, engine.name)
    return Chosen(engine=engine, reasons=tuple(reasons))


def _fallback(cause: Cause, plan: str, why: object) -> Fallback:
    return Fallback(cause=cause, text=f"The plan {plan} is not taken: {why}")


def by_preference(found: Iterable[Plan], wish: Wish) -> list[Plan]:
    """Plans of the engine that was asked for, the fastest first; for "auto" those slower than onnxruntime are left out.

    Speed is held against onnxruntime's of the same minute, so that plans measured at a busy hour lose nothing. Pure.
    """
    wanted = []
    for plan in found:
        _, engine, precision, *_ = (*plan.path.name.split("."), "", "", "")
        if wish.engine != "auto" and engine != wish.engine:
            continue
        # A stage that lost its answers in this precision was built in float32: the mixed plan.
        if wish.precision is not None and precision not in (wish.precision, "float32"):
            continue
        if plan.sidecar is not None and wish.engine == "auto" and speed_up(plan.sidecar) <= 1:
            continue
        wanted.append(plan)
    exact = wish.precision
    return sorted(
        wanted,
        key=lambda plan: (
            plan.path.name.split(".")[2:3] != [exact],
            -speed_up(plan.sidecar) if plan.sidecar else 0,
        ),
    )


def speed_up(sidecar: Sidecar) -> float:
    """Rows a second, in multiples of what onnxruntime in float32 did when the plan was built."""
    return sidecar.rows_per_s / max(sidecar.reference_rows_per_s, 1e-9)


def _usable(
    bundle: Bundle, stage: str, plan: Plan, max_batch: int, threads: int | None, reasons: list[Fallback]
) -> tuple[Path, Sidecar] | None:
    """The plan, or the one built in its place; None, and a reason more, where there is neither."""
    name = plan.path.name
    if plan.sidecar is None:
        reasons.append(_fallback(Cause.DAMAGED, name, f"{plan.damage}. Compile the bundle again."))
        return None
    sidecar = plan.sidecar
    try:
        machine = maker(sidecar.engine).machine()
    except EngineError as error:
        reasons.append(_fallback(Cause.MISSING, name, error))
        return None
    graph_sha256 = bundle.graph_sha256(stage)
    why = mismatch(sidecar, machine=machine, graph_sha256=graph_sha256) or damaged_file(plan.path, sidecar)
    if why is None:
        return plan.path, sidecar
    log.warning("The plan %s is built again: %s", name, why)
    try:
        rebuilt = rebuild(bundle, sidecar, max_batch=max_batch, threads=threads)
    except (EngineError, BundleError) as error:
        reasons.append(_fallback(Cause.NOT_REBUILT, name, f"{why}, and building it again failed: {error}"))
        return None
    return rebuilt


def rebuild(bundle: Bundle, sidecar: Sidecar, *, max_batch: int, threads: int | None) -> tuple[Path, Sidecar]:
    """Build a plan again for this machine. Raises EngineError where that fails or the plan does not agree."""
    from .compile import Reference, compile_stage  # imported late: most servers build nothing

    samples = kept_samples(bundle) or made_up_samples(bundle)
    reference = Reference(bundle, samples, max_batch=max(max_batch, sidecar.max_batch), threads=threads)
    try:
        made = compile_stage(
            reference,
            sidecar.stage,
            sidecar.engine,
            sidecar.precision,
            min_agreement=MIN_AGREEMENT,
            progress=Progress(log.info),
        )
    finally:
        reference.close()
    wanted = (made.sidecar.engine, made.sidecar.precision)
    for plan in plans(bundle.path, sidecar.stage):
        if plan.sidecar is not None and (plan.sidecar.engine, plan.sidecar.precision) == wanted:
            return plan.path, plan.sidecar
    raise EngineError("the plan that was built cannot be found again; another program changes the bundle")


def _not_had(bundle: Bundle, stage: str, wish: Wish, reasons: list[Fallback]) -> str:
    precision = f" --precision {wish.precision}" if wish.precision else ""
    if not reasons:
        return (
            f"The bundle has no {wish.engine} plan of its {stage}. Build it first: "
            f"asksight compile {bundle.path} --engine {wish.engine}{precision}"
        )
    why = " ".join(reason.text for reason in reasons)
    return (
        f"{wish.engine} was asked for, and cannot be had for the {stage}. {why} "
        "Or let the server choose: --engine auto"
    )
