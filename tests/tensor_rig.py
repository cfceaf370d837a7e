"""Requests of the Open Inference Protocol by a bare channel, and what comes back, in tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from photo_files import photo
from server_rig import WAIT_S

from asksight.server.open_inference import inference_messages as messages

SERVICE = messages.SERVICE
Elements = Sequence[bytes | str | int]
Columns = dict[str, tuple[str, Elements]]  # datatype and elements by the input's name
PHOTOS = [photo(seed=seed) for seed in range(3)]
QUESTIONS = ["what colour is this?", "how many are there?", "is this a circle?"]
LETTERS = {"UINT32": "I", "INT32": "i", "UINT64": "Q", "INT64": "q"}


def method(channel: grpc.Channel, name: str) -> Any:
    """A stub of one of the calls."""
    request, response = (getattr(messages, f"{name}{kind}") for kind in ("Request", "Response"))
    return channel.unary_unary(
        f"/{SERVICE}/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )


def infer(channel: grpc.Channel, request: Any, **options: Any) -> Any:
    """Ask, and give the response."""
    return method(channel, "ModelInfer")(request, **{"timeout": WAIT_S, **options})


def asked(*, typed: bool = False, model: str = "random", outputs: Sequence[str] = (), **columns: Any) -> Any:
    """A ModelInferRequest; a column is of BYTES where no (datatype, elements) says otherwise."""
    request = messages.ModelInferRequest(model_name=model, id="seven")
    for name in outputs:
        request.outputs.add(name=name)
    for name, given in columns.items():
        datatype, elements = given if isinstance(given, tuple) else ("BYTES", given)
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[len(elements)])
        plain = [one.encode() if isinstance(one, str) else one for one in elements]
        if not typed:
            request.raw_input_contents.append(packed(datatype, plain))
        elif datatype == "BYTES":
            tensor.contents.bytes_contents.extend(plain)
        else:
            field = {"UINT32": "uint_contents", "INT64": "int64_contents"}[datatype]
            getattr(tensor.contents, field).extend(plain)
    return request


def packed(datatype: str, elements: Sequence[Any]) -> bytes:
    """A tensor as the protocol has it raw."""
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(one)) + one for one in elements)
    return struct.pack(f"<{len(elements)}{LETTERS[datatype]}", *elements)


def output(response: Any, name: str) -> tuple[list[int], list[Any]]:
    """The shape and elements of one output, whichever form it has."""
    at = [one.name for one in response.outputs].index(name)
    tensor = response.outputs[at]
    if tensor.HasField("contents"):
        of = tensor.contents
        return list(tensor.shape), list(of.bytes_contents if tensor.datatype == "BYTES" else of.fp32_contents)
    raw = response.raw_output_contents[at]
    if tensor.datatype == "FP32":
        return list(tensor.shape), [one for (one,) in struct.iter_unpack("<f", raw)]
    found, start = [], 0
    while start < len(raw):
        end = start + 4 + int.from_bytes(raw[start : start + 4], "little")
        found.append(raw[start + 4 : end])
        start = end
    return list(tensor.shape), found


def faults(error: grpc.RpcError) -> list[str]:
    """The fields that a refusal names."""
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert status is not None
    bad = error_details_pb2.BadRequest()
    return [str(one.field) for packed in status.details if packed.Unpack(bad) for one in bad.field_violations]
