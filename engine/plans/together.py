"""Compares pairs of plans with float32: the answers that two stages lose one by one may add up.

A stage alone is compared with the other one in float32 (compile.py). A pair is what the server takes for "auto", for
the engine, and for the engine with its precision; plans of earlier runs are among them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from ..base import Engine
from ..errors import EngineError
from .compile import Compiled, Reference, compile_stage, loss
from .makers import maker
from .parity import Parity
from .pick import Wish, by_preference
from .progress import Progress
from .sidecar import STAGES, Sidecar, mismatch, plans


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two plans that would be served together, and how often their best answer is float32's."""

    encoder: Sidecar
    answerer: Sidecar
    parity: Parity

    @property
    def name(self) -> str:
        return f"{_name(self.encoder)} and {_name(self.answerer)}"


@dataclass(frozen=True, kw_only=True)
class Held:
    """What is left of a run, by stage, and the pairs that were accepted."""

    compiled: dict[str, Compiled]
    pairs: tuple[Pair, ...]
    failures: tuple[str, ...]  # a sentence for each stage that has no plan of this run any more


def hold_together(
    reference: Reference,
    compiled: dict[str, Compiled],
    engine: str,
    precision: str,
    *,
    min_agreement: float,
    progress: Progress,
) -> Held:
    """Compare each pair that a plan of this run is in; below the agreement, its weaker plan makes way for float32.

    Where that agrees no more either, the stage is left to onnxruntime.
    """
    compiled, failures, seen = dict(compiled), list[str](), dict[tuple[str, str], Pair]()
    while True:
        served = {
            (_name(encoder), _name(answerer)): (encoder, answerer)
            for encoder, answerer in _served(reference, compiled, engine, precision)
        }
        for names, plans_of_both in served.items():
            if names not in seen:
                with progress.step(f"both: {' and '.join(names)}: comparing with float32"):
                    seen[names] = _compare(reference, *plans_of_both)
        pairs = [seen[names] for names in served]
        refused = next((pair for pair in pairs if pair.parity.agreement < min_agreement), None)
        if refused is None:
            return Held(compiled=compiled, pairs=tuple(pairs), failures=tuple(failures))
        lost = loss(refused.parity, min_agreement)
        progress.say(f"both: {refused.name} are refused together: {lost}")
        weaker = _weaker(refused, compiled)
        _remove(reference, weaker)
        del compiled[weaker.stage]
        try:
            if weaker.precision == "float32" or "float32" not in maker(engine).precisions:
                raise EngineError("there is nothing more exact to try")
            made = compile_stage(
                reference, weaker.stage, engine, "float32", min_agreement=min_agreement, progress=progress
            )
            compiled[weaker.stage] = Compiled(sidecar=made.sidecar, refused=weaker)
        except EngineError as error:
            failures.append(
                f"The {weaker.stage} is lost on {_name(weaker)}: of both stages together {lost}, and {error}. "
                "The stage stays on onnxruntime; ask for another precision, or for less with --min-agreement."
            )


def _served(
    reference: Reference, compiled: dict[str, Compiled], engine: str, precision: str
) -> Iterator[tuple[Sidecar, Sidecar]]:
    """The pairs of plans that would be served, if one of them is of this run. Alone, a plan was compared already."""
    of_this_run = [one.sidecar for one in compiled.values()]
    for wish in (Wish(engine="auto"), Wish(engine=engine), Wish(engine=engine, precision=precision)):
        found = []
        for stage in STAGES:
            best = [plan.sidecar for plan in by_preference(plans(reference.bundle.path, stage), wish)]
            found += [one for one in best if one is not None and _fits(reference, one)][:1]
        if len(found) == 2 and any(sidecar in of_this_run for sidecar in found):
            yield found[0], found[1]


def _fits(reference: Reference, sidecar: Sidecar) -> bool:
    """Whether a plan is of this machine and of this graph; others would be built again before they are served."""
    graph_sha256 = reference.bundle.graph_sha256(sidecar.stage)
    try:
        machine = maker(sidecar.engine).machine()
    except EngineError:
        return False
    return mismatch(sidecar, machine=machine, graph_sha256=graph_sha256) is None


def _compare(reference: Reference, encoder: Sidecar, answerer: Sidecar) -> Pair:
    with ExitStack() as stack:
        engines: list[Engine] = []
        for sidecar in (encoder, answerer):
            (path,) = (p.path for p in plans(reference.bundle.path, sidecar.stage) if p.sidecar == sidecar)
            opened = maker(sidecar.engine).open(
                path, sidecar.precision, reference.max_batch, reference.threads
            )
            stack.callback(opened.close)
            engines.append(opened)
        parity = reference.compare_both(*engines)
    return Pair(encoder=encoder, answerer=answerer, parity=parity)


def _weaker(pair: Pair, compiled: dict[str, Compiled]) -> Sidecar:
    """The plan of this run that loses more by itself; of two equals, the one whose numbers are further off."""
    mine = [one.sidecar for one in compiled.values() if one.sidecar in (pair.encoder, pair.answerer)]
    return min(mine, key=lambda sidecar: (sidecar.agreement, -sidecar.largest_error))


def _remove(reference: Reference, sidecar: Sidecar) -> None:
    for plan in plans(reference.bundle.path, sidecar.stage):
        if plan.sidecar == sidecar:
            shutil.rmtree(plan.path)


def _name(sidecar: Sidecar) -> str:
    return f"{sidecar.engine} {sidecar.precision}"
