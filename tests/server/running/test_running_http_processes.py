"""HTTP with several processes: they share the port, each knows its own photos, and one that dies is replaced."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from bundles import write_random_bundle
from photo_files import photo
from serving_process import COMMAND, WAIT_S, serving, until

PHOTO = base64.b64encode(photo()).decode()
HANDLED = "grpc_server_handled_total{"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_random_bundle(tmp_path / "random").path


def test_they_share_the_port_and_what_another_one_has_seen_is_sent_again(model: Path) -> None:
    options = ("--model", model, "--processes", "2", "--drain-grace", "0", "--http", "0", "--metrics", "0")
    with serving(*options) as (process, _, log):
        assert process.stdout is not None
        page = process.stdout.readline().removeprefix("The page is at ").partition(",")[0]
        metrics = process.stdout.readline().split(" at ")[1].strip().rstrip(".")

        def get(path: str) -> int:
            return httpx.get(page + path, trust_env=False, timeout=WAIT_S).status_code  # a connection each

        def ask(image_id: str = "") -> httpx.Response:
            photo_given = {"imageId": image_id} if image_id else {"imageData": PHOTO}
            asked = {"question": "what is this?"} | photo_given
            return httpx.post(f"{page}v1/ask", json=asked, trust_env=False, timeout=WAIT_S)

        assert [get("v1/health/ready"), get("")] == [200] * 2  # what is said to be served is served
        until(lambda: log.read_text().count("Serving ") == 2)
        image_id = ask().json()["imageId"]
        asked = [200]

        def answered(status: int) -> bool:
            asked.append(ask(image_id).status_code)
            return asked[-1] == status

        until(lambda: answered(404))  # by the process that has not seen the photo
        until(lambda: answered(200))
        assert [get(""), get("docs"), get("v1/health/ready"), get("v1/health/live")] == [200] * 4

        def counted(code: str) -> float:
            lines = httpx.get(metrics, trust_env=False).text.splitlines()
            of_it = [line for line in lines if line.startswith(HANDLED) and f'code="{code}"' in line]
            return sum(float(line.rpartition(" ")[2]) for line in of_it)

        until(lambda: (counted("OK"), counted("NOT_FOUND")) == (asked.count(200), asked.count(404)))

        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        until(lambda: log.read_text().count("Serving ") == 3)
        for _ in range(10):
            assert ask().status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0, log.read_text()


def test_a_port_that_another_program_has_is_said_before_anything_starts(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = str(taken.getsockname()[1])
        command = [*COMMAND, "--model", str(model), "--processes", "2", "--port", "0", "--http", port]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert ran.returncode == 1
    assert f"127.0.0.1:{port} is in use by another program" in ran.stderr
