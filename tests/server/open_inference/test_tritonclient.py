"""Triton's own client, in the process of the server: it gets what ours gets, and its messages are the same as ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor
from served import PHOTOS, ROOT
from served import served as serving
from tensor_rig import SERVICE

from asksight.client import Reply, connect
from asksight.server.open_inference.inference_messages import POOL

INSTALLED = ROOT / "build" / "tritonclient"
ASKS = [
    ("shapes.jpg", "What colour is the circle?"),
    ("shapes.jpg", "What colour is the heart?"),
    ("row.jpg", "How many hearts are there?"),
    ("dark.jpg", "What is in the picture?"),
    ("star.jpg", "Can you read this to me?"),  # answered by no label
]


@pytest.fixture(scope="module")
def triton() -> Any:
    assert (INSTALLED / "tritonclient").exists(), (
        "tritonclient is not there: make build/tritonclient/.installed"
    )
    sys.path.append(str(INSTALLED))
    try:
        return import_module("tritonclient.grpc")
    finally:
        sys.path.remove(str(INSTALLED))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving("scenes") as where:
        yield where


def tensor(triton: Any, name: str, elements: list[Any], datatype: str = "BYTES") -> Any:
    data = np.array(elements, dtype=np.object_ if datatype == "BYTES" else np.uint32)
    made = triton.InferInput(name, list(data.shape), datatype)
    made.set_data_from_numpy(data)
    return made


def test_it_gets_what_ours_gets(triton: Any, address: str) -> None:
    photos = [(PHOTOS / name).read_bytes() for name, _ in ASKS]
    questions = [question for _, question in ASKS]
    with connect(address) as client:
        own = client.ask_many(list(zip(photos, questions, strict=True)))
    with triton.InferenceServerClient(address) as client:
        batch = [tensor(triton, "image", photos), tensor(triton, "question", questions)]
        whole = client.infer("scenes", batch, request_id="7", client_timeout=10)
        assert whole.get_response().id == "7"
        assert whole.get_response().model_version
        for at, reply in enumerate(own):
            assert isinstance(reply, Reply)
            single = [tensor(triton, "image", [photos[at]]), tensor(triton, "question", [questions[at]])]
            for result, row in ((whole, at), (client.infer("scenes", single, client_timeout=10), 0)):
                assert result.as_numpy("answer")[row].decode() == (reply.answer or "")
                assert result.as_numpy("verdict")[row].decode().lower() == reply.verdict
                assert result.as_numpy("spoken")[row].decode() == reply.spoken
                hints = [issue.hint for issue in reply.photo_issues] or [""]
                assert result.as_numpy("hint")[row].decode() == hints[0]
                assert result.as_numpy("image_id")[row].decode() == reply.image_id
                labels = result.as_numpy("labels")[row].tolist()
                probabilities = result.as_numpy("probabilities")[row].tolist()
                count = len(reply.answers)
                assert labels[:count] == [one.label.encode() for one in reply.answers]
                expected = [one.probability for one in reply.answers]
                assert probabilities[:count] == pytest.approx(expected, abs=1e-6)  # by the rows of a batch
                assert not any(labels[count:]) and not any(probabilities[count:])  # noqa: PT018
        assert [whole.as_numpy("answer")[at] for at in (0, 1)] == [b"red", b""]


def test_it_sees_the_model_and_reads_what_is_wrong(triton: Any, address: str) -> None:
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("scenes")
        assert client.get_server_metadata().name == "asksight"
        metadata = client.get_model_metadata("scenes")
        assert [one.name for one in metadata.inputs][:3] == ["image", "question", "image_id"]
        wanted = [triton.InferRequestedOutput("spoken")]
        ask = [
            tensor(triton, "image", [(PHOTOS / "star.jpg").read_bytes()]),
            tensor(triton, "question", ["What is this?"]),
            tensor(triton, "top_k", [2], "UINT32"),
        ]
        result = client.infer("scenes", ask, outputs=wanted, client_timeout=10)
        assert result.as_numpy("spoken").tolist() == [b"star."]
        assert result.as_numpy("labels") is None
        with pytest.raises(
            triton.InferenceServerException, match=r"No model 'other' is served here"
        ) as refused:
            client.infer("other", ask)
        assert refused.value.status() == "StatusCode.NOT_FOUND"


def test_its_messages_have_our_fields(triton: Any) -> None:
    theirs = triton.service_pb2.DESCRIPTOR.pool
    service = POOL.FindServiceByName(SERVICE)
    assert service.methods_by_name.keys() <= theirs.FindServiceByName(SERVICE).methods_by_name.keys()

    def same(ours: Descriptor) -> None:
        other = theirs.FindMessageTypeByName(ours.full_name)
        for field in ours.fields:
            found = other.fields_by_name[field.name]
            assert (found.number, found.type) == (field.number, field.type), field.full_name
            assert found.is_repeated == field.is_repeated
            if field.message_type is not None:
                same(field.message_type)

    for method in service.methods:
        same(method.input_type)
        same(method.output_type)
