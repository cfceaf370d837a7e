"""Asking over HTTP: forms and JSON in, protobuf's JSON or a problem out, the same limits as over gRPC."""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_rig import QUESTION, MakeWeb, Web, problem
from photo_files import photo, png_bomb
from server_rig import WAIT_S, MakeRig, Rig, hold, release

from asksight.photos.limits import PhotoLimits
from asksight.server.access.authentication import Authentication
from asksight.server.access.calls import Desk
from asksight.server.access.tokens import TokenFile
from asksight.server.errors import ServerError
from asksight.server.http.gateway import Gateway
from asksight.server.limits import Limits
from asksight.server.running.metrics import Metrics
from asksight.v1 import vqa_pb2

PHOTO = photo()
IMAGE_ID = hashlib.sha256(PHOTO).hexdigest()


def as_form(web: Web, path: str = "/v1/ask", **fields: str) -> httpx.Response:
    return web.http.post(path, files={"image": ("a.jpg", PHOTO, "image/jpeg")}, data=fields)


def test_a_form_and_json_give_what_the_assistant_says(web: Web) -> None:
    form = as_form(web, question=QUESTION, top_k="3", want_attention="false")
    assert form.status_code == 200
    assert form.headers["content-type"] == "application/json"
    assert form.headers["cache-control"] == "no-store"
    json = {"imageData": base64.b64encode(PHOTO).decode(), "question": QUESTION, "topK": 3}
    snake = {"image_data": json["imageData"], "question": QUESTION, "top_k": "3"}
    answers = [
        form.json(),
        web.http.post("/v1/ask", json=json).json(),
        web.http.post("/v1/ask", json=snake).json(),
    ]
    for reply in answers:
        assert reply["imageId"] == IMAGE_ID
        assert reply["answers"] == answers[0]["answers"]
        assert len(reply["answers"]) == 3
        assert reply["verdict"].startswith("VERDICT_")
        fields = {field.json_name for field in vqa_pb2.AskResponse.DESCRIPTOR.fields}
        assert set(reply) == fields - {"attention"}  # which was not asked for
    assert [reply["timings"]["featuresCached"] for reply in answers] == [False, True, True]


def test_the_tutorials_names_are_taken_at_predict_alone(web: Web) -> None:
    assert as_form(web, "/predict", ques=QUESTION).json()["imageId"] == IMAGE_ID
    assert "'ques'" in problem(as_form(web, ques=QUESTION), 400)["detail"]
    assert (
        web.http.post("/predict", json={"imageId": IMAGE_ID, "ques": QUESTION}).json()["imageId"] == IMAGE_ID
    )
    twice = web.http.post("/predict", json={"imageId": IMAGE_ID, "ques": "x", "question": "y"})
    assert "Both" in problem(twice, 400)["detail"]
    assert "ques" in problem(web.http.post("/v1/ask", json={"imageId": IMAGE_ID, "ques": "x"}), 400)["detail"]


def test_a_follow_up_sends_no_photo_and_runs_no_encoder(web: Web) -> None:
    as_form(web, question=QUESTION)
    reply = web.http.post("/v1/ask", files={"image_id": (None, IMAGE_ID), "question": (None, "Is this red?")})
    assert reply.status_code == 200
    assert reply.json()["timings"]["featuresCached"] is True
    assert web.rig.encoded_rows == 1


