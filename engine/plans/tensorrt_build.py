"""ONNX to a TensorRT plan, in float16 or float32: one way for 8.6, 10, 11 and RTX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from ..base import Arrays
from ..errors import EngineError
from ..graphs.half import half_graph
from ..graphs.recurrent_lengths import RECURRENT, without_sequence_lens
from ..runtimes.tensorrt_api import collecting_logger, import_tensorrt, is_rtx
from .profiles import Profile

WORKSPACE_BYTES = 2 << 30  # of the card's memory, while kernels are timed and while they run


def build_tensorrt(
    graph: Path,
    out: Path,
    precision: str,
    samples: Sequence[Arrays],
    *,
    profiles: Sequence[Profile],
    timing: Path | None = None,
    api: Any = None,
) -> tuple[str, ...]:
    """Write the plan of an ONNX graph to `out` and give the names of the nodes that stay float32.

    `profiles` has one for each input. What kernels took is kept in the file `timing`, for the next build. `samples`
    are batches of the graph's inputs, by which numbers beyond float16 are found. Raises EngineError: no TensorRT, an
    operator it lacks, a failed build.
    """
    api = api or import_tensorrt()
    kept: tuple[str, ...] = ()
    model = onnx.load(graph)
    if any(node.op_type in RECURRENT for node in model.graph.node):
        without_sequence_lens(model)
    _unname_sizes(model)
    if precision == "fp16":
        model, kept = half_graph(model, samples)
    logger = collecting_logger(api)
    plan = _build(api, logger, model.SerializeToString(), precision, profiles, timing)
    if plan is None:
        raise EngineError(f"TensorRT {api.__version__} cannot build {graph}: {_said(logger)}")
    out.write_bytes(plan)
    return kept


def _unname_sizes(model: onnx.ModelProto) -> None:
    """Take away the names of free sizes that are called "?": TensorRT takes all of one name for equal."""
    for tensor in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for size in tensor.type.tensor_type.shape.dim:
            if size.dim_param == "?":
                size.ClearField("dim_param")


def _build(
    api: Any, logger: Any, model: bytes, precision: str, wanted: Sequence[Profile], timing: Path | None
) -> bytes | None:
    builder = api.Builder(logger)
    kinds, bits, strong = api.NetworkDefinitionCreationFlag, 0, False
    if hasattr(kinds, "STRONGLY_TYPED"):  # 10 and later: the graph's own types rule
        bits, strong = 1 << int(kinds.STRONGLY_TYPED), True
    if hasattr(kinds, "EXPLICIT_BATCH"):  # asked for by 8, without effect in 10, gone in 11
        bits |= 1 << int(kinds.EXPLICIT_BATCH)
    network = builder.create_network(bits)
    parser = api.OnnxParser(network, logger)
    if not parser.parse(model):
        errors = [_described(parser.get_error(place)) for place in range(parser.num_errors)]
        raise EngineError(
            f"TensorRT {api.__version__} does not take the graph: {'; '.join(errors) or _said(logger)} "
            "Serve this stage with onnxruntime."
        )
    config = builder.create_builder_config()
    config.set_memory_pool_limit(api.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    typed_by_graph = strong or not hasattr(api, "BuilderFlag") or not hasattr(api.BuilderFlag, "FP16")
    if precision == "fp16" and not typed_by_graph:  # 8: without it a float16 graph is refused
        config.set_flag(api.BuilderFlag.FP16)
        if hasattr(api.BuilderFlag, "OBEY_PRECISION_CONSTRAINTS"):
            config.set_flag(api.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    if hasattr(config, "set_tactic_sources") and not strong:
        config.set_tactic_sources(0)  # 8: neither cuBLAS nor cuDNN need be installed
    profile = builder.create_optimization_profile()
    for one in wanted:
        profile.set_shape(one.name, one.least, one.typical, one.most)
    config.add_optimization_profile(profile)
    cache = None
    if (
        timing is not None and hasattr(config, "create_timing_cache") and not is_rtx(api)
    ):  # RTX times no kernels, and warns
        cache = config.create_timing_cache(timing.read_bytes() if timing.exists() else b"")
        if cache is not None:
            config.set_timing_cache(cache, False)
    plan = builder.build_serialized_network(network, config)
    if timing is not None and cache is not None and plan is not None:
        timing.write_bytes(bytes(memoryview(cache.serialize())))
    return None if plan is None else bytes(memoryview(plan))


def _described(error: Any) -> str:
    operator = error.node_operator() if hasattr(error, "node_operator") else ""  # 9 and later
    text = " ".join(str(error.desc()).split())
    return f"{operator} {error.node_name()!r}: {text}" if operator else text


def _said(logger: Any) -> str:
    return f"{logger.lines[-1] if logger.lines else 'it does not say why'}."
