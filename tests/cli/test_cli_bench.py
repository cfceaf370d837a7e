"""`asksight bench` as a person runs it, against real servers: what it says, and that no stop of a server is hidden."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from certificates import make_authority, sign
from photo_files import photo
from served import shell_environment
from serving_process import WAIT_S, serving, until

from asksight.cli.bench.schedule import arrivals
from asksight.cli.main import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SHORT = ("--warm-up", "0.1", "--seconds", "0.4", "--seed", "1")


@pytest.fixture(scope="module")
def served_process(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    mine = tmp_path_factory.mktemp("bench") / "bundle"
    shutil.copytree(bundle, mine)  # its log lies beside it
    with serving("--model", mine) as found:
        yield found


def test_a_closed_loop_gives_a_row_for_each_number_of_callers(
    run: Run, served_process: tuple[subprocess.Popen[str], str, Path], tmp_path: Path
) -> None:
    process, address, _ = served_process
    file = tmp_path / "sweep.svg"
    arguments = ("--server", address, "--pid", str(process.pid), "--callers", "1,8", "--picture", file)
    lines = run("bench", *arguments, *SHORT).stdout.splitlines()
    assert lines[0].startswith("random 1 on onnxruntime float32 at ")
    assert "4 photos, 10 questions, follow-ups 0%" in lines[1]
    titles = next(line for line in lines if "p99.9 ms" in line)
    rows = [line.split() for line in lines if re.match(r" +[18] ", line)]
    assert [row[0] for row in rows] == ["1", "8"]
    assert {len(row) for row in rows} == {len(re.split(r"\s{2,}", titles.strip()))} == {10}
    for row in rows:
        assert float(row[1].replace(",", "")) > 0
        assert float(row[-1]) > 0  # the server's processor time an answer
    assert "Answers: " in lines[-2]
    drawn = ElementTree.fromstring(file.read_text("utf-8"))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 4


def bench(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> tuple[str, str]:
    """Run the verb in this process, which saves the seconds that a start takes; gives what it wrote."""
    with pytest.raises(SystemExit) as ended:
        main(["bench", *map(str, arguments)])
    out, said = capsys.readouterr()
    assert ended.value.code == code, said
    return out, said


def test_the_json_form_is_stable(capsys: pytest.CaptureFixture[str], address: str) -> None:
    given = ("--server", address, "--rate", "40", "--follow-ups", "0.5", *SHORT, "--json")
    report = json.loads(bench(capsys, *given)[0])
    assert list(report) == ["server", "load", "rows"]
    assert report["server"] == {
        "address": address,
        "model": "random 1",
        "engine": "onnxruntime",
        "precision": "float32",
        "own": False,
        "pid": None,
    }
    assert report["load"] == {
        "loop": "open",
        "photos": 4,
        "never_new": [],
        "questions": 10,
        "warm_up_s": 0.1,
        "seconds": 0.4,
        "timeout_s": 10.0,
        "follow_ups": 0.5,
        "channels": 4,
        "seed": 1,
    }
    (row,) = report["rows"]
    assert list(row) == [
        "callers",
        "rate",
        "asks",
        "asks_per_s",
        "latency_ms",
        "new_ms",
        "follow_up_ms",
        "late_ms",
        "failed",
        "verdicts",
        "resent",
        "generator_cpu",
        "server_cpu_ms",
        "histogram",
        "notes",
    ]
    assert (row["callers"], row["rate"], row["failed"], row["server_cpu_ms"]) == (None, 40.0, {}, None)
    assert list(row["latency_ms"]) == ["p50", "p90", "p99", "p99_9", "max"]
    assert max(row["new_ms"]["max"], row["follow_up_ms"]["max"]) == row["latency_ms"]["max"]
    assert row["new_ms"]["max"] != row["follow_up_ms"]["max"]
    assert list(row["late_ms"]) == ["p99", "max"]
    assert row["resent"] == 0
    # What is asked does not depend on the server: as many as the seed has in the window, each answered.
    assert row["asks"] == sum(due_s >= 0.1 for due_s in arrivals(40, 0.5, seed=1))
    assert row["asks"] == sum(row["verdicts"].values()) == sum(one["asks"] for one in row["histogram"])


def bench_while(
    served_process: tuple[subprocess.Popen[str], str, Path], *arguments: str, stopped: Callable[[], None]
) -> dict[str, Any]:
    """Run an open loop, stop the server's process when it has answered a few asks, and continue it after `stopped`."""
    process, address, log = served_process

    def answered() -> int:
        return log.read_text().count("Ask OK")

    before = answered()
    command = ["asksight", "bench", "--server", address, "--follow-ups", "1", "--json", "--warm-up", "0"]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, text=True, env=shell_environment()
    ) as asking:
        until(lambda: answered() >= before + 30)
        process.send_signal(signal.SIGSTOP)
        try:
            stopped()
        finally:
            process.send_signal(signal.SIGCONT)
        out, _ = asking.communicate(timeout=WAIT_S)
    (row,) = json.loads(out)["rows"]
    assert isinstance(row, dict)
    return row