def test_what_is_being_served(web: Web) -> None:
    model = web.http.get("/v1/model").json()
    assert model["name"] == "random"
    assert model["limits"]["maxQuestionChars"] == Limits().max_question_chars
    assert problem(web.http.get("/v1/model?model=other"), 404)["errors"][0]["field"] == "model"


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"{", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "one object"),
        (b"[" * 4000, "application/json", 400, "not JSON"),
        (b'{"question": 5}', "application/json", 400, "AskRequest"),
        (b'{"colour": "red"}', "application/json", 400, "AskRequest"),
        (b'{"topK": -1}', "application/json", 400, "AskRequest"),
        (b'{"topK": NaN}', "application/json", 400, "not JSON"),
        (b'{"question": "\\ud800"}', "application/json", 400, ""),
        (b'{"question": "x"}', "application/json", 400, "no photo"),
        (b'{"question": "x", "imageId": "y"}', "application/json", 400, "64 digits"),
        (b"question=x", "application/x-www-form-urlencoded", 415, "multipart/form-data"),
        (b"x", "multipart/form-data", 400, "form"),
        (b"x", "multipart/form-data; boundary=b", 400, ""),
        (b"--b\r\n\r\n\r\n--b--", "multipart/form-data; boundary=b", 400, "no name"),
        (
            b'--b\r\nContent-Disposition: form-data; name="question"\r\n\r\nx',
            "multipart/form-data; boundary=b",
            400,
            "cut short",
        ),
        (b"x", "", 415, "no stated type"),
    ],
)
def test_what_is_no_ask_is_refused_with_a_sentence(
    web: Web, content: bytes, kind: str, status: int, said: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    response = web.http.post("/v1/ask", content=content, headers=headers)
    assert said in problem(response, status)["detail"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"question": (None, "x"), "image": (None, "text")}, "image_data"),
        ({"question": ("q.jpg", PHOTO), "image": ("a.jpg", PHOTO)}, "question"),
        ({"question": (None, "x"), "top_k": (None, "-1")}, "top_k"),
        ({"question": (None, "x"), "top_k": (None, "4294967296")}, "top_k"),
        ({"question": (None, "x"), "want_attention": (None, "yes")}, "want_attention"),
        ({"question": (None, "x"), "image": ("a.jpg", PHOTO), "image_id": (None, IMAGE_ID)}, "image_id"),
        ({"question": (None, ""), "image": ("a.jpg", PHOTO)}, "question"),
        ({"question": (None, "x"), "image": ("a.jpg", b"GIF89a")}, "image_data"),
        ({"question": (None, "x"), "image": ("a.png", png_bomb())}, "image_data"),
    ],
)
def test_a_wrong_field_is_named(web: Web, fields: dict[str, Any], field: str) -> None:
    assert problem(web.http.post("/v1/ask", files=fields), 400)["errors"][0]["field"] == field


def test_a_field_that_comes_twice_is_refused(web: Web) -> None:
    fields: list[tuple[str, tuple[None, str]]] = [("question", (None, "x")), ("question", (None, "y"))]
    assert "twice" in problem(web.http.post("/v1/ask", files=fields), 400)["detail"]


def test_a_photo_that_is_gone_and_a_path_that_is_not(web: Web) -> None:
    gone = web.http.post("/v1/ask", json={"imageId": "0" * 64, "question": "x"})
    assert problem(gone, 404)["code"] == "NOT_FOUND"
    assert problem(web.http.get("/nowhere"), 404)["title"] == "Not found"
    wrong = web.http.get("/v1/ask")
    assert problem(wrong, 405)["status"] == 405
    assert wrong.headers["allow"] == "POST"


