"""Tensors of the Open Inference Protocol that are wrong or too many are refused, with the place and the fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from asking import refusal
from tensor_rig import PHOTOS, QUESTIONS, SERVICE, asked, faults, method

from asksight.server.limits import MEBI
from asksight.server.open_inference import inference_messages as messages

Change = Callable[[Any], object]


def clear_shape(one: Any) -> None:
    one.inputs[0].shape[:] = [1, 1]


@pytest.mark.parametrize(
    ("columns", "change", "field", "said"),
    [
        ({"image": PHOTOS[:1]}, None, "question", "'question' is missing"),
        ({"question": QUESTIONS[:1]}, None, "image", "There is no photo"),
        ({"image": [b"no photo"], "question": QUESTIONS[:1]}, None, "image", "JPEG"),
        ({"image": PHOTOS[:2], "question": [QUESTIONS[0], ""]}, None, "question[1]", "Element 1: The question is"),
        ({"image": PHOTOS[:1], "question": ["a", "b"]}, None, "image", "shape [1]; it must be [2]"),
        ({"image": PHOTOS[:1], "question": [b"\xff"]}, None, "question", "Element 0 of the input 'question'"),
        ({"question": []}, None, "question", "shape [0]; it must be [N], of 1 to 256"),
        ({"question": ["a"] * 257}, None, "question", "shape [257]; it must be [N], of 1 to 256"),
        ({"question": ["a"]}, clear_shape, "question", "shape [1, 1]; it must be [N]"),
        ({"question": ["a"], "photo": PHOTOS[:1]}, None, "inputs", "no input 'photo'; known are: image,"),
        ({"question": ("UINT32", [1])}, None, "question", "is 'UINT32'; it must be BYTES"),
        ({"question": ["a"], "top_k": ("INT64", [-1])}, None, "top_k", "holds -1 to -1; it must be 0"),
        ({"question": ["a"], "top_k": ("INT64", [])}, None, "top_k", "shape [0]; it must be [1], as 'question'"),
        ({"question": ["a", "b"], "top_k": ("INT64", [])}, None, "top_k", "shape [0]; it must be [2] or [1], as"),
        ({"question": ["a", "b"], "top_k": ["a", "b"]}, None, "top_k", "'BYTES'; it must be UINT32 or INT32"),
        ({"question": ["a", "b", "c"], "locale": ["en", "de"]}, None, "locale", "it must be [3] or [1]"),
        (
            {"question": ["abc"]},
            lambda one: one.raw_input_contents.__setitem__(0, b"\x09\0\0\0abc"),
            "question",
            "ends within its element 0 of 1",
        ),
        (
            {"question": ["abc"]},
            lambda one: one.raw_input_contents.__setitem__(0, one.raw_input_contents[0] + b"more"),
            "question",
            "4 bytes behind its 1 elements",
        ),
        (
            {"question": ["a"], "top_k": ("UINT32", [1])},
            lambda one: one.raw_input_contents.__setitem__(1, b"abc"),
            "top_k",
            "has 3 bytes; 1 elements of UINT32 take 4",
        ),
        ({"question": ["a"]}, lambda one: one.raw_input_contents.append(b""), "raw_input_contents", "1 more than"),
        ({"question": ["a"]}, lambda one: one.ClearField("raw_input_contents"), "question", "has 0 elements"),
        ({"question": ["a"]}, lambda one: one.inputs.add().CopyFrom(one.inputs[0]), "question", "there twice"),
        ({"question": ["a"]}, lambda one: one.outputs.add(name="logits"), "outputs", "no output 'logits'"),
        (
            {"question": ["a"]},
            lambda one: [one.outputs.add(name="spoken") for _ in range(2)],
            "outputs",
            "asked for twice",
        ),
        (
            {"question": ["a"]},
            lambda one: one.inputs[0].parameters["shared_memory_region"].__setattr__("string_param", "a"),
            "question",
            "'shared_memory_region', which is not taken",
        ),
        (
            {"question": ["a"]},
            lambda one: one.outputs.add(name="labels").parameters["classification"].__setattr__("int64_param", 3),
            "outputs",
            "'classification', which is not taken",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_tensors_is_said_and_where(
    channel: grpc.Channel, columns: dict[str, Any], change: Change | None, field: str, said: str
) -> None:
    request = asked(**columns)
    if change is not None:
        change(request)
    error = refusal(method(channel, "ModelInfer"), request)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert said in str(error.details())
    assert faults(error) == [field]


def test_typed_elements_are_as_many_as_the_shape_says(channel: grpc.Channel) -> None:
    request = asked(typed=True, image=PHOTOS[:1], question=["a"], top_k=("UINT32", [1]))
    request.inputs[2].contents.uint_contents.append(2)
    error = refusal(method(channel, "ModelInfer"), request)
    assert "'top_k' has 2 elements and the shape [1]" in str(error.details())


@pytest.mark.parametrize(("tensor", "contents"), [(1, "bytes_contents"), (2, "uint_contents")])
def test_typed_elements_of_another_type_are_not_passed_over(
    channel: grpc.Channel, tensor: int, contents: str
) -> None:
    request = asked(typed=True, image=PHOTOS[:1], question=["a"], top_k=("UINT32", [1]))
    request.inputs[tensor].contents.fp32_contents.append(0.5)
    error = refusal(method(channel, "ModelInfer"), request)
    assert f"has elements of another type. Send all of them in {contents}, or raw" in str(error.details())
    assert faults(error) == [request.inputs[tensor].name]


def test_more_than_is_taken_is_counted_before_it_is_parsed(channel: grpc.Channel) -> None:
    call: Any = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    head = asked(image=PHOTOS[:1], question=["a"])
    flood = b"\x0a\x00" * MEBI
    contents = messages.InferTensorContents(bytes_contents=[b""] * MEBI)
    head.inputs[1].contents.CopyFrom(contents)
    many = head.SerializeToString()
    numbers = asked(typed=True, image=PHOTOS[:1], question=["a"], top_k=("UINT32", [1] * MEBI))
    numbers.inputs[2].shape[:] = [1]
    for message, said in (
        (b"\x2a\x00" * (4 * MEBI), "more than 64 fields"),  # empty inputs
        (b"\x3a\x00" * (4 * MEBI), "more than 64 fields"),  # empty raw contents
        (flood, "more than 64 fields"),
        (many, "more than 65 fields"),
        (numbers.SerializeToString(), "at most 16384 are read"),
        (messages.ModelInferRequest(id="x" * MEBI).SerializeToString(), "at most 16384 are read"),
        (b"\x0a\xff no message", "proto file"),
    ):
        error = refusal(call, message)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert said in str(error.details())
