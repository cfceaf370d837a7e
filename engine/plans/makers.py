"""The engines that are built before they run: what each can build, and how it is built and opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import Arrays, Engine
from ..errors import EngineError
from .machine import cpu, package
from .profiles import Profile

if TYPE_CHECKING:
    from ..runtimes.device_thread import DeviceThread


@dataclass(frozen=True, kw_only=True)
class BuildSpec:
    """What to build, and from what."""

    graph: Path  # ONNX
    folder: Path  # to write into
    precision: str
    samples: Sequence[Arrays]  # batches of inputs
    max_batch: int
    profiles: Sequence[Profile]  # the sizes of each input
    cache: Path  # a folder that is kept, with files that make later builds faster


@dataclass(frozen=True, kw_only=True)
class Maker:
    """One kind of engine. All of these raise EngineError where the engine cannot be had on this machine."""

    name: str
    precisions: tuple[str, ...]
    machine: Callable[[], Mapping[str, str]]  # what a plan depends on here
    build: Callable[[BuildSpec], tuple[str, ...]]  # gives the layers that stay float32, by name
    open: Callable[[Path, str, int, int | None], Engine]  # folder, precision, largest batch, threads


def _openvino_machine() -> Mapping[str, str]:
    from ..runtimes.openvino_engine import import_openvino

    import_openvino()
    return {"openvino": package("openvino"), **cpu()}


def _openvino_build(spec: BuildSpec) -> tuple[str, ...]:
    from .openvino_build import build_openvino

    build_openvino(spec.graph, spec.folder / "plan.xml", spec.precision, spec.samples)
    return ()


def _openvino_open(folder: Path, precision: str, max_batch: int, threads: int | None) -> Engine:
    from ..runtimes.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(folder / "plan.xml", precision=precision, max_batch=max_batch, threads=threads)


def _tensorrt_machine() -> Mapping[str, str]:
    from ..runtimes.cuda_driver import PyCudaDriver
    from ..runtimes.tensorrt_api import import_tensorrt

    # The card first: the full TensorRT must not be asked for anything where there is none.
    card = PyCudaDriver().machine()
    return {"tensorrt": str(import_tensorrt().__version__), **card}


def _tensorrt_build(spec: BuildSpec) -> tuple[str, ...]:
    from .tensorrt_build import build_tensorrt

    plan = spec.folder / "plan.engine"
    return build_tensorrt(
        spec.graph,
        plan,
        spec.precision,
        spec.samples,
        profiles=spec.profiles,
        timing=spec.cache / "tensorrt.timing",
    )


@cache
def _device() -> DeviceThread:
    from ..runtimes.cuda_driver import PyCudaDriver
    from ..runtimes.device_thread import DeviceThread

    return DeviceThread(PyCudaDriver())


def _tensorrt_open(folder: Path, precision: str, max_batch: int, threads: int | None) -> Engine:
    from ..runtimes.tensorrt_engine import TensorRtEngine
    from ..runtimes.tensorrt_program import TensorRtProgram

    plan = folder / "plan.engine"
    return TensorRtEngine(_device(), lambda: TensorRtProgram(plan), precision=precision, max_batch=max_batch)


MAKERS = {
    "openvino": Maker(
        name="openvino",
        precisions=("float32", "bf16", "int8"),
        machine=_openvino_machine,
        build=_openvino_build,
        open=_openvino_open,
    ),
    "tensorrt": Maker(
        name="tensorrt",
        precisions=("float32", "fp16"),
        machine=_tensorrt_machine,
        build=_tensorrt_build,
        open=_tensorrt_open,
    ),
}


def maker(name: str) -> Maker:
    """Return the maker of an engine. Raises EngineError for one that is unknown, or needs no building."""
    if name not in MAKERS:
        raise EngineError(f"There is no engine {name!r} to build for; choose one of: {', '.join(MAKERS)}.")
    return MAKERS[name]


def check_precision(engine: Maker, precision: str) -> None:
    """Raises EngineError for a precision that the engine cannot build."""
    if precision not in engine.precisions:
        choice = ", ".join(engine.precisions)
        raise EngineError(f"{engine.name} has no precision {precision!r}; choose one of: {choice}.")
