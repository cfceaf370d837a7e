"""OpenVINO on the CPU: bfloat16 and int8 where the processor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import Arrays, EngineSpec, TensorSpec
from ..cores import available_cores
from ..errors import EngineError
from .check import batch_size
from .openvino_core import core, library
from .slices import run_in_slices, slice_rows_of_long

INSTALL = "In a copy of AskSight's repository, run: pip install -e '.[openvino]'"
# What sums are made in where nothing narrower is asked for: "f32" keeps OpenVINO from taking bf16 by itself.
HINTS = {"float32": "f32", "bf16": "bf16", "int8": "f32"}
PRECISIONS = tuple(HINTS)


class OpenVinoEngine:
    """One OpenVINO model. `infer` may be called from any one thread at a time; free axes take any size."""

    name = "openvino"

    def __init__(
        self, path: str | Path, *, precision: str, max_batch: int = 32, threads: int | None = None
    ) -> None:
        """Load the .xml at `path`; `threads` None means every core that this process may use.

        Raises EngineError where OpenVINO is missing, the CPU lacks the precision, or the model cannot be loaded.
        """
        if max_batch < 1 or (threads is not None and threads < 1):
            raise EngineError(f"max_batch and threads must be at least 1: {max_batch}, {threads}.")
        import_openvino()
        check_precision(precision)
        hint = HINTS[precision]
        if precision == "int8" and has_bf16():
            hint = "bf16"  # for the layers that int8 leaves
        try:
            model = core().read_model(str(path))
            compiled = core().compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": hint,
                    "INFERENCE_NUM_THREADS": threads or available_cores(),
                    "NUM_STREAMS": 1,  # one thread asks at a time
                    "PERFORMANCE_HINT": "LATENCY",
                },
            )
            threads = threads or available_cores()
            inputs = tuple(_tensor(port) for port in model.inputs)
            outputs = tuple(_tensor(port) for port in model.outputs)
            self.spec = EngineSpec(
                inputs=inputs,
                outputs=outputs,
                max_batch=max_batch,
                slice_rows=slice_rows_of_long(inputs, outputs, max_batch=max_batch, threads=threads),
                every_size_is_new=True,  # by 2 to 5 ms (LSTM, bf16)
            )
            self._request: Any = compiled.create_infer_request()
        except EngineError:
            raise
        except Exception as error:  # OpenVINO's own, which are RuntimeErrors of several libraries
            raise EngineError(
                f"OpenVINO cannot load {path}: {one_line(error)} Compile the bundle again."
            ) from error
        self.precision = precision
        self._path = path

    def infer(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Run one batch; raises EngineError when it does not fit `spec`, fails, or the engine is closed."""
        if self._request is None:
            raise EngineError(f"The engine of {self._path} is closed; open it again.")
        rows = batch_size(self.spec, arrays)
        return run_in_slices(self._run, arrays, rows, self.spec.slice_rows)

    def _run(self, arrays: Arrays, rows: int) -> dict[str, NDArray[Any]]:
        request = self._request
        try:
            # By place: compiling may add names to a port, and those are not told apart afterwards.
            results = request.infer(
                {place: np.ascontiguousarray(arrays[one.name]) for place, one in enumerate(self.spec.inputs)}
            )
            outputs: dict[str, NDArray[Any]] = {
                # A copy: the tensor itself is written again by the next batch.
                one.name: np.array(results[place], one.dtype)
                for place, one in enumerate(self.spec.outputs)
            }
        except Exception as error:  # as above
            raise EngineError(f"OpenVINO failed on {self._path}: {one_line(error)}") from error
        for name, array in outputs.items():
            if len(array) != rows:
                raise EngineError(f"{self._path} gave {len(array)} rows of {name} for {rows}.")
        return outputs

    def close(self) -> None:
        """Release the model and its memory; a second call does nothing."""
        self._request = None


def import_openvino() -> Any:
    """The library, or an EngineError that says how to install it."""
    try:
        return library()
    except ImportError as error:
        raise EngineError(f"OpenVINO is not installed ({error}). {INSTALL}") from error


def has_bf16() -> bool:
    """Whether the CPU computes in bfloat16 itself."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def check_precision(precision: str) -> None:
    """Raises EngineError for a precision that is unknown, or that this CPU lacks."""
    if precision not in PRECISIONS:
        raise EngineError(f"OpenVINO has no precision {precision!r}; choose one of: {', '.join(PRECISIONS)}.")
    if precision == "bf16" and not has_bf16():
        name = core().get_property("CPU", "FULL_DEVICE_NAME")
        raise EngineError(f"The CPU ({name}) has no bfloat16; choose int8 or float32.")


def one_line(error: Exception) -> str:
    """An error of a library, as one line that ends in a full stop."""
    return " ".join(str(error).split()).rstrip(".") + "."


def _tensor(port: Any) -> TensorSpec:
    shape = tuple(None if size.is_dynamic else int(size.get_length()) for size in port.get_partial_shape())
    return TensorSpec(
        name=port.get_any_name(), shape=shape, dtype=np.dtype(port.get_element_type().to_dtype())
    )
