"""Which engine runs a graph of the reader's: the fastest plan that fits this machine, else one that needs no plan."""

from __future__ import annotations

import logging
from pathlib import Path

from ..base import Engine
from ..errors import EngineError
from ..text_models import SHA256, TextModels, TextStage, open_text_engine
from .makers import maker
from .pick import DEFAULT, by_preference, parse_wish
from .sidecar import Plan, damaged_file, mismatch, plans

log = logging.getLogger(__name__)


def open_text_stage(
    models: TextModels, stage: TextStage, kind: str, *, root: Path | None, max_batch: int, threads: int | None
) -> Engine:
    """Open one graph as `kind` says (see `pick.Wish`), by a plan in the folder `engines` of `root` where one fits.

    Without one OpenVINO, where it is named, reads the graph as it is, and onnxruntime runs it else: a reader is never
    why a server does not start, unless the engine itself is missing. Raises EngineError.
    """
    wish = parse_wish(kind)
    if root is not None and wish.engine != DEFAULT:
        for plan in by_preference(plans(root, stage), wish):
            try:
                return _opened(plan, stage, max_batch, threads)
            except EngineError as error:
                log.warning("The plan %s is not taken: %s Compile the reader again.", plan.path.name, error)
    return open_text_engine(models, stage, kind, max_batch=max_batch, threads=threads)


def _opened(plan: Plan, stage: TextStage, max_batch: int, threads: int | None) -> Engine:
    sidecar = plan.sidecar
    if sidecar is None:
        raise EngineError(f"{plan.damage}.")
    made = maker(sidecar.engine)
    why = mismatch(sidecar, machine=made.machine(), graph_sha256=SHA256[stage])
    if why := why or damaged_file(plan.path, sidecar):
        raise EngineError(f"{why}.")
    return made.open(plan.path, sidecar.precision, max_batch, threads)
