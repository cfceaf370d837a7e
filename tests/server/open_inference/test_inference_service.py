"""The Open Inference Protocol by a bare channel: the answers of `Ask`, through the doors of `Ask`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from asking import refusal
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from photo_files import photo
from served import served as serving
from server_rig import NOTHING, WAIT_S, MakeServed, Served, health_stub, hold, release, until
from tensor_rig import SERVICE, asked, infer, method, output
from token_lines import line

from asksight.engine import Bundle
from asksight.server.access.authentication import Authentication
from asksight.server.access.tokens import TokenFile
from asksight.server.limits import MEBI, Limits
from asksight.server.open_inference import inference_messages as messages
from asksight.server.running.metrics import Metrics
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

PHOTOS = [photo(seed=seed) for seed in range(3)]
QUESTIONS = ["what colour is this?", "how many are there?", "is this a circle?"]
ALL = ["answer", "verdict", "spoken", "hint", "image_id", "labels", "probabilities"]


@pytest.fixture(scope="module")
def channel(bundle: Bundle) -> Iterator[grpc.Channel]:
    with serving(bundle.path) as where, grpc.insecure_channel(where) as opened:
        yield opened


def faults(error: grpc.RpcError) -> list[str]:
    """The fields that a refusal names."""
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert status is not None
    bad = error_details_pb2.BadRequest()
    return [str(one.field) for packed in status.details if packed.Unpack(bad) for one in bad.field_violations]


@pytest.mark.parametrize("typed", [False, True])
def test_each_row_is_what_ask_answers_in_the_form_that_was_sent(channel: grpc.Channel, typed: bool) -> None:
    response = infer(
        channel,
        asked(typed=typed, image=PHOTOS, question=QUESTIONS, top_k=("UINT32", [3]), locale=["de"]),
    )
    assert (response.model_name, response.model_version, response.id) == ("random", "1", "seven")
    assert [one.name for one in response.outputs] == ALL
    assert bool(response.raw_output_contents) is not typed
    stub = vqa_pb2_grpc.VqaServiceStub(channel)
    own = [
        stub.Ask(
            vqa_pb2.AskRequest(image_data=image, question=question, top_k=3, locale="de"), timeout=WAIT_S
        )
        for image, question in zip(PHOTOS, QUESTIONS, strict=True)
    ]
    assert output(response, "labels") == ([3, 3], [one.label.encode() for row in own for one in row.answers])
    assert output(response, "probabilities") == (
        [3, 3],
        [one.probability for row in own for one in row.answers],
    )
    assert output(response, "spoken") == ([3], [row.spoken.encode() for row in own])
    assert output(response, "image_id") == ([3], [row.image_id.encode() for row in own])
    verdicts = [vqa_pb2.Verdict.Name(row.verdict).removeprefix("VERDICT_").encode() for row in own]
    assert output(response, "verdict") == ([3], verdicts)
    assert output(response, "answer") == (
        [3],
        [
            row.answers[0].label.encode() if said == b"ANSWERED" else b""
            for row, said in zip(own, verdicts, strict=True)
        ],
    )


def test_the_outputs_that_are_asked_for_come_in_their_order(channel: grpc.Channel) -> None:
    wanted = ["probabilities", "spoken"]
    response = infer(channel, asked(image=PHOTOS[:1], question=QUESTIONS[:1], outputs=wanted))
    assert [one.name for one in response.outputs] == wanted
    assert len(response.raw_output_contents) == 2
    assert len(output(response, "probabilities")[1]) == 5


def test_photos_and_ids_mix_and_a_question_may_be_about_the_one_before(served: Served) -> None:
    first = infer(served.channel, asked(image=PHOTOS[:1], question=QUESTIONS[:1]))
    (known,) = output(first, "image_id")[1]
    response = infer(
        served.channel,
        asked(
            image=[b"", PHOTOS[1]],
            image_id=[known, b""],
            question=["say that again", QUESTIONS[1]],
            previous_question=[QUESTIONS[0], ""],
            previous_answer=[output(first, "answer")[1][0], b""],
            top_k=("INT64", [2, 5]),
        ),
    )
    assert output(response, "image_id")[1][0] == known
    shape, labels = output(response, "labels")
    assert shape == [2, 5]  # the shorter row ends in nothing
    assert labels[:2] == output(first, "labels")[1][:2]
    assert labels[2:5] == [b"", b"", b""]
    assert output(response, "probabilities")[1][2:5] == [0, 0, 0]
    assert served.rig.encoded_rows == 2


def test_a_follow_up_whose_photo_is_gone_is_told_by_its_place(channel: grpc.Channel) -> None:
    error = refusal(
        method(channel, "ModelInfer"),
        asked(image=[PHOTOS[0], b""], image_id=[b"", b"0" * 64], question=QUESTIONS[:2]),
    )
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "Element 1: No photo" in str(error.details())
    assert faults(error) == ["image_id[1]"]


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


def test_a_model_is_asked_for_by_its_name_and_perhaps_its_version(channel: grpc.Channel) -> None:
    ready, metadata = method(channel, "ModelReady"), method(channel, "ModelMetadata")
    assert ready(messages.ModelReadyRequest(name="random"), timeout=WAIT_S).ready
    assert ready(messages.ModelReadyRequest(name="random", version="1"), timeout=WAIT_S).ready
    told = metadata(messages.ModelMetadataRequest(name="random"), timeout=WAIT_S)
    assert (told.name, list(told.versions)) == ("random", ["1"])
    assert [one.name for one in told.outputs] == ALL
    assert {"image", "question"} <= {one.name for one in told.inputs}
    assert [list(one.shape) for one in told.outputs] == [[-1]] * 5 + [[-1, -1]] * 2
    for name, version, said in (
        ("", "", "No model '' is served here. Choose one of: random."),
        ("other", "", "No model 'other' is served here. Choose one of: random."),
        ("random", "2", "Version '2' of 'random' is not served here; '1' is."),
    ):
        whole = asked(model=name, image=PHOTOS[:1], question=["a"])
        whole.model_version = version
        for call, wanted in (
            (ready, messages.ModelReadyRequest(name=name, version=version)),
            (metadata, messages.ModelMetadataRequest(name=name, version=version)),
            (method(channel, "ModelInfer"), whole),
        ):
            error = refusal(call, wanted)
            assert error.code() is grpc.StatusCode.NOT_FOUND
            assert said in str(error.details())


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


def test_it_goes_through_the_doors_of_ask(make_served: MakeServed, tmp_path: Path) -> None:
    file, metrics = tmp_path / "tokens", Metrics()
    file.write_text(line("app", "secret", "0.5"))
    served = make_served(observer=metrics, authentication=Authentication(TokenFile(file)))
    live = method(served.channel, "ServerLive")(messages.ServerLiveRequest(), timeout=WAIT_S)
    ready = method(served.channel, "ServerReady")(messages.ServerReadyRequest(), timeout=WAIT_S)
    assert live.live
    assert ready.ready
    for name in ("ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer"):
        wanted = getattr(messages, f"{name}Request")()
        error = refusal(method(served.channel, name), wanted)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    sent = (("authorization", "Bearer secret"), ("x-request-id", "mine"))
    batch = asked(image=[PHOTOS[0]] * 10, question=QUESTIONS[:1] * 10)
    response, call = method(served.channel, "ModelInfer").with_call(batch, timeout=WAIT_S, metadata=sent)
    assert len(output(response, "spoken")[1]) == 10
    assert ("x-request-id", "mine") in [tuple(one) for one in call.trailing_metadata()]
    with pytest.raises(grpc.RpcError, match=r"More than 0.5 asks a second") as refused:  # asks are counted
        infer(served.channel, batch, metadata=sent)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    labels = {"grpc_service": SERVICE, "grpc_method": "ModelInfer", "grpc_type": "unary", "grpc_code": "OK"}
    until(lambda: metrics.registry.get_sample_value("grpc_server_handled_total", labels) == 1)


def test_a_full_server_says_when_to_come_back_and_who_leaves_gives_its_places_back(
    make_served: MakeServed,
) -> None:
    served = make_served(Limits(queue_capacity=3))
    call = method(served.channel, "ModelInfer")
    hold(served.rig.encoder)
    inside = call.future(asked(image=PHOTOS[:2], question=QUESTIONS[:2]), timeout=WAIT_S)
    until(lambda: served.rig.left["asks"] == 2)
    error = refusal(call, asked(image=[PHOTOS[2]] * 2, question=QUESTIONS[:2]))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # at once, though the first of its two had room
    assert "Element 1: Too many asks" in str(error.details())
    assert "grpc-retry-pushback-ms" in [one.key for one in error.trailing_metadata() or ()]
    until(lambda: served.rig.left["asks"] == 2)
    inside.cancel()
    until(lambda: served.rig.left == NOTHING)
    release(served.rig.encoder)
    assert output(infer(served.channel, asked(image=PHOTOS[:1], question=["a"])), "spoken")[1]


def test_it_is_not_ready_once_it_is_to_stop(served: Served) -> None:
    ready = method(served.channel, "ServerReady")
    served.server.announce_stop()
    until(lambda: not ready(messages.ServerReadyRequest(), timeout=WAIT_S).ready)
    assert method(served.channel, "ServerLive")(messages.ServerLiveRequest(), timeout=WAIT_S).live


def test_health_knows_it_and_reflection_describes_it(channel: grpc.Channel) -> None:
    wanted = health_pb2.HealthCheckRequest(service=SERVICE)
    assert health_stub(channel).Check(wanted, timeout=WAIT_S).status == 1
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    asks = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        reflection_pb2.ServerReflectionRequest(file_by_filename="open_inference.proto"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="asksight.v1.VqaService"),
    ]
    listed, ours, named, other = stub.ServerReflectionInfo(iter(asks), timeout=WAIT_S)
    assert SERVICE in [one.name for one in listed.list_services_response.service]
    (file,) = ours.file_descriptor_response.file_descriptor_proto
    assert "ModelInfer" in [one.name for one in FileDescriptorProto.FromString(file).service[0].method]
    assert list(named.file_descriptor_response.file_descriptor_proto) == [file]
    assert other.file_descriptor_response.file_descriptor_proto


def test_others_messages_of_the_same_names_may_be_in_the_process() -> None:
    """As those of tritonclient and kserve are, in protobuf's own pool."""
    script = """
from google.protobuf import descriptor_pb2, descriptor_pool
for first in (True, False):
    if not first:
        import asksight.server.wire.server
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package="inference")
    file.message_type.add(name="ModelInferRequest")
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
from asksight.server.open_inference.inference_messages import ModelInferRequest
print(ModelInferRequest(model_name="ours"))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "ours" in ran.stdout
