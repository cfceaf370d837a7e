"""A TensorRT plan loaded into the CUDA context of this thread: names instead of TensorRT's calls."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from ..base import TensorSpec
from ..errors import EngineError
from .tensorrt_api import collecting_logger, import_tensorrt


class TensorRtProgram:
    """See `Program` in tensorrt_engine.py. To be made and used in the device's thread alone."""

    def __init__(self, path: Path, *, api: Any = None) -> None:
        """Raises EngineError where the plan is of another version or GPU, or is cut short."""
        api = self._api = api or import_tensorrt()
        self._logger = collecting_logger(api)
        try:
            plan = path.read_bytes()
        except OSError as error:
            raise EngineError(
                f"{path} cannot be read ({error.strerror}). Compile the bundle again."
            ) from error
        # The runtime is kept: an engine is not to outlive it.
        self._runtime = api.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineError(
                f"TensorRT {api.__version__} cannot load {path}: {self._said()} Compile the bundle on this machine."
            )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(
                f"TensorRT has no room for {path} on the card: {self._said()} Serve smaller batches."
            )
        names = [self._engine.get_tensor_name(place) for place in range(self._engine.num_io_tensors)]
        is_input = {name: self._engine.get_tensor_mode(name) == api.TensorIOMode.INPUT for name in names}
        self.inputs = tuple(self._tensor(api, name) for name in names if is_input[name])
        self.outputs = tuple(self._tensor(api, name) for name in names if not is_input[name])
        self.most: Mapping[str, tuple[int, ...]] = {
            one.name: tuple(self._engine.get_tensor_profile_shape(one.name, 0)[2]) for one in self.inputs
        }

    def given(self, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
        """The shape of each output, by those of the inputs; where only rows are free, without asking TensorRT."""
        (rows,) = {shape[0] for shape in shapes.values()}
        if all(None not in tensor.shape[1:] for tensor in self.outputs):
            return {one.name: (rows, *(size or 0 for size in one.shape[1:])) for one in self.outputs}
        self._set(shapes)
        return {one.name: tuple(self._context.get_tensor_shape(one.name)) for one in self.outputs}

    def launch(
        self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int], stream: int
    ) -> None:
        """Start the computation on `stream`."""
        self._set(shapes)
        for name, address in addresses.items():
            self._context.set_tensor_address(name, address)
        if not self._context.execute_async_v3(stream):
            raise EngineError(f"TensorRT failed in execute_async_v3: {self._said()}")

    def _set(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        for name, shape in shapes.items():
            if not self._context.set_input_shape(name, shape):
                raise EngineError(f"TensorRT refuses the shape {shape} of {name}: {self._said()}")

    @property
    def scratch_bytes(self) -> int:
        """What one execution context computes in."""
        engine = self._engine  # 10.1 and later count in 64 bits
        return int(
            engine.device_memory_size_v2
            if hasattr(engine, "device_memory_size_v2")
            else engine.device_memory_size
        )

    def fork(self, scratch: int) -> TensorRtProgram:
        """The same plan in another execution context, which computes in the memory at `scratch`."""
        strategies = getattr(self._api, "ExecutionContextAllocationStrategy", None)
        if strategies is not None:  # 10 and later
            context = self._engine.create_execution_context(strategies.USER_MANAGED)
        else:
            context = self._engine.create_execution_context_without_device_memory()
        if context is None:
            raise EngineError(f"TensorRT gives no second execution context: {self._said()}")
        if hasattr(context, "set_device_memory"):
            context.set_device_memory(scratch, self.scratch_bytes)
        else:
            context.device_memory = scratch
        forked = copy(self)
        forked._context = context
        return forked

    def _tensor(self, api: Any, name: str) -> TensorSpec:
        shape = tuple(None if size < 0 else int(size) for size in self._engine.get_tensor_shape(name))
        dtype = np.dtype(api.nptype(self._engine.get_tensor_dtype(name)))
        return TensorSpec(name=name, shape=shape, dtype=dtype)

    def _said(self) -> str:
        return f"{self._logger.lines[-1] if self._logger.lines else 'it does not say why'}."
