"""ONNX Runtime on the CPU: the engine that is everywhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, EngineSpec, TensorSpec
from ..cores import available_cores
from ..errors import EngineError
from ..graphs.graph import DamagedGraphError, read_header
from .check import batch_size, check_tensor
from .mapped_weights import mappings, without_weights
from .quiet import without_lines
from .slices import run_in_slices, slice_rows
from .warm import ones

with without_lines(b"[W:onnxruntime"):
    import onnxruntime

log = logging.getLogger(__name__)

FATAL = 4  # of ONNX Runtime's log levels: what goes wrong is raised, so stderr need not say it too
onnxruntime.set_default_logger_severity(FATAL)
# A thread that slept is called back into each layer. On an idle machine that took up to 16 ms (a graph of 0.4 ms, Linux
# 6.18, two cores): what one thread does within this time is not shared.
ALONE_S = 0.003
LIGHT_BYTES = 32 << 20  # of a graph that may be in memory twice
WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
FOLDER_SINCE = (1, 21)  # of ONNX Runtime: 1.20 looks for some weights in the working directory all the same
DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(bool)": np.dtype(np.bool_),
}


class OnnxRuntimeEngine:
    """One ONNX graph in float32. `infer` may be called from any one thread at a time.

    Its memory grows to what the largest batch needs and stays there; batches of large photos run in slices for that.
    """

    name = "onnxruntime"
    precision = "float32"

    def __init__(
        self, path: str | Path, *, max_batch: int = 32, threads: int | None = None, alone: bool = True
    ) -> None:
        """Load the graph at `path`; `threads` None means every core that this process may use.

        `alone` False shares small batches too: for graphs whose rows have many sizes, of which rows alone say nothing.
        Raises EngineError when the file is missing or is not a graph that ONNX Runtime can run.
        """
        if max_batch < 1 or (threads is not None and threads < 1):
            raise EngineError(f"max_batch and threads must be at least 1: {max_batch}, {threads}.")
        try:
            declared = read_header(Path(path))
            threads = threads or available_cores()
            light = _size_bytes(Path(path), declared.external_files) <= LIGHT_BYTES
            session = _session(path, threads) if light else _heavy_session(Path(path), threads)
            by_itself = _session(path, 1) if alone and light and threads > 1 else None
        except DamagedGraphError as error:
            raise EngineError(f"{path} cannot be loaded: expected an ONNX model, found {error}.") from error
        except OSError as error:
            raise EngineError(f"{path} cannot be read: {error.strerror or error}.") from error
        except Exception as error:  # ONNX Runtime's own, which share no other base class
            raise EngineError(f"ONNX Runtime cannot load {path}: {_one_line(error)}") from error
        shapes = {tensor.name: tensor.shape for tensor in (*declared.inputs, *declared.outputs)}
        inputs = tuple(_tensor(path, node, shapes) for node in session.get_inputs())
        outputs = tuple(_tensor(path, node, shapes) for node in session.get_outputs())
        self.spec = EngineSpec(
            inputs=inputs,
            outputs=outputs,
            max_batch=max_batch,
            slice_rows=slice_rows(inputs, outputs, max_batch=max_batch, threads=threads),
        )
        self._session: onnxruntime.InferenceSession | None = session
        self._alone = by_itself  # with one thread
        self._alone_rows = 0  # at most, that it is left to
        self._outputs = [tensor.name for tensor in self.spec.outputs]
        self._path = path
        if by_itself is not None:
            self._alone_rows = self._rows_within(ALONE_S)

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Run one batch; raises EngineError when it does not fit `spec`, fails, or the engine is closed."""
        session = self._session
        if session is None:
            raise EngineError(f"The engine of {self._path} is closed; open it again.")
        rows = batch_size(self.spec, arrays)
        if self._alone is not None and rows <= self._alone_rows:
            session = self._alone
        return run_in_slices(
            lambda some, count: self._run(session, some, count), arrays, rows, self.spec.slice_rows
        )

    def _run(self, session: Any, arrays: Arrays, rows: int) -> dict[str, NDArray[Any]]:
        try:
            results: Sequence[Any] = session.run(self._outputs, dict(arrays))
        except Exception as error:  # as above
            raise EngineError(f"ONNX Runtime failed on {self._path}: {_one_line(error)}") from error
        outputs: dict[str, NDArray[Any]] = dict(zip(self._outputs, results, strict=True))
        for tensor in self.spec.outputs:
            check_tensor("output", tensor, outputs)
            if len(outputs[tensor.name]) != rows:
                raise EngineError(
                    f"{self._path} gave {len(outputs[tensor.name])} rows of {tensor.name} for {rows}."
                )
        return outputs

    def _rows_within(self, seconds: float) -> int:
        """Return the largest power of two of rows that one thread does in that time; 0 where one is too many."""
        self._alone_rows = self.spec.max_batch
        within, rows = 0, 1
        while rows <= self.spec.max_batch:
            arrays = ones(self.spec, rows)
            took_s = []
            for _ in range(3):  # the first takes memory, and any may be disturbed
                started_s = time.perf_counter()
                try:
                    self.infer(arrays)
                except EngineError:  # which is told to who asks
                    return 0
                took_s.append(time.perf_counter() - started_s)
            if min(took_s) > seconds:
                break
            within, rows = rows, 2 * rows
        return within

    def close(self) -> None:
        """Release the session and its memory; a second call does nothing."""
        self._session = self._alone = None


def _session(path: str | Path, threads: int) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), _options(threads), providers=["CPUExecutionProvider"])


def _heavy_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session whose large weights are mapped while it is made, where that leaves nothing mapped; else as any."""
    version = tuple(map(int, onnxruntime.__version__.split(".")[:2]))
    model = without_weights(path) if version >= FOLDER_SINCE else None
    if model is None:
        return _session(path, threads)
    options = _options(threads)
    options.add_session_config_entry(WEIGHTS_FOLDER, str(path.absolute().parent))
    before = mappings(path)
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the whole file says what is wrong, if it is not this way
        log.debug("%s is loaded whole: %s", path, _one_line(error))
        return _session(path, threads)
    if mappings(path) > before:  # a weight that was not packed
        del session
        return _session(path, threads)
    return session


def _size_bytes(path: Path, external: Iterable[str]) -> int:
    """Of a graph with the weights beside it; what is not there is ONNX Runtime's to name."""
    beside = [path.parent / name for name in external]
    return path.stat().st_size + sum(one.stat().st_size for one in beside if one.is_file())


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1  # our graphs are chains: no branches to run side by side
    # The encoder and the answerer share the cores. Threads that spin while they wait took them from the other:
    # without, a batch of 8 photos took 4 ms instead of 8 on two busy cores, and a third of the CPU time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Patterns are kept for each shape; ours are as many as batch sizes times question lengths.
    options.enable_mem_pattern = False
    return options


def _tensor(path: str | Path, node: Any, declared: dict[str, tuple[int | None, ...]]) -> TensorSpec:
    dtype = DTYPES.get(node.type)
    if dtype is None:
        raise EngineError(f"{path}: {node.name} is {node.type}; the types allowed are {', '.join(DTYPES)}.")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    # A declared size that ONNX Runtime finds contradicted, it reports as free. Kept, `infer` finds it out.
    said = declared.get(node.name, ())
    if len(said) == len(shape):
        shape = tuple(one if one is not None else other for one, other in zip(shape, said, strict=True))
    return TensorSpec(name=node.name, shape=shape, dtype=dtype)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
