"""Large JSON: its photo is decoded by itself, a window at a time, in a decoder's thread, and the event loop goes on."""

from __future__ import annotations

import base64
import json
import random
import threading
from binascii import a2b_base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from http_rig import QUESTION, Web, problem
from photo_files import photo
from waiting import WAIT_S

from asksight.server.http.json_asks import CUT, MOST_BYTES, from_json
from asksight.server.http.photo_texts import WINDOW
from asksight.server.http.problems import Problem

PHOTO = random.Random(5).randbytes(3 * WINDOW + 1)
PLAIN = base64.b64encode(PHOTO).decode()
LINES = json.dumps(base64.encodebytes(PHOTO).decode())[1:-1]
DECODING = "asksight.server.http.photo_texts.a2b_base64"
LONG = b"a" * 2 * WINDOW


def ask_of(written: str, before: str = "", after: str = "") -> bytes:
    return f'{{{before}"imageData": "{written}"{after}}}'.encode()


@pytest.mark.parametrize(
    "written",
    [
        PLAIN,
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(PHOTO).decode(),
        LINES,
        PLAIN.replace("/", "\\/"),
        "".join(f"\\u{ord(one):04x}" for one in PLAIN),
        PLAIN.replace("=", "\\u003d"),
    ],
    ids=["plain", "unpadded", "url-safe", "lines", "slashes", "escaped", "padding escaped"],
)
@pytest.mark.parametrize("shift", range(3))
def test_a_long_photo_is_the_same_however_its_base64_is_written(written: str, shift: int) -> None:
    """Wherever windows begin and end in it."""
    written = base64.b64encode(b"abc" * shift).decode() + written
    asked = from_json(ask_of(written, '"question": "a \\"?\\\\", ', ', "topK": 3'), {})
    assert asked.image_data == b"abc" * shift + PHOTO
    assert (asked.question, asked.top_k) == ('a "?\\', 3)


@pytest.mark.parametrize(
    "written",
    [
        "!" + PLAIN,
        PLAIN + "!",
        "data:image/jpeg," + PLAIN,
        PLAIN + "==" + PLAIN,
        PLAIN[:WINDOW] + "====" + PLAIN,
        "AAA" + PLAIN,
        PLAIN + "\\u",
        "\\\\" * WINDOW,
        "é" * WINDOW,
        "%",
        "\\ud800",
        CUT,
    ],
)
def test_what_is_no_base64_is_told_so(written: str) -> None:
    with pytest.raises(Problem) as caught:
        from_json(ask_of(written), {})
    assert (caught.value.status, caught.value.at_fault) == (400, "image_data")
    assert "'imageData' is not base64" in caught.value.detail


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"question": "%b"}' % LONG, "'question' has 131072 characters"),
        (b'{"%b": 1}' % LONG, "no field"),
        (b'{"imageData": {"a": "%b"}}' % LONG, "is a JSON object"),
        (b'["%b"]' % LONG, "is a JSON array"),
        (b'"%b"' % LONG, "is a JSON string"),
        (b'{"imageData": "%b' % LONG, "not JSON"),
        (b'{"imageData": "%b", "image_data": "%b"}' % (LONG, LONG[:8]), "Both"),
        (b'{"imageData": "%b", "imageId": "x"}' % LONG, "multiple"),
        (b'{"imageData": "%b", "question": "%b"}' % (LONG, LONG), "'question' has 131072 characters"),
        (b'{"question": "?"%b}' % (b" " * MOST_BYTES), "Beside photos"),
    ],
)
def test_a_long_string_elsewhere_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Problem) as caught:
        from_json(body, {})
    assert said in caught.value.detail
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize("head", ["data:image/jpeg;base64,", "DATA:image\\/jpeg;BASE64,"])
def test_the_head_of_a_data_url_is_left_out(head: str) -> None:
    assert from_json(ask_of(head + PLAIN), {}).image_data == PHOTO


@pytest.mark.parametrize("second", [b'"QUJD"', b"null"])
def test_two_photos_of_one_name_are_refused(second: bytes) -> None:
    with pytest.raises(Problem) as refused:
        from_json(b'{"imageData": "%b", "imageData": %b}' % (LONG, second), {})
    assert "'imageData' is there twice" in refused.value.detail


def test_nothing_long_is_done_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def noting(read: Callable[..., Any]) -> Callable[..., Any]:
        def noted(given: bytes, **how: Any) -> Any:
            sizes.append(len(given))
            return read(given, **how)

        return noted

    monkeypatch.setattr(DECODING, noting(a2b_base64))
    monkeypatch.setattr(json, "loads", noting(json.loads))
    assert from_json(ask_of(LINES), {}).image_data == PHOTO
    assert max(sizes) <= WINDOW + len('""')
    assert sum(sizes) > 2 * len(PHOTO)


def test_others_are_answered_while_one_is_parsed(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on, names = threading.Event(), threading.Event(), list[str]()

    def held(data: bytes, *, strict_mode: bool) -> bytes:
        names.append(threading.current_thread().name)
        entered.set()
        assert go_on.wait(WAIT_S)
        return a2b_base64(data, strict_mode=strict_mode)

    monkeypatch.setattr(DECODING, held)
    sent = photo() + bytes(2 * WINDOW)
    asked = {"imageData": base64.b64encode(sent).decode(), "question": QUESTION}
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(httpx.post, f"{web.address}/v1/ask", json=asked, timeout=WAIT_S, trust_env=False)
        assert entered.wait(WAIT_S)
        assert web.http.get("/v1/model").status_code == 200
        go_on.set()
        reply = large.result(WAIT_S)
    assert reply.status_code == 200, reply.text
    assert all(name.startswith("asksight-decoder") for name in names)


def test_a_small_one_that_is_no_base64_is_a_problem(web: Web) -> None:
    reply = web.http.post("/v1/ask", json={"imageData": "data:image/jpeg,/9j/"})
    assert problem(reply, 400)["errors"][0]["field"] == "image_data"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        ('{"question": "Tür"}'.encode("latin-1"), "not JSON in UTF-8"),
        (b'{"question": "a", "question": "b"}', "'question' is there twice"),
        (b'{"topK": 1, "top_k": 2}', "Both 'top_k' and 'topK'"),
        (b'{"image_data": "/9j/", "imageData": "/9j/"}', "Both 'image_data' and 'imageData'"),
        (b'{"question": "a"}{"question": "b"}', "Extra data"),
        (b"{'question': 'a'}", "double quotes"),
        (b'{"imageData": 5}', "its field 'imageData' is a number; send a string."),
        (b'{"question": true}', "its field 'question' is a boolean; send a string."),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_named(body: bytes, said: str) -> None:
    with pytest.raises(Problem) as refused:
        from_json(body, {})
    assert said in refused.value.detail


def test_a_name_that_is_null_is_not_given() -> None:
    asked = from_json(b'\xef\xbb\xbf{"image_data": null, "imageData": "/9j/", "topK": null, "top_k": 3}', {})
    assert (asked.image_data, asked.top_k) == (b"\xff\xd8\xff", 3)
