"""The Open Inference Protocol by a bare channel: the answers of `Ask`, and what the service says of itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import grpc
import pytest
from asking import refusal
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from server_rig import WAIT_S, Served, health_stub
from tensor_rig import PHOTOS, QUESTIONS, SERVICE, asked, faults, infer, method, output

from asksight.server.open_inference import inference_messages as messages
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

ALL = ["answer", "verdict", "spoken", "hint", "image_id", "labels", "probabilities"]


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
