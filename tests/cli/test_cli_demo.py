"""`asksight demo`: what it shows, what it says to try next, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from served import ROOT, shell_environment

from asksight.cli.demo_asks import DEMO_PHOTOS
from asksight.cli.next_steps import next_steps
from asksight.client import connect

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shown(run: Run, bundle: Path) -> str:
    return run("demo", "--once", "--model", bundle).stdout


def test_every_picture_and_question_is_shown_with_its_answer(shown: str) -> None:
    for photo in DEMO_PHOTOS:
        assert f"{photo.path.name}: {photo.shows}" in shown
        for question in photo.questions:
            pattern = re.escape(question) + (
                r"\n    (answered|unsure|unanswerable): (.+ \d+\.\d %, ){2}.+ \d+\.\d %  "
                r"\[\d+\.\d ms, (features cached|photo encoded)\]"
            )
            assert re.search(pattern, shown), question


def test_the_feature_cache_shows(shown: str) -> None:
    counted = Counter(re.findall("features cached|photo encoded", shown))
    questions = sum(len(photo.questions) for photo in DEMO_PHOTOS)
    assert len(DEMO_PHOTOS) >= 3
    assert questions >= 6
    assert counted == {"photo encoded": len(DEMO_PHOTOS), "features cached": questions - len(DEMO_PHOTOS)}


def test_it_says_what_to_try_next(shown: str) -> None:
    for tool in ("asksight ask", "grpcurl -plaintext", "buf curl --protocol grpc"):
        assert tool in shown


def test_what_to_try_next_names_the_port_that_was_free(run: Run, bundle: Path) -> None:
    """50051 or not: the demo that is to be started for it is then at the very port that the lines name."""
    with socket.socket() as taken:
        with suppress(OSError):  # somebody else has it already
            taken.bind(("127.0.0.1", 50051))
            taken.listen()
        shown = run("demo", "--once", "--model", bundle).stdout
    (port,) = re.findall(r"served at 127\.0\.0\.1:(\d+)", shown)
    assert port != "50051"
    assert f"demo --port {port}` running" in shown
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", shown)) == {port}


def test_the_json_form_has_one_object_a_question(run: Run, bundle: Path) -> None:
    lines = run("demo", "--once", "--json", "--model", bundle).stdout.splitlines()
    asked = [json.loads(line) for line in lines]
    assert [one["question"] for one in asked] == [q for photo in DEMO_PHOTOS for q in photo.questions]
    assert all(one["took_ms"] > 0 and one["answers"] for one in asked)


def test_it_stays_up_until_it_is_interrupted_and_the_lines_work(bundle: Path) -> None:
    """The very lines that it prints, run by a shell while it is up."""
    with subprocess.Popen(
        ["asksight", "demo", "--port", "0", "--model", str(bundle)],
        stdout=subprocess.PIPE,
        text=True,
        env={**shell_environment(), "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            printed = []
            for line in process.stdout:
                printed.append(line.strip())
                if "Serving until Ctrl-C" in line:
                    break
            steps = printed[printed.index("Now, from another terminal, try:") + 1 :][:4]
            address = printed[0].rsplit(" ", 1)[1]
            script = "set -e\n" + "\n".join(steps)
            ran = subprocess.run(
                ["bash", "-c", script],
                capture_output=True,
                text=True,
                env=shell_environment(),
                cwd=ROOT,
                timeout=60,
            )
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.count('"verdict"') == 2  # grpcurl's and buf's; ours is a sentence
            with connect(address) as client:
                assert client.ask(DEMO_PHOTOS[0].path, "What is this?").timings.features_cached
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_port_that_was_asked_for_and_is_taken_is_one_line(run: Run, bundle: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = run("demo", "--once", "--port", str(port), "--model", bundle, code=1)
    (line,) = ran.stderr.splitlines()
    assert str(port) in line
    assert line.startswith("asksight: ")


def test_a_bundle_that_is_not_there_is_one_line(run: Run, tmp_path: Path) -> None:
    (line,) = run("demo", "--once", "--model", tmp_path / "nowhere", code=1).stderr.splitlines()
    assert "nowhere" in line


def test_the_pictures_are_small_and_real() -> None:
    for photo in DEMO_PHOTOS:
        with Image.open(photo.path) as picture:
            assert (picture.format, picture.size) == ("JPEG", (128, 128))
        assert photo.path.stat().st_size < 8192


def test_paths_with_blanks_and_quotes_survive_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "my 'best' photo.jpg"
    path.write_bytes(b"bytes")
    lines = next_steps(path, "What?", "localhost:1")
    ran = subprocess.run(
        ["bash", "-c", f'{lines[1]}\necho "$ASK"'], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == {"image_data": "Ynl0ZXM=", "question": "What?"}
