"""Many callers at once over the wire: every answer is the one that a lone caller gets, whatever else comes in."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from photo_files import encoded, photo, picture
from server_rig import WAIT_S, MakeRig, Served

from asksight.server.local import LocalAssistant
from asksight.server.wire.requests import from_request
from asksight.v1 import vqa_pb2

QUESTIONS = (
    "what colour is this?",
    "how many red ones are there?",
    "is this blue?",
    "what?",
    "is there a circle to the left of the big green square?",
)
KINDS = ("JPEG", "PNG", "WEBP")
CALLERS = 64


def good_request(number: int) -> vqa_pb2.AskRequest:
    file = photo(KINDS[number % 3], seed=number % 11)
    return vqa_pb2.AskRequest(image_data=file, question=QUESTIONS[number % 5], top_k=10)


def agree(response: vqa_pb2.AskResponse, expected: vqa_pb2.AskResponse) -> bool:
    found = {answer.label: answer.probability for answer in response.answers}
    return (
        response.image_id == expected.image_id
        and len(found) == len(expected.answers)
        and all(abs(found[answer.label] - answer.probability) <= 1e-4 for answer in expected.answers)
    )


@pytest.fixture
def alone(make_rig: MakeRig) -> LocalAssistant:
    """The same bundle, asked one by one in this process."""
    return make_rig().local


def test_many_callers_get_the_answers_of_a_lone_one(served: Served, alone: LocalAssistant) -> None:
    requests = [good_request(number) for number in range(6 * CALLERS)]
    with ThreadPoolExecutor(CALLERS) as callers:
        responses = list(callers.map(lambda request: served.stub.Ask(request, timeout=2 * WAIT_S), requests))
    expected: dict[bytes, vqa_pb2.AskResponse] = {}
    for request, response in zip(requests, responses, strict=True):
        key = request.SerializeToString()
        if key not in expected:
            expected[key] = alone.ask(from_request(request, None))
        assert agree(response, expected[key])
    assert served.rig.encoded_rows == len({request.image_data for request in requests})
    assert max(served.rig.answerer.batch_sizes) > 1  # or nothing was batched


def bad_request(chance: random.Random) -> vqa_pb2.AskRequest:
    whole = photo(chance.choice(KINDS), seed=chance.randrange(11))
    kind = chance.randrange(10)
    data: dict[str, Any] = {"image_data": whole, "question": chance.choice(QUESTIONS)}
    if kind == 0:
        data["image_data"] = chance.randbytes(chance.randrange(2000))
    elif kind == 1:
        data["image_data"] = whole[: chance.randrange(30)]
    elif kind == 2:
        data["image_data"] = encoded(picture(chance.randrange(1, 16), 40), "PNG")
    elif kind == 3:
        data["image_data"] = encoded(picture(), chance.choice(["GIF", "BMP", "TIFF"]))
    elif kind == 4:
        data["question"] = " " * chance.randrange(20)
    elif kind == 5:
        data["question"] = "x" * chance.randrange(1001, 6000)
    elif kind == 6:
        data["question"] = "what" + chr(chance.randrange(1, 8)) + "?"
    elif kind == 7:
        del data["image_data"]
    elif kind == 8:
        del data["image_data"]
        data["image_id"] = chance.choice(["", "zz", "0" * 64])
    else:
        data["model"] = "another"
    return vqa_pb2.AskRequest(**data)


def test_bad_input_between_good_disturbs_nothing(served: Served, alone: LocalAssistant) -> None:
    chance = random.Random(3)
    jobs: list[tuple[bool, vqa_pb2.AskRequest]] = [(False, bad_request(chance)) for _ in range(200)]
    jobs += [(True, good_request(number)) for number in range(200)]
    chance.shuffle(jobs)

    def call(job: tuple[bool, vqa_pb2.AskRequest]) -> vqa_pb2.AskResponse | grpc.StatusCode:
        try:
            return served.stub.Ask(job[1], timeout=2 * WAIT_S)
        except grpc.RpcError as error:
            return error.code()

    with ThreadPoolExecutor(16) as callers:
        results = list(callers.map(call, jobs))
    for (good, request), result in zip(jobs, results, strict=True):
        if good:
            assert isinstance(result, vqa_pb2.AskResponse)
            assert agree(result, alone.ask(from_request(request, None)))
        else:
            assert result in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


def test_a_batch_of_good_and_bad_keeps_its_rows(served: Served, alone: LocalAssistant) -> None:
    chance = random.Random(4)
    asks = [good_request(number) if number % 3 else bad_request(chance) for number in range(120)]
    results = served.stub.AskBatch(vqa_pb2.AskBatchRequest(asks=asks), timeout=2 * WAIT_S).results
    for number, (request, result) in enumerate(zip(asks, results, strict=True)):
        if number % 3:
            assert agree(result.response, alone.ask(from_request(request, None)))
        else:
            assert result.error.message