def test_a_server_that_stands_still_for_a_second_shows_it_in_the_open_loop(
    served_process: tuple[subprocess.Popen[str], str, Path],
) -> None:
    rate, seconds, stop_s = 100, 3.0, 1.0
    row = bench_while(
        served_process, "--rate", str(rate), "--seconds", str(seconds), stopped=lambda: time.sleep(stop_s)
    )
    due = list(arrivals(rate, seconds, seed=0))
    assert row["asks"] == len(due)
    # Whenever it stopped, those who were due in the 0.9 s after that waited for 0.1 s and more: at least as many as
    # are due in any 0.9 s. Who waits for each answer before asking again would have seen one slow ask, or few.
    fewest = min(
        sum(start <= one < start + stop_s - 0.1 for one in due)
        for start in (0.0, *(one + 1e-9 for one in due if one < seconds - stop_s))
    )
    assert fewest > rate / 2
    assert sum(one["asks"] for one in row["histogram"] if (one["up_to_ms"] or 1e9) > 100) >= fewest
    assert row["latency_ms"]["p99_9"] >= 800
    assert row["latency_ms"]["max"] >= 800
    assert row["failed"] == {}


def test_an_open_loop_of_a_server_that_never_comes_back_ends_with_its_timeouts(
    served_process: tuple[subprocess.Popen[str], str, Path],
) -> None:
    started_s = time.monotonic()
    rate, seconds, timeout_s = 100, 1.5, 0.4
    arguments = ("--rate", str(rate), "--seconds", str(seconds), "--timeout", str(timeout_s))
    # Until no ask can be under way any more, wherever it stopped.
    row = bench_while(served_process, *arguments, stopped=lambda: time.sleep(seconds + timeout_s))
    assert time.monotonic() - started_s < WAIT_S
    assert row["failed"]["DEADLINE_EXCEEDED"] > 0
    assert row["latency_ms"]["max"] == 1000 * timeout_s
    assert row["asks"] == sum(row["verdicts"].values()) + sum(row["failed"].values())


def test_a_server_of_its_own_is_measured_and_ended_and_forgotten_photos_are_sent_again(
    run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKSIGHT_CACHE_MB", "0")
    given = ("--model", bundle, "--callers", "1", "--follow-ups", "1", *SHORT, "--json")
    report = json.loads(run("bench", *given).stdout)
    (row,) = report["rows"]
    assert report["server"]["own"] is True
    assert row["server_cpu_ms"] > 0
    assert row["failed"] == {}
    assert row["resent"] == row["asks"] > 0
    assert not Path(f"/proc/{report['server']['pid']}").exists()


def test_its_own_server_ends_with_it(bundle: Path) -> None:
    command = ["asksight", "bench", "--model", str(bundle), "--callers", "1", "--seconds", "600"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**shell_environment(), "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        address = re.split(" at |,", process.stdout.readline())[1]
        process.terminate()
        assert process.wait(WAIT_S) == 128 + signal.SIGTERM
    host, port = address.rsplit(":", 1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_tokens_and_certificates_are_used_or_missed(
    capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path
) -> None:
    authority = make_authority(tmp_path)
    pair = sign(authority, tmp_path, "server")
    tokens = tmp_path / "tokens"
    tokens.write_text(f"me {hashlib.sha256(b'secret-of-mine').hexdigest()}\n")
    mine = tmp_path / "bundle"
    shutil.copytree(bundle, mine)
    guarded = ("--tls-certificate", pair.certificate, "--tls-key", pair.key, "--tokens", tokens)
    with serving("--model", mine, *guarded) as (_, address, _):
        server = (
            "--server",
            "localhost:" + address.rsplit(":", 1)[1],
            "--tls-authority",
            authority.certificate,
        )
        asks = ("--callers", "1", *SHORT)
        assert "Answers: " in bench(capsys, *server, "--token", "secret-of-mine", *asks)[0]
        assert "token" in bench(capsys, *server, *asks, code=1)[1]


def test_other_formats_are_new_photos_too(
    capsys: pytest.CaptureFixture[str], address: str, tmp_path: Path
) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        (tmp_path / f"photo.{kind.lower()}").write_bytes(photo(kind))
    given = ("--server", address, "--callers", "1", "--photos", tmp_path, *SHORT, "--json")
    report = json.loads(bench(capsys, *given)[0])
    assert report["load"]["photos"] == 3
    assert report["load"]["never_new"] == []
    assert report["rows"][0]["failed"] == {}
    (tmp_path / "a.jpg").write_bytes(b"GIF89a")
    assert "a.jpg is refused: The photo is a GIF" in bench(capsys, *given, code=1)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--server", "127.0.0.1:1"), 1, "No server can be reached at 127.0.0.1:1"),
        (("--server", "http://localhost:1"), 2, "host:port alone"),
        (("--server", "localhost", "--model", "scenes"), 2, "not both"),
        (("--model", "nowhere"), 1, "nowhere"),
        (("--pid", "1"), 2, "goes with --server"),
        (("--tls-key", "x"), 2, "goes with --server"),
        (("--server", "localhost", "--pid", "999999999"), 1, "no process 999999999"),
        (("--callers", "0"), 2, "whole numbers from 1 to 10000"),
        (("--rate", "fast"), 2, "numbers with commas"),
        (("--rate", "1", "--callers", "1"), 2, "not both"),
        (("--follow-ups", "2"), 2, "--follow-ups"),
        (("--photos", "nowhere"), 1, "nowhere: No such file"),
        (("--photos", "."), 1, "holds no photo"),
        (("--picture", "nowhere/x.svg"), 2, "nowhere is no folder"),
        (("--picture", "."), 2, "is a folder"),
        (("--seconds", "inf"), 2, "--seconds"),
        (("--warm-up", "inf"), 2, "--warm-up"),
        (("--timeout", "inf"), 2, "--timeout"),
        (("--server", "localhost", "--tls-key", "x"), 2, "go together"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    out, wrong = bench(capsys, *arguments, code=code)
    assert out == ""
    assert said in wrong
    if code == 1:
        assert wrong.startswith("asksight: ")
        assert wrong.count("\n") == 1
