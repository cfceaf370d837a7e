"""A stop waits for no body that does not come, and whoever is cut off is told so."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from http_rig import QUESTION, Web, problem
from photo_files import photo
from server_rig import WAIT_S, hold, until

HEAD = b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"


def test_a_half_sent_body_holds_up_no_stop_and_its_sender_is_told(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", web.gateway.port), timeout=WAIT_S) as sender:
        sender.sendall(HEAD + b"{")
        until(lambda: web.rig.assistant.admission.came == 1)
        web.gateway.stop(4 * WAIT_S)  # more than a body may take in all
        said = b"".join(iter(lambda: sender.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in head.lower()
    assert b"application/problem+json" in head
    assert b"shutting down" in body
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_an_ask_that_outlasts_the_grace_is_told_so(web: Web) -> None:
    hold(web.rig.encoder)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(web.http.post, "/v1/ask", files={"image": photo()}, data={"question": QUESTION})
        assert web.rig.encoder.entered.wait(WAIT_S)
        web.gateway.stop(0)
        said = problem(asked.result(WAIT_S), 503)
    assert said["code"] == "UNAVAILABLE"
    assert said["retryAfterSeconds"] == 1
