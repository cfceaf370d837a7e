"""Encodes asks as bytes in each peer's protocol, and reads the answers from the bytes of a response.

All gRPC peers with free choice of messages use AskSight's. Triton has KServe's ModelInfer, version 2
(https://kserve.github.io/website, Open Inference Protocol); it is encoded field by field here, so that its proto file
is not needed. HTTP peers get a form, which takes a photo's bytes unchanged, or JSON, which needs base64.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import NamedTuple

from asksight.v1 import vqa_pb2

from .work import TOP_K, Answers

ASK = "/asksight.v1.VqaService/Ask"
MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"
BOUNDARY = b"asksight-peers"
VARINT, BYTES = 0, 2  # wire types of protobuf


def ask(photo: bytes, question: str) -> bytes:
    """An AskRequest."""
    return vqa_pb2.AskRequest(image_data=photo, question=question).SerializeToString()


def ask_again(image_id: str, question: str) -> bytes:
    """An AskRequest about a photo that was sent before."""
    return vqa_pb2.AskRequest(image_id=image_id, question=question).SerializeToString()


def asked(response: bytes) -> Answers:
    """The answers of an AskResponse."""
    return [(one.label, one.probability) for one in vqa_pb2.AskResponse.FromString(response).answers]


class Tensor(NamedTuple):
    """An input of one row, [1, width]."""

    name: str
    kind: bytes
    width: int
    raw: bytes


def text(name: str, value: bytes) -> Tensor:
    """BYTES [1, 1]."""
    return Tensor(name, b"BYTES", 1, struct.pack("<I", len(value)) + value)


def floats(name: str, raw: bytes) -> Tensor:
    """An FP32 tensor [1, N] from its bytes."""
    return Tensor(name, b"FP32", len(raw) // 4, raw)


def infer(model: str, *tensors: Tensor) -> bytes:
    """A ModelInferRequest of one row."""
    message = field(1, model.encode())
    for one in tensors:
        shape = varint(1) + varint(one.width)  # packed
        message += field(5, field(1, one.name.encode()) + field(2, one.kind) + field(3, shape))
    return message + b"".join(field(7, one.raw) for one in tensors)


def inferred(response: bytes) -> list[bytes]:
    """The raw output tensors of a ModelInferResponse."""
    return [value for number, value in fields(response) if number == 6]


def infer_answers(response: bytes) -> Answers:
    """The answers of a response whose tensors are the labels, BYTES [1, 5], and the probabilities, FP32 [1, 5]."""
    labels, probabilities = inferred(response)
    found, at = [], 0
    for _ in range(TOP_K):
        size = int.from_bytes(labels[at : at + 4], "little")
        found.append(labels[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return list(zip(found, struct.unpack(f"<{TOP_K}f", probabilities), strict=True))


def form(port: int, path: str, photo: bytes, question: str) -> bytes:
    """An HTTP/1.1 request with a multipart form (RFC 7578)."""
    said = b'--%b\r\nContent-Disposition: form-data; name="' % BOUNDARY
    body = said + b'question"\r\n\r\n' + question.encode() + b"\r\n"
    body += said + b'photo"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + photo
    body += b"\r\n--%b--\r\n" % BOUNDARY
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: multipart/form-data; boundary=%b\r\n\r\n" % BOUNDARY + body


def json_ask(port: int, path: str, photo: bytes, question: str) -> bytes:
    """An HTTP/1.1 request with JSON, the photo in base64."""
    body = b'{"question": %b, "photo": "%b"}' % (json.dumps(question).encode(), base64.b64encode(photo))
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: application/json\r\n\r\n" + body


def http_answers(body: bytes) -> Answers:
    """The answers of a JSON body, pairs of a label and its probability."""
    return [(str(label), float(probability)) for label, probability in json.loads(body)["answers"]]


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def field(number: int, value: bytes) -> bytes:
    """One length-delimited field."""
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message. Numbers are skipped; these messages have no other fields."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        size = number()
        if tag & 7 == VARINT:
            continue
        if tag & 7 != BYTES:
            raise ValueError(f"field {tag >> 3} has wire type {tag & 7}")
        yield tag >> 3, message[at : at + size]
        at += size
