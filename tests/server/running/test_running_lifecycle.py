"""A real `asksight serve`: stopped, swapped and killed while callers ask; nothing that was accepted is lost."""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from pathlib import Path

import grpc
import pytest
from bundles import write_random_bundle
from grpc_health.v1 import health_pb2
from photo_files import photo
from server_rig import health_stub
from serving_process import WAIT_S, Callers, ended_well, serving, until

from asksight.client import Client, UnavailableError, connect

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


HANDLED = "grpc_server_handled_total"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_random_bundle(tmp_path / "random").path


def test_a_stop_loses_nothing_that_was_accepted(model: Path) -> None:
    with serving("--model", model, "--drain-grace", "0") as (process, address, log):
        callers = Callers(address)
        until(lambda: callers.answered > 50)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        callers.stop(server_ended=True)
    others = [repr(failure) for failure in callers.failures if not isinstance(failure, UnavailableError)]
    assert others == []  # those who came later found nobody there
    assert ended_well(log) == (callers.answered, 0)  # whatever came in was answered, and the answer arrived


# The sleep stands for a swap that outlasts the stop; the process ends without waiting for it.
ENDLESS_RELOAD = """
import sys, time
from asksight.server.running.bundles import Bundles
Bundles.reload = lambda self, names=None: print("reading", file=sys.stderr, flush=True) or time.sleep(600)
from asksight.cli.main import main
sys.exit(main())
"""


def test_a_stop_does_not_wait_for_a_swap_nor_take_python_down_around_it(model: Path) -> None:
    command = [sys.executable, "-c", ENDLESS_RELOAD, "serve"]
    with serving("--model", model, "--drain-grace", "0", command=command) as (process, address, log):
        process.send_signal(signal.SIGHUP)
        until(lambda: "reading" in log.read_text())
        with connect(address) as client:
            assert client.ask(photo(), "what?").answers
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        said = log.read_text()
    assert "Stopped without waiting for what is inside an engine: asksight-reload" in said


def test_during_the_grace_health_says_no_and_asks_are_answered(model: Path) -> None:
    with (
        serving("--model", model, "--drain-grace", "600") as (process, address, _),
        grpc.insecure_channel(address) as channel,
        connect(address) as client,
    ):
        watch = health_stub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(signal.SIGTERM)
        assert next(watch).status == NOT_SERVING
        assert client.ask(photo(), "what?").answers
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == -signal.SIGTERM  # the second ends it at once


def test_swaps_under_load_fail_no_ask_and_a_bad_bundle_is_refused(model: Path) -> None:
    with serving("--model", model, "--no-watch") as (process, address, log):
        callers = Callers(address)
        until(lambda: callers.answered > 10)
        for version in ("2", "3", "4"):
            write_random_bundle(model, version=version, seed=int(version))
            process.send_signal(signal.SIGHUP)
            until(lambda name=f"random {version}": callers.answers.get(name, 0) > 10)  # type: ignore[misc]
        (model / "answerer.onnx").write_bytes(b"broken")
        process.send_signal(signal.SIGHUP)
        until(lambda: "is refused, the old one goes on" in log.read_text())
        before = callers.answered
        until(lambda: callers.answered > before + 20)
        callers.stop()
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0
    assert callers.failures == []
    assert set(callers.answers) == {"random 1", "random 2", "random 3", "random 4"}


LOOKS_OFTEN = """
import sys
from asksight.server.running import bundles
bundles.LOOK_EVERY_S = 0.1
from asksight.cli.main import main
sys.exit(main())
"""


def test_a_bundle_that_changes_on_disk_is_swapped_by_itself(model: Path) -> None:
    command = [sys.executable, "-c", LOOKS_OFTEN, "serve"]
    with (
        serving("--model", f"mine={model}", "--watch", command=command) as (_, address, _),
        connect(address, model="mine") as client,
    ):
        assert client.ask(photo(), "what?").model == "random 1"
        write_random_bundle(model, version="2")
        until(lambda: client.ask(photo(), "what?").model == "random 2")


def test_a_killed_process_is_hidden_by_the_clients_retry_and_restarted(model: Path) -> None:
    with serving("--model", model, "--processes", "2", "--drain-grace", "0") as (process, address, log):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(WAIT_S)
        until(lambda: log.read_text().count("Serving ") == 2)
        callers = Callers(address, callers=2)  # more of them leave the newcomers little of two cores
        until(lambda: callers.answered > 50)
        for number in range(2):
            os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
            until(lambda wanted=3 + number: log.read_text().count("Serving ") == wanted)  # type: ignore[misc]
        before = callers.answered
        until(lambda: callers.answered > before + 50)
        callers.stop()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert callers.failures == []


def test_several_processes_count_together_and_none_outlives_a_supervisor_that_was_killed(model: Path) -> None:
    asked = 12
    command = ("--model", model, "--processes", "2", "--drain-grace", "0", "--metrics", "0")
    with serving(*command) as (process, address, _):
        assert process.stdout is not None
        where = process.stdout.readline().split(" at ")[1].strip().rstrip(".")

        def read(path: str) -> str:
            with urllib.request.urlopen(where.replace("/metrics", path), timeout=WAIT_S) as response:
                return str(response.read().decode())

        for _ in range(asked):
            with connect(address, timeout=WAIT_S) as client:  # a connection each: the kernel deals them out
                until(lambda client=client: _answers(client))  # type: ignore[misc]

        def answered() -> float:
            lines = [line for line in read("/metrics").splitlines() if 'code="OK"' in line]
            return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(HANDLED))

        until(lambda: answered() >= asked)  # a process hands over what it has counted now and then
        assert answered() == asked
        text = read("/metrics")
        assert "asksight_cache_photos" in text
        assert read("/livez") == read("/readyz") == "ok\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2
        process.kill()
        process.wait()
        until(lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in children))


def _answers(client: Client) -> bool:
    try:
        return bool(client.ask(photo(), "what?").answers)
    except UnavailableError:  # the processes are still warming up
        return False
