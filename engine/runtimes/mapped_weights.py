"""An ONNX model without its large weights, which it names as external data in the original file.

Given a file, ONNX Runtime reads it into a protobuf, copies each weight out of that, and packs most of them once more
for its kernels. Given "external data", it maps each weight and lets go of it once it is packed: VGG16 runs its first
row in half the time, with less memory at the peak (benchmarks/start.py). Only weights that kernels pack, or copy, are
left out: what stayed mapped would change with the file, and end the process where that is cut short.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..graphs.protobuf_fields import DamagedGraphError, Field, fields, mapped, message, varint

LEAST_BYTES = 1 << 20  # of a weight that is worth it: above it lie 99 % of VGG16
PACKING = frozenset({"Conv", "Gemm", "GRU", "LSTM", "MatMul", "RNN"})  # operators
FLOAT32 = 1  # onnx.TensorProto.DataType
EXTERNAL = 1  # onnx.TensorProto.DataLocation
MAPS = Path("/proc/self/maps")  # Linux only


def without_weights(path: Path) -> bytes | None:
    """The model of the file at `path`, its large weights outside; None where there are none, or on other systems.

    ONNX Runtime has to be told the folder (`session.model_external_initializers_file_folder_path`).
    Raises DamagedGraphError and OSError.
    """
    if sys.byteorder != "little" or not MAPS.exists():
        return None
    model = mapped(path)
    try:
        graphs = [one for one in fields(model) if one.number == 7]
        if len(graphs) != 1:
            return None
        graph = graphs[0]
        light, left_out = _light(_bytes_of(graph), graph.at, path.name)
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedGraphError("a file that is not an ONNX model") from error
    if not left_out:
        return None
    return b"".join((model[: graph.start], message(7, light), model[graph.end :]))


def mappings(path: Path, maps: Path = MAPS) -> int:
    """How many pieces of a file this process has mapped."""
    name = str(path.resolve())
    return sum(line.split(maxsplit=5)[5:] == [name] for line in maps.read_text().splitlines())


def _light(graph: memoryview, at: int, file_name: str) -> tuple[bytes, int]:
    """The graph, which begins at `at`, without weights that are packed, and how many those are."""
    packed = _packed(graph)
    pieces, done, left_out = list[bytes | memoryview](), 0, 0
    for one in fields(graph):
        if one.number != 5 or one.end - one.at < LEAST_BYTES:
            continue
        tensor = _outside(_bytes_of(one), at + one.at, file_name, packed)
        if tensor is not None:
            pieces += [graph[done : one.start], message(5, tensor)]
            done, left_out = one.end, left_out + 1
    return b"".join((*pieces, graph[done:])), left_out


def _packed(graph: memoryview) -> set[str]:
    """The names that only operators which pack their weights read; none where a branch may read any."""
    packed, others = set[str](), set[str]()
    for one in fields(graph):
        if one.number in (11, 12):  # inputs, which a caller may set, and outputs
            others |= {_text(part) for part in fields(_bytes_of(one)) if part.number == 1}
        elif one.number == 1:
            parts = list(fields(_bytes_of(one)))
            if any(_has_branch(part) for part in parts if part.number == 5):
                return set()
            operator = "/".join(_text(part) for part in parts if part.number in (7, 4) and part.value)
            names = {_text(part) for part in parts if part.number == 1}
            (packed if operator in PACKING else others).update(names)
    return packed - others


def _has_branch(attribute: Field) -> bool:
    return any(part.number in (6, 11) for part in fields(_bytes_of(attribute)))


def _outside(tensor: memoryview, at: int, file_name: str, packed: set[str]) -> bytes | None:
    """The tensor, which begins at `at`, with its numbers' place instead of them; None where it stays as it is."""
    parts = list(fields(tensor))
    raw = [part for part in parts if part.number == 9]
    names = [_text(part) for part in parts if part.number == 8]
    types = [part.value for part in parts if part.number == 2]
    if len(raw) != 1 or types != [FLOAT32] or not packed.issuperset(names):
        return None
    place = {"location": file_name, "offset": str(at + raw[0].at), "length": str(raw[0].end - raw[0].at)}
    pairs = (message(1, key.encode()) + message(2, value.encode()) for key, value in place.items())
    said = b"".join(message(13, pair) for pair in pairs) + varint(14 << 3) + varint(EXTERNAL)
    return b"".join((tensor[: raw[0].start], tensor[raw[0].end :], said))


def _bytes_of(one: Field) -> memoryview:
    if isinstance(one.value, int):
        raise DamagedGraphError("a file that is not an ONNX model")
    return one.value


def _text(one: Field) -> str:
    return str(_bytes_of(one), "utf-8")
