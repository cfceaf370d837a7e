"""`asksight serve` as a process: one line when it serves, a clean end on a signal, one line when it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from bundles import write_random_bundle
from grpc_health.v1 import health_pb2
from photo_files import photo
from server_rig import health_stub

from asksight.v1 import vqa_pb2, vqa_pb2_grpc

COMMAND = [str(Path(sys.executable).with_name("asksight")), "serve"]
WAIT_S = 60


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_random_bundle(tmp_path_factory.mktemp("served") / "random").path)


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process once it serves, and the line that it printed."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--drain-grace", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_says_where_and_ends_cleanly_on_a_signal(model: str, number: signal.Signals) -> None:
    with serving("--model", model) as (process, line):
        assert line.startswith("Serving random 1 ")
        address = line.split(" at ")[1].split(";")[0]
        with grpc.insecure_channel(address) as channel:
            stub = vqa_pb2_grpc.VqaServiceStub(channel)
            asked = vqa_pb2.AskRequest(image_data=photo(), question="what is this?")
            assert stub.Ask(asked, timeout=WAIT_S).answers
            watch = health_stub(channel).Watch(health_pb2.HealthCheckRequest())
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            process.send_signal(number)
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert process.wait(WAIT_S) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def refused(*options: str) -> str:
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_port_in_use_is_one_line(model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "in use" in refused("--model", model, "--port", port)


def test_an_unknown_engine_is_one_line(model: str) -> None:
    line = refused("--model", model, "--port", "0", "--engine", "magic")
    assert "magic" in line
    assert "onnxruntime" in line


def test_an_address_that_is_not_ours_is_one_line(model: str) -> None:
    assert "Cannot listen" in refused("--model", model, "--host", "192.0.2.1", "--port", "0", "--insecure")


def test_other_machines_are_let_in_with_tls_or_by_an_explicit_word(model: str) -> None:
    assert "--insecure" in refused("--model", model, "--host", "0.0.0.0", "--port", "0")


def test_check_prints_what_is_in_force_and_where_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "asksight.toml"
    file.write_text('model = ["a=scenes", "scenes"]\nworkers = 7\nqueue = 9\n')
    done = subprocess.run(
        [*COMMAND, "--check", "--config", str(file), "--queue", "11"],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
        env={**os.environ, "ASKSIGHT_WORKERS": "8"},
    )
    said = {line.split("#")[0].strip(): line.split("#")[-1].strip() for line in done.stdout.splitlines()}
    assert said['model = ["a=scenes", "scenes"]'] == str(file)
    assert said["workers = 8"] == "ASKSIGHT_WORKERS"
    assert said["queue = 11"] == "--queue"
    assert said["port = 50051"] == "default"
    file.write_text(done.stdout)
    again = [*COMMAND, "--check", "--config", str(file)]
    assert "workers = 8" in subprocess.run(again, capture_output=True, text=True, check=True).stdout


def test_a_refusal_is_json_where_the_log_is(model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "in use" in json.loads(refused("--model", model, "--log", "json", "--port", port))["message"]
    assert "magic" in json.loads(refused("--engine", "magic", "--log", "json"))["message"]


def test_a_refused_bundle_is_one_line(model: str, tmp_path: Path) -> None:
    assert "nothing" in refused("--model", str(tmp_path / "none"))
    broken = tmp_path / "broken"
    write_random_bundle(broken)
    with (broken / "answerer.onnx").open("ab") as graph:
        graph.write(b"x")
    assert "answerer.onnx" in refused("--model", str(broken))
