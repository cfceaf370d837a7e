"""What an ONNX file says of itself: inputs, outputs, and other files it points at.

Reads the protobuf wire format directly and steps over the weights: milliseconds for half a gigabyte, no
`onnx` package at serving time, and nothing that a graph points at is opened before it is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..base import TensorSpec
from .protobuf_fields import DamagedGraphError, fields, mapped

# onnx.TensorProto.DataType
DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
}
NEGATIVE = 1 << 63  # from here on an int64 is; exporters of old Paddle write -1 for what is free
DEEPEST = 32  # graphs nest in branches of If and Loop, by one or two; protobuf itself stops at 33

__all__ = ["DamagedGraphError", "GraphHeader", "metadata", "read_header"]


@dataclass(frozen=True, kw_only=True)
class GraphHeader:
    """Inputs and outputs as declared, None where a size is free, and the places of weights kept elsewhere."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    external_files: frozenset[str]


@dataclass
class _Found:
    inputs: list[TensorSpec] = field(default_factory=list)
    outputs: list[TensorSpec] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    external: set[str] = field(default_factory=set)


def read_header(path: Path) -> GraphHeader:
    """Raises DamagedGraphError when the file is no ONNX model, OSError when it cannot be read."""
    found = _Found()
    data = mapped(path)
    try:
        _read_model(data, found)
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedGraphError("a file that is not an ONNX model") from error
    if not found.outputs:
        raise DamagedGraphError("a file that is not an ONNX model, or one without a graph")
    return GraphHeader(
        # Before IR version 4 the weights were listed as inputs too.
        inputs=tuple(tensor for tensor in found.inputs if tensor.name not in found.initializers),
        outputs=tuple(found.outputs),
        external_files=frozenset(found.external),
    )


def metadata(path: Path) -> dict[str, str]:
    """What its maker wrote beside the graph, by key. Raises what `read_header` does."""
    try:
        pairs = [dict(_messages(value)) for number, value in _messages(mapped(path)) if number == 14]
        return {_text(pair[1]): _text(pair[2]) for pair in pairs if 1 in pair and 2 in pair}
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedGraphError("a file that is not an ONNX model") from error


def _read_model(model: memoryview, found: _Found) -> None:
    for number, value in _messages(model):
        if number == 7:  # graph
            _read_graph(value, found, depth=0)
        elif number == 20:  # training_info: initialization and algorithm
            for _, graph in _messages(value):
                _read_graph(graph, _Found(external=found.external), depth=1)
        elif number == 25:  # functions
            for part, node in _messages(value):
                if part == 7:
                    _read_node(node, found, depth=1)
                elif part == 11:
                    _read_attribute(node, found, depth=1)


def _read_graph(graph: memoryview, found: _Found, depth: int) -> None:
    if depth > DEEPEST:
        raise DamagedGraphError(f"a model whose graphs nest over {DEEPEST} deep")
    for number, value in _messages(graph):
        if number == 1:
            _read_node(value, found, depth)
        elif number == 5:
            found.initializers.add(_read_weights(value, found))
        elif number == 15:  # sparse_initializer: values and indices
            _read_sparse(value, found)
        elif number == 11:
            found.inputs.append(_read_value(value))
        elif number == 12:
            found.outputs.append(_read_value(value))


def _read_node(node: memoryview, found: _Found, depth: int) -> None:
    for number, value in _messages(node):
        if number == 5:
            _read_attribute(value, found, depth)


def _read_attribute(attribute: memoryview, found: _Found, depth: int) -> None:
    for number, value in _messages(attribute):
        if number in (5, 10):  # t, tensors
            _read_weights(value, found)
        elif number in (6, 11):  # g, graphs
            _read_graph(value, _Found(external=found.external), depth + 1)
        elif number in (22, 23):  # sparse_tensor, sparse_tensors
            _read_sparse(value, found)


def _read_sparse(sparse: memoryview, found: _Found) -> None:
    for number, value in _messages(sparse):
        if number in (1, 2):
            _read_weights(value, found)


def _read_weights(tensor: memoryview, found: _Found) -> str:
    name = ""
    for number, value in _messages(tensor):
        if number == 8:
            name = _text(value)
        elif number == 13:  # external_data: pairs of key and value
            pair = dict(_messages(value))
            if _text(pair.get(1, memoryview(b""))) == "location":
                found.external.add(_text(pair.get(2, memoryview(b""))))
    return name


def _read_value(value: memoryview) -> TensorSpec:
    name, dtype, shape = "", "void", list[int | None]()
    for number, part in _messages(value):
        if number == 1:
            name = _text(part)
        elif number == 2:  # type, of which 1 is tensor_type
            for kind, tensor in _messages(part):
                if kind != 1:
                    raise DamagedGraphError(f"a model whose {name!r} is not a tensor")
                for field_number, content in _values(tensor):
                    if field_number == 1 and isinstance(content, int):
                        dtype = DTYPES.get(content, "void")
                    elif field_number == 2 and isinstance(content, memoryview):
                        shape = [_size(dimension) for one, dimension in _messages(content) if one == 1]
    return TensorSpec(name=name, shape=tuple(shape), dtype=np.dtype(dtype))


def _size(dimension: memoryview) -> int | None:
    sizes = [value for number, value in _values(dimension) if number == 1 and isinstance(value, int)]
    return sizes[-1] if sizes and sizes[-1] < NEGATIVE else None


def _text(data: memoryview) -> str:
    return str(data, "utf-8")


def _messages(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    return ((number, value) for number, value in _values(data) if isinstance(value, memoryview))


def _values(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    return ((one.number, one.value) for one in fields(data))
