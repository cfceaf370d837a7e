"""ONNX Runtime on the CPU: the engine that is everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .base import Arrays, EngineSpec, TensorSpec
from .check import batch_size, check_tensor
from .cores import available_cores
from .errors import EngineError
from .warm import warm_up

FATAL = 4  # of ONNX Runtime's log levels: what goes wrong is raised, so stderr need not say it too
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
    """One ONNX graph in float32. `infer` may be called from any one thread at a time."""

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, path: str | Path, *, max_batch: int = 32, threads: int | None = None) -> None:
        """Load the graph at `path`; `threads` None means every core that this process may use.

        Raises EngineError when the file is missing or is not a graph that ONNX Runtime can run.
        """
        if max_batch < 1 or (threads is not None and threads < 1):
            raise EngineError(
                f"max_batch and threads must be at least 1; they are {max_batch} and {threads}."
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = threads or available_cores()
        options.inter_op_num_threads = 1  # our graphs are chains: no branches to run side by side
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise EngineError(f"ONNX Runtime cannot load {path}: {_one_line(error)}") from error
        self.spec = EngineSpec(
            inputs=tuple(_tensor(path, node) for node in session.get_inputs()),
            outputs=tuple(_tensor(path, node) for node in session.get_outputs()),
            max_batch=max_batch,
        )
        self._session: onnxruntime.InferenceSession | None = session
        self._outputs = [tensor.name for tensor in self.spec.outputs]
        self._path = path

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Run one batch; raises EngineError when it does not fit `spec`, fails, or the engine is closed."""
        session = self._session
        if session is None:
            raise EngineError(f"The engine of {self._path} is closed; open it again.")
        rows = batch_size(self.spec, arrays)
        try:
            results: Sequence[Any] = session.run(self._outputs, dict(arrays))
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed on {self._path}: {_one_line(error)}") from error
        outputs: dict[str, NDArray[Any]] = dict(zip(self._outputs, results, strict=True))
        for tensor in self.spec.outputs:
            check_tensor("output", tensor, outputs)
            if len(outputs[tensor.name]) != rows:
                raise EngineError(
                    f"{self._path} gave {len(outputs[tensor.name])} rows of {tensor.name} for {rows}."
                )
        return outputs

    def warm(self, batch_sizes: Iterable[int]) -> None:
        """Run one batch of ones at each size, so that the first real call is not the slow one."""
        warm_up(self, batch_sizes)

    def close(self) -> None:
        """Release the session and its memory; a second call does nothing."""
        self._session = None


def _tensor(path: str | Path, node: Any) -> TensorSpec:
    dtype = DTYPES.get(node.type)
    if dtype is None:
        raise EngineError(f"{path}: {node.name} is {node.type}; the types allowed are {', '.join(DTYPES)}.")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(name=node.name, shape=shape, dtype=dtype)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
