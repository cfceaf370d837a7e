"""The log: nobody who logs waits for whoever reads, what is dropped is told, and JSON is JSON to the last line."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from bundles import write_random_bundle
from certificates import make_authority, sign
from photo_files import photo
from serving_process import COMMAND, WAIT_S, serving, until

from asksight.client import Client, UnavailableError, connect
from asksight.server.access.calls import CallEnded
from asksight.server.running import log_writer
from asksight.server.running.log_writer import LogWriter
from asksight.server.running.logs import JsonLines, TextLines


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_bundle(tmp_path_factory.mktemp("logs") / "random").path


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def record(text: object, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("asksight", logging.INFO, "", 0, text, arguments, None)


def test_a_pipe_that_nobody_reads_stops_no_one_and_what_is_dropped_is_told(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 100)
    reading, writing = pipe
    writer = LogWriter(writing)
    for number in range(5000):  # far more than a pipe holds
        writer.handle(record("line %d %s", number, "x" * 100))
    assert writer.dropped > 0
    seen = b""

    def all_told() -> bool:
        nonlocal seen
        seen += os.read(reading, 1 << 16)
        whole = seen[: seen.rfind(b"\n") + 1].decode().splitlines()
        told = [int(line.split()[0]) for line in whole if "were dropped" in line]
        return sum(told) == writer.dropped and len(whole) - len(told) + writer.dropped == 5000

    until(all_told)
    writer.close()
    assert [line.split()[1] for line in seen.decode().splitlines()[:50]] == [str(n) for n in range(50)]


def test_what_was_logged_before_the_end_is_written_by_then(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LogWriter(writing)
    for number in range(100):
        writer.handle(record("line %d", number))
    writer.handle(record("%d", "no number"))
    writer.close()
    lines = os.read(reading, 1 << 16).decode().splitlines()
    assert lines[:100] == [f"line {number}" for number in range(100)]
    assert "cannot be told" in lines[100]


def test_the_end_waits_for_nobody_who_does_not_read(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "CLOSE_WITHIN_S", 0.05)
    writer = LogWriter(pipe[1])
    for _ in range(2000):
        writer.handle(record("x" * 100))
    writer.close()  # comes back
    os.set_blocking(pipe[0], False)
    while writer._thread.is_alive():  # let the thread go
        try:
            os.read(pipe[0], 1 << 16)
        except BlockingIOError:
            writer._thread.join(0.01)


def test_a_call_is_told_with_its_caller_and_its_questions_where_they_are_wanted() -> None:
    ended = CallEnded("Ask", "OK", 3.21, "ask-1", "alice", ["what?\n\x9b2J", "kyā है?"])
    text = TextLines().format(record(ended))
    assert text.endswith(r'Ask OK 3.2 ms ask-1 caller="alice" questions=["what?\n\u009b2J", "kyā है?"]')
    said = json.loads(JsonLines().format(record(ended)))
    assert (said["caller"], said["questions"]) == ("alice", ["what?\n\x9b2J", "kyā है?"])
    assert str(CallEnded("Ask", "OK", 3.21, "ask-1", "", None)) == "Ask OK 3.2 ms ask-1"


NOISY = """
import logging, sys, threading, warnings
from asksight.server.running.logs import set_up_logs
set_up_logs("json", calls=True)
warnings.warn("odd")
logging.getLogger("uvicorn.error").error("over\\ntwo lines")
def fail(): raise ValueError("in a thread")
one = threading.Thread(target=fail); one.start(); one.join()
class Ends:
    def __del__(self): raise ValueError("unraisable")
Ends()
raise ValueError("in the end")
"""


def test_in_json_every_line_is_json_even_what_nobody_catches() -> None:
    command = [sys.executable, "-P", "-c", NOISY]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=WAIT_S)
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert ["odd" in said[0]["message"], said[1]["message"]] == [True, "over\ntwo lines"]
    for one, words in zip(said[2:], ("in a thread", "unraisable", "in the end"), strict=True):
        assert words in one["exception"]


ODD_PHOTOS = """
import warnings
from asksight.server.running.logs import set_up_logs
set_up_logs("text", calls=True)
remembered = {}
for number in range(100):
    warnings.warn_explicit(f"tag {number}", UserWarning, "Tiff.py", 1, "PIL.TiffImagePlugin", remembered)
print(sum(isinstance(one, tuple) for one in remembered))
"""


def test_what_pillow_says_of_odd_photos_is_neither_logged_nor_remembered() -> None:
    command = [sys.executable, "-P", "-c", ODD_PHOTOS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_S)
    assert (done.stdout, done.stderr) == ("0\n", "")


def answers(client: Client) -> bool:
    try:
        return bool(client.ask(photo(), "what?").answers)
    except UnavailableError:  # the processes are still warming up
        return False


@pytest.mark.parametrize("processes", [1, 2])
def test_a_server_whose_log_nobody_reads_answers_on_counts_and_stops(model: Path, processes: int) -> None:
    """As many asks as a pipe and the queue hold, and more: the queue is made short for it."""
    short = "import asksight.server.running.log_writer as w; w.MOST_WAITING = 50; w.CLOSE_WITHIN_S = 0.5\n"
    command = [sys.executable, "-P", "-c", short + "from asksight.cli.main import main; main()", "serve"]
    options = ["--model", str(model), "--port", "0", "--drain-grace", "0", "--metrics", "0"]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:  # full from the start
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    with subprocess.Popen(
        [*command, *options, "--processes", str(processes)],
        stdout=subprocess.PIPE,
        stderr=writing,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split(" at ")[1].replace(";", " ").split()[0]
            where = process.stdout.readline().split(" at ")[1].strip().rstrip(".")
            with connect(address, timeout=WAIT_S) as client:
                until(lambda: answers(client))
                for _ in range(100):
                    assert client.ask(photo(), "what?").answers
            if processes == 1:
                metrics = urllib.request.urlopen(where, timeout=WAIT_S).read().decode()
                counted = [
                    line
                    for line in metrics.splitlines()
                    if line.startswith("asksight_log_lines_dropped_total")
                ]
                assert float(counted[0].split()[1]) > 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
            for end in (reading, writing):
                os.close(end)


def test_every_process_ends_without_a_word_of_python_itself(model: Path) -> None:
    with subprocess.Popen(
        [
            *COMMAND,
            "--model",
            str(model),
            "--port",
            "0",
            "--drain-grace",
            "0",
            "--processes",
            "2",
            "--log",
            "json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines: list[str] = []
        assert process.stderr is not None
        reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()))
        reader.start()
        try:
            until(lambda: sum("Serving" in line for line in lines) == 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
            reader.join(WAIT_S)
    said = [json.loads(line)["message"] for line in lines]  # none that Python writes when it aborts
    assert said.count("Stopped") == 2
    assert not [one for one in said if " ended with " in one]


def test_junk_at_a_tls_port_is_no_line_among_the_json(model: Path, tmp_path: Path) -> None:
    pair = sign(make_authority(tmp_path), tmp_path, "server")
    tls = ("--tls-certificate", pair.certificate, "--tls-key", pair.key)
    with serving("--model", model, "--log", "json", "--drain-grace", "0", *tls) as (process, address, log):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), WAIT_S) as junk:
                junk.sendall(b"GET / HTTP/1.1\r\n\r\n")
                with suppress(ConnectionError):
                    while junk.recv(1000):  # an alert, until it has hung up
                        pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        assert all(json.loads(line)["level"] == "INFO" for line in log.read_text().splitlines())
