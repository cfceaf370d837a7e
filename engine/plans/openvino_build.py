"""ONNX to OpenVINO's own form: float32, bfloat16, or int8 by post-training quantisation on samples."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..base import Arrays
from ..errors import EngineError
from ..runtimes.openvino_core import apart
from ..runtimes.openvino_engine import INSTALL, check_precision, import_openvino, one_line
from .machine import cpu

WIDE_SUMS = {"avx512_vnni", "avx_vnni", "amx_int8", "asimd"}  # add products of int8 in 32 bits


def build_openvino(graph: Path, out: Path, precision: str, samples: Sequence[Arrays]) -> None:
    """Write the ONNX model `graph` as `out` (.xml, its weights beside it as .bin).

    `samples` are batches of the graph's inputs, which int8 is calibrated on. Raises EngineError where OpenVINO or
    NNCF is missing, the CPU lacks the precision, or an operator has no counterpart.
    """
    openvino = import_openvino()
    check_precision(precision)

    def build() -> None:
        with _readable(graph) as path, _logging_as_it_was():
            model = openvino.convert_model(path)
        if precision == "int8":
            model = _quantised(model, samples)
        # float16 holds a weight with more digits than bfloat16 does, in half the space.
        openvino.save_model(model, out, compress_to_fp16=precision == "bf16")

    try:
        apart(build)  # NNCF makes cores of its own
    except EngineError:
        raise
    except Exception as error:  # OpenVINO's and NNCF's own, of many kinds
        raise EngineError(f"OpenVINO cannot take {graph}: {one_line(error)}") from error


@contextlib.contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """OpenVINO (2026.4) silences all warnings of the process while it converts, and for good where that fails."""
    root = logging.getLogger()
    level, filters, handlers = root.level, list(root.filters), list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters, root.handlers = filters, handlers


@contextlib.contextmanager
def _readable(graph: Path) -> Iterator[Path]:
    """The path, or, where a recurrent layer has `sequence_lens`, a rewritten copy's: see recurrent_lengths.py.

    A path, and no file in memory: of that OpenVINO (2026.4) asks TensorFlow, which on Python 3.13 it cannot.
    """
    try:
        import onnx
    except ImportError as error:
        raise EngineError(f"{error.name} is not installed. {INSTALL}") from error
    from ..graphs.recurrent_lengths import RECURRENT, without_sequence_lens

    model = onnx.load(graph)
    if not any(node.op_type in RECURRENT for node in model.graph.node):
        yield graph
        return
    with tempfile.TemporaryDirectory(prefix="asksight-") as folder:
        copy = Path(folder) / graph.name
        onnx.save(without_sequence_lens(model), copy)
        yield copy


def _quantised(model: Any, samples: Sequence[Arrays]) -> Any:
    try:
        import nncf
    except ImportError as error:
        raise EngineError(f"NNCF is not installed, which int8 needs ({error}). {INSTALL}") from error
    logging.getLogger("nncf").setLevel(logging.ERROR)
    data = nncf.Dataset(
        list(samples), lambda batch: {name: np.asarray(array) for name, array in batch.items()}
    )
    with contextlib.redirect_stdout(io.StringIO()):  # NNCF draws bars on what may be read by a machine
        return nncf.quantize(
            model,
            data,
            # Symmetric: twice as fast as zero points of their own, for VGG16 on AMX, and as near to float32.
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(samples),
            ignored_scope=nncf.IgnoredScope(names=_first_convolution(model)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=_overflow_fix(nncf)),
        )


def _overflow_fix(nncf: Any) -> Any:
    """Weights of 7 bits where the processor adds two products in 16 bits, which overflow with 8 (x86 without VNNI)."""
    fix = nncf.OverflowFix
    return fix.DISABLE if WIDE_SUMS & set(cpu()["features"].split()) else fix.ENABLE


def _first_convolution(model: Any) -> list[str]:
    """What reads the pixels, by name; none in an answerer.

    In a wider precision it costs VGG16 a tenth of its speed and nearly halves the answers lost: what is rounded
    here goes through all other layers.
    """
    names = [
        one.get_friendly_name() for one in model.get_ordered_ops() if one.get_type_name() == "Convolution"
    ]
    return names[:1]
