"""Forms and JSON as pages and generated clients write them: fields that nobody filled in, data URLs, kinds of JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from http_rig import QUESTION, Web, problem
from photo_files import photo

PHOTO = photo()
IMAGE_ID = hashlib.sha256(PHOTO).hexdigest()
BASE64 = base64.b64encode(PHOTO).decode()


def test_fields_that_nobody_filled_in_are_not_given(web: Web) -> None:
    empty = {"top_k": "", "locale": "", "model": ""}
    form = web.http.post(
        "/v1/ask",
        files={"image": ("a.jpg", PHOTO, "image/jpeg")},
        data={"question": QUESTION, "image_id": "", **empty},
    )
    assert form.json()["imageId"] == IMAGE_ID
    follow_up = web.http.post(
        "/v1/ask",
        files={"image": (None, ""), "image_id": (None, IMAGE_ID), "question": (None, QUESTION)},
    )
    assert follow_up.json()["timings"]["featuresCached"] is True
    asked = {"imageData": BASE64, "imageId": "", "question": QUESTION, **empty}
    assert web.http.post("/v1/ask", json=asked).json()["imageId"] == IMAGE_ID
    nothing = web.http.post("/v1/ask", files={"image": (None, ""), "question": (None, QUESTION)})
    assert "There is no photo; send one" in problem(nothing, 400)["detail"]


@pytest.mark.parametrize(
    "head", ["data:image/jpeg;base64,", "data:;base64,", "DATA:image/jpeg;name=a.jpg;base64,"]
)
def test_a_data_url_is_a_photo(web: Web, head: str) -> None:
    for name in ("imageData", "image_data"):
        reply = web.http.post("/v1/ask", json={name: head + BASE64, "question": QUESTION})
        assert reply.json()["imageId"] == IMAGE_ID


@pytest.mark.parametrize("url", ["data:image/jpeg,abc", "data:" + "x" * 200 + ";base64," + BASE64, "data:"])
def test_other_data_urls_are_refused(web: Web, url: str) -> None:
    problem(web.http.post("/v1/ask", json={"imageData": url, "question": QUESTION}), 400)


@pytest.mark.parametrize("kind", ["application/vnd.api+json", "application/problem+json; charset=utf-8"])
def test_kinds_of_json_are_json(web: Web, kind: str) -> None:
    asked: dict[str, Any] = {"imageData": BASE64, "question": QUESTION}
    reply = web.http.post("/v1/ask", content=json.dumps(asked), headers={"Content-Type": kind})
    assert reply.json()["imageId"] == IMAGE_ID