def test_too_many_bytes_are_refused_stated_or_not(make_web: MakeWeb) -> None:
    web = make_web(Limits(max_message_bytes=100_000, photo=PhotoLimits(max_bytes=90_000)))
    big = b"x" * 300_000
    stated = web.http.post("/v1/ask", content=big, headers={"content-type": "application/json"})
    assert "at most" in problem(stated, 413)["detail"]
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n',
        *[big[:50_000]] * 6,
    )
    unstated = web.http.post(
        "/v1/ask", content=iter(parts), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    problem(unstated, 413)
    photo_alone = web.http.post("/v1/ask", files={"image": big[:95_000], "question": (None, "x")})
    assert problem(photo_alone, 413)["errors"][0]["field"] == "image_data"


def test_a_deadline_is_kept_and_a_wrong_one_refused(web: Web) -> None:
    hold(web.rig.encoder)
    late = web.http.post(
        "/v1/ask", files={"image": PHOTO, "question": (None, QUESTION)}, headers={"Grpc-Timeout": "50m"}
    )
    assert problem(late, 504)["code"] == "DEADLINE_EXCEEDED"
    release(web.rig.encoder)
    for wrong in ("soon", "-1S", "123456789S", "1", "H", "1 S"):
        refused = web.http.get("/v1/model", headers={"Grpc-Timeout": wrong})
        assert "one to eight digits" in problem(refused, 400)["detail"]


@pytest.mark.parametrize("stated", ["99999999H", "99999999M", "2M"])
def test_a_very_long_deadline_is_none(web: Web, stated: str) -> None:
    reply = web.http.post(
        "/v1/ask", files={"image": PHOTO, "question": (None, QUESTION)}, headers={"Grpc-Timeout": stated}
    )
    assert reply.status_code == 200


def test_a_compressed_body_is_called_so(web: Web) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    packed = web.http.post("/v1/ask", content=gzip.compress(b'{"question": "x"}'), headers=headers)
    assert "'gzip'" in problem(packed, 415)["detail"]


def test_overload_is_429_with_a_time_to_come_back(make_web: MakeWeb) -> None:
    web = make_web(Limits(queue_capacity=1))
    hold(web.rig.encoder)
    first = threading.Thread(target=as_form, args=(web,), kwargs={"question": QUESTION})
    first.start()
    assert web.rig.encoder.entered.wait(WAIT_S)
    second = web.http.post("/v1/ask", files={"image": photo(seed=2), "question": (None, QUESTION)})
    assert problem(second, 429)["retryAfterSeconds"] > 0
    assert int(second.headers["retry-after"]) >= 1
    release(web.rig.encoder)
    first.join(WAIT_S)


def test_a_caller_that_hangs_up_cancels_its_ask(make_web: MakeWeb) -> None:
    web = make_web(Limits(queue_capacity=1))  # so that another is refused for as long as the first is inside
    hold(web.rig.encoder)
    request = httpx.Request("POST", web.address, files={"image": PHOTO, "question": (None, QUESTION)})
    content = request.read()
    head = f"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: {request.headers['content-type']}\r\n"

    def another() -> int:
        reply = web.http.post(
            "/v1/ask",
            files={"image": photo(seed=2), "question": (None, QUESTION)},
            headers={"Grpc-Timeout": "50m"},
        )
        return int(reply.status_code)

    with socket.create_connection(("127.0.0.1", web.gateway.port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        assert web.rig.encoder.entered.wait(WAIT_S)
        assert another() == 429
    seen = [another()]
    while seen[-1] == 429 and len(seen) < 500:
        seen.append(another())
    assert seen[-1] == 504  # let in, and then kept waiting by the engine that is held
    release(web.rig.encoder)


def test_a_failure_says_nothing_of_its_cause(web: Web) -> None:
    web.rig.answerer.failure = RuntimeError("secret path /root")
    failed = as_form(web, question=QUESTION)
    assert "secret" not in failed.text
    assert problem(failed, 500)["code"] == "INTERNAL"


def test_a_port_in_use_is_one_line(rig: Rig) -> None:
    desk = Desk(rig.local.assistant.admission)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = Gateway(rig.local, desk, port=taken.getsockname()[1])
        with pytest.raises(ServerError, match="Take another port"):
            gateway.start()
    with pytest.raises(ServerError, match="no port 70000"):
        Gateway(rig.local, desk, port=70000).start()


def test_once_its_model_is_closed_it_is_unavailable(web: Web) -> None:
    model = web.rig.local.assistant.models[""]
    web.rig.local.thread.run(model.close())
    assert problem(as_form(web, question=QUESTION), 503)["code"] == "UNAVAILABLE"


def test_a_call_is_counted_logged_and_limited_as_over_grpc(
    make_rig: MakeRig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One desk is behind both faces: tokens, calls a caller, request ids, metrics and the log."""
    digest = hashlib.sha256(b"secret").hexdigest()
    (tmp_path / "tokens").write_text(f"alice {digest} 1\n")
    metrics = Metrics()
    rig = make_rig()
    desk = Desk(
        rig.local.assistant.admission,
        authentication=Authentication(TokenFile(tmp_path / "tokens")),
        observer=metrics,
    )
    known = {"Authorization": "Bearer secret", "X-Request-Id": "mine"}
    with (
        caplog.at_level("INFO", "asksight.calls"),
        Gateway(rig.local, desk, port=0) as gateway,
        httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False, timeout=WAIT_S) as http,
    ):
        stranger = http.post("/v1/ask", content=b"never read", headers={"content-type": "application/json"})
        assert problem(stranger, 401)["code"] == "UNAUTHENTICATED"
        assert stranger.headers["www-authenticate"] == "Bearer"
        answered = http.get("/v1/model", headers=known)
        assert (answered.status_code, answered.headers["x-request-id"]) == (200, "mine")
        refused = http.get("/v1/model", headers=known)
        assert problem(refused, 429)["retryAfterSeconds"] > 0
        assert refused.headers["x-request-id"] == "mine"
    calls: list[Any] = [record.msg for record in caplog.records]
    codes = [(call.method, call.code) for call in calls]
    assert codes == [("Ask", "UNAUTHENTICATED"), ("GetModel", "OK"), ("GetModel", "RESOURCE_EXHAUSTED")]
    labels = {"caller": "alice", "code": "OK"}
    assert metrics.registry.get_sample_value("asksight_caller_calls_total", labels) == 1
    assert rig.local.assistant.admission.calls == 0
