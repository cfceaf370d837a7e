"""POST /v1/batch: many asks in one request, each by itself; JSON as AskBatch has it, or one photo's form."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from http_rig import QUESTION, MakeWeb, Web, problem
from photo_files import photo
from server_rig import NOTHING, WAIT_S, hold, release, until

from asksight.server.http.json_asks import batch_from_json
from asksight.server.http.photo_texts import WINDOW
from asksight.server.limits import Limits
from asksight.v1 import vqa_pb2


def written(seed: int = 0) -> str:
    return base64.b64encode(photo(seed=seed)).decode()


def batch(web: Web, asks: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    response = web.http.post("/v1/batch", json={"asks": asks}, **more)
    assert response.status_code == 200, response.text
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def form(web: Web, questions: list[str], **fields: str) -> httpx.Response:
    return web.http.post(
        "/v1/batch", files={"image": ("a.jpg", photo(), "image/jpeg")}, data={"question": questions, **fields}
    )


def test_each_is_answered_as_one_ask_is_and_a_bad_one_fails_alone(web: Web) -> None:
    asks: list[dict[str, Any]] = [
        {"imageData": written(1), "question": QUESTION, "topK": 2},
        {"image_data": written(2), "question": ""},
        {"imageId": "0" * 64, "question": QUESTION},
        {"imageData": written(3), "question": QUESTION, "locale": "de"},
    ]
    first, second, third, fourth = batch(web, asks)
    alone = web.http.post("/v1/ask", json=asks[0]).json()
    assert first["response"]["answers"] == alone["answers"]
    assert len(first["response"]["answers"]) == 2
    assert second["error"] == {
        "code": 3,
        "field": "question",
        "message": second["error"]["message"],
    }
    assert (third["error"]["code"], third["error"]["field"]) == (5, "image_id")
    assert fourth["response"]["spoken"]


def test_a_value_that_is_none_fails_alone_and_the_others_are_answered(web: Web) -> None:
    good = {"imageData": written(), "question": QUESTION}
    asks: list[dict[str, Any]] = [
        {"imageData": "not base64!", "question": QUESTION},
        good,
        {"imageData": written(), "question": "?" * 100_000},
        {"imageData": written(), "image_data": written(), "question": QUESTION},
        good,
    ]
    results = batch(web, asks)
    assert ["response" in one for one in results] == [False, True, False, False, True]
    faults = [one["error"] for one in results if "error" in one]
    assert [(one["code"], one["field"]) for one in faults] == [
        (3, "image_data"),
        (3, "question"),
        (3, "image_data"),
    ]
    assert "is not base64" in faults[0]["message"]
    assert all("error" in one for one in batch(web, [{"imageData": "!", "question": "?"}] * 2))


def test_photos_of_a_large_batch_are_cut_out_one_by_one(web: Web) -> None:
    large = [base64.b64encode(photo("PNG", seed=seed, width=400, height=400)).decode() for seed in range(4)]
    assert all(len(one) > WINDOW for one in large)
    results = batch(web, [{"imageData": one, "question": QUESTION} for one in large])
    ids = [one["response"]["imageId"] for one in results]
    alone = [
        web.http.post("/v1/ask", json={"imageData": one, "question": QUESTION}).json()["imageId"]
        for one in large
    ]
    assert ids == alone
    assert len(set(ids)) == 4


def test_a_form_asks_many_questions_about_one_photo(web: Web) -> None:
    response = form(web, ["", QUESTION, "what is it?", "is it red?"], top_k="1", locale="es")
    assert response.headers["content-language"] == "es"
    bad, *good = response.json()["results"]
    assert bad["error"]["field"] == "question"
    assert len({one["response"]["imageId"] for one in good}) == 1
    assert all(len(one["response"]["answers"]) == 1 for one in good)
    assert web.rig.encoded_rows == 1
    image_id = good[0]["response"]["imageId"]
    by_id = web.http.post("/v1/batch", files={"image_id": (None, image_id), "question": (None, QUESTION)})
    assert by_id.json()["results"][0]["response"]["timings"]["featuresCached"] is True


def test_a_form_is_answered_where_nothing_is_remembered(make_web: MakeWeb) -> None:
    web = make_web(replace(Limits(), cache_bytes=0))
    assert all("response" in one for one in form(web, [QUESTION] * 3).json()["results"])


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ("[]", "", "JSON array"),
        ("null", "", "JSON null"),
        ("true", "", "JSON boolean"),
        ("{}", "asks", "nothing beside it"),
        ('{"asks": {}}', "asks", "nothing beside it"),
        ('{"asks": [], "model": "a"}', "asks", "nothing beside it"),
        ('{"asks": []}', "asks", "holds no asks"),
        (json.dumps({"asks": [{}] * 257}), "asks", "holds 257 asks; at most 256"),
        ('{"asks": [{"question": "?"}, 3]}', "asks[1]", "asks[1]: It is a JSON number"),
        ('{"asks": [{"quest": "?"}]}', "asks[0]", "it has a field 'quest'; known are: imageData, imageId, "),
        ('{"asks": [{"topK": -1}]}', "asks[0]", "not an AskRequest"),
        ('{"asks": [{"question": ["?"]}]}', "asks[0]", "is a JSON array"),
        (json.dumps({"asks": [{}] * 5000}), "", "brackets and commas"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_ask_at_fault(
    web: Web, body: str, field: str, words: str
) -> None:
    refused = problem(
        web.http.post("/v1/batch", content=body, headers={"Content-Type": "application/json"}), 400
    )
    assert words in refused["detail"]
    assert [one["field"] for one in refused.get("errors", [{"field": ""}])] == [field]


def test_forms_are_bounded_too(web: Web) -> None:
    for count in (257, 300):
        assert "more than 256 questions; split" in problem(form(web, ["?"] * count), 400)["detail"]
    assert "no field 'question'; send 1 to 256" in problem(form(web, []), 400)["detail"]
    assert "known are" in problem(form(web, ["?"], colour="red"), 400)["detail"]
    others = [("locale", (None, "en"))] * 300
    many = web.http.post("/v1/batch", files=others)
    assert "more than 288 parts; send each field once" in problem(many, 400)["detail"]


def test_commas_in_questions_are_not_counted_as_the_jsons_own() -> None:
    question = 'Is it [red], {blue}, or "green", ' + "," * 900
    asks = [{"imageId": "0" * 64, "question": question}] * 256
    read = batch_from_json(json.dumps({"asks": asks}).encode(), 256)
    assert [one.question for one in read if isinstance(one, vqa_pb2.AskRequest)] == [question] * 256


def test_who_hangs_up_cancels_all_of_it(web: Web) -> None:
    batch(web, [{"imageData": written(), "question": QUESTION}])
    hold(web.rig.answerer)
    asks = [{"imageData": written(), "question": QUESTION}] * 5
    with pytest.raises(httpx.ReadTimeout):
        web.http.post("/v1/batch", json={"asks": asks}, timeout=0.5)
    until(lambda: web.rig.look(lambda: web.rig.assistant.admission.calls) == 0)
    release(web.rig.answerer)
    until(lambda: web.rig.left == NOTHING)


def test_a_deadline_is_for_all_of_it(web: Web) -> None:
    hold(web.rig.encoder)
    asks = {"asks": [{"imageData": written(), "question": QUESTION}]}
    late = web.http.post("/v1/batch", json=asks, headers={"Grpc-Timeout": "200m"}, timeout=WAIT_S)
    release(web.rig.encoder)
    assert problem(late, 504)["code"] == "DEADLINE_EXCEEDED"


def test_an_overload_says_when_to_come_again(make_web: MakeWeb) -> None:
    web = make_web(replace(Limits(), queue_capacity=1))
    results = batch(web, [{"imageData": written(), "question": QUESTION}] * 3)
    errors = [one["error"] for one in results if "error" in one]
    assert errors
    assert all(one["code"] == 8 and one["retryDelay"].endswith("s") for one in errors)
