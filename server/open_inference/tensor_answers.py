"""Replies → a ModelInferResponse, a row of its tensors each, in the form in which the inputs came: raw or typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from asksight.v1 import vqa_pb2

from .inference_messages import ModelInferResponse
from .tensors import BYTES, raw_bytes, raw_floats

FLOATS = "FP32"

Replies = Sequence[vqa_pb2.AskResponse]


@dataclass(frozen=True, slots=True)
class Output:
    """One that can be asked for."""

    datatype: str
    elements: Callable[[Replies], list[Any]]  # row by row
    wide: bool = False  # [N, K], K the most answers that one of the asks has; else [N]


def _answers(replies: Replies) -> list[bytes]:
    """The best of each, and nothing where it may not be said: whoever reads no verdict says nothing that is wrong."""
    return [
        one.answers[0].label.encode() if one.verdict == vqa_pb2.VERDICT_ANSWERED and one.answers else b""
        for one in replies
    ]


def _verdicts(replies: Replies) -> list[bytes]:
    return [vqa_pb2.Verdict.Name(one.verdict).removeprefix("VERDICT_").encode() for one in replies]


def _spoken(replies: Replies) -> list[bytes]:
    return [one.spoken.encode() for one in replies]


def _hints(replies: Replies) -> list[bytes]:
    """What the person can do about the worst flaw of each photo; nothing where there is none."""
    return [one.photo_issues[0].hint.encode() if one.photo_issues else b"" for one in replies]


def _image_ids(replies: Replies) -> list[bytes]:
    return [one.image_id.encode() for one in replies]


def _labels(replies: Replies) -> list[bytes]:
    width = _width(replies)
    return [
        label
        for one in replies
        for label in [*(answer.label.encode() for answer in one.answers), *[b""] * (width - len(one.answers))]
    ]


def _probabilities(replies: Replies) -> list[float]:
    width = _width(replies)
    return [
        value
        for one in replies
        for value in [*(answer.probability for answer in one.answers), *[0.0] * (width - len(one.answers))]
    ]


OUTPUTS = {
    "answer": Output(BYTES, _answers),
    "verdict": Output(BYTES, _verdicts),
    "spoken": Output(BYTES, _spoken),
    "hint": Output(BYTES, _hints),
    "image_id": Output(BYTES, _image_ids),
    "labels": Output(BYTES, _labels, wide=True),
    "probabilities": Output(FLOATS, _probabilities, wide=True),
}


def to_response(
    replies: Replies, outputs: tuple[str, ...], *, model_name: str, model_version: str, id: str, raw: bool
) -> Any:
    """Write those outputs, in their order, as a ModelInferResponse."""
    response = ModelInferResponse()
    response.CopyFrom(_shapes(outputs, len(replies), _width(replies)))
    response.model_name, response.model_version, response.id = model_name, model_version, id
    for tensor in () if raw else response.outputs:
        elements = OUTPUTS[tensor.name].elements(replies)
        contents = tensor.contents
        (contents.fp32_contents if tensor.datatype == FLOATS else contents.bytes_contents).extend(elements)
    if raw:
        response.raw_output_contents.extend(_raw(OUTPUTS[name], replies) for name in outputs)
    return response


@lru_cache(maxsize=256)
def _shapes(outputs: tuple[str, ...], count: int, width: int) -> Any:
    """A response without its elements. Copying it takes a third of the time of writing it."""
    response = ModelInferResponse()
    for name in outputs:
        output = OUTPUTS[name]
        shape = [count, width] if output.wide else [count]
        response.outputs.add(name=name, datatype=output.datatype, shape=shape)
    return response


def _raw(output: Output, replies: Replies) -> bytes:
    elements = output.elements(replies)
    return raw_floats(elements) if output.datatype == FLOATS else raw_bytes(elements)


def _width(replies: Replies) -> int:
    return max(len(one.answers) for one in replies)
