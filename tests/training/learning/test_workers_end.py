"""Of several processes that train together none waits for one that has gone, and the chief keeps the run."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stored_runs import write_data
from worker_processes import environments

ENDS_S = 60  # for the others of one that has gone; the docs say 20, on machines that do nothing else


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_data(tmp_path_factory.mktemp("workers"))


def command(made: tuple[Path, Path], out: Path, *more: str) -> list[str | Path]:
    """Trains until it is stopped."""
    data, store = made
    sizes = ("--units", "24", "--dimension", "10", "--batch", "8", "--epochs", "100000", "--patience", "0")
    return [
        "asksight",
        "train",
        "--arch",
        "mlp",
        "--data",
        data,
        "--features",
        store,
        "--out",
        out,
        *sizes,
        *more,
    ]


@contextmanager
def both(made: tuple[Path, Path], folder: Path) -> Iterator[tuple[list[subprocess.Popen[str]], str]]:
    """Two workers that have learned for two epochs, and what the second has said until then."""
    workers = [
        subprocess.Popen(
            list(map(str, command(made, folder / out))),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for out, environment in zip(("run", "nothing"), environments(), strict=True)
    ]
    try:
        stream, said = workers[1].stdout, ""
        assert stream is not None
        while said.count("val loss") < 2 and (line := stream.readline()):
            said += line
        assert said.count("val loss") == 2, said
        yield workers, said
    finally:
        for one in workers:
            one.kill()
            one.communicate()


def test_one_that_is_stopped_or_dies_ends_the_others_and_the_chief_keeps_the_run(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    """Ctrl-C at one loses no step; kill -9 loses those since the last save; the same command goes on after both."""
    with both(made, tmp_path) as (workers, _):
        workers[1].send_signal(signal.SIGINT)
        for one in workers:
            said, _ = one.communicate(timeout=ENDS_S)
            assert (one.returncode, "Traceback" in said) == (130, False), said
    with both(made, tmp_path) as (workers, said):
        assert int(said.split("resumed at step ")[1].split()[0]) > 72  # two epochs
        workers[1].kill()
        told, _ = workers[0].communicate(timeout=ENDS_S)
    assert workers[0].returncode == 1
    assert "This is worker 0 (127.0.0.1:" in told
    assert "another has gone: one of worker 1 (127.0.0.1:" in told
    assert "give the same command on all again" in told
    assert "Traceback" not in told
    kept = json.loads((tmp_path / "run" / "history.json").read_text())
    assert len(kept) >= 4
    assert (tmp_path / "run" / "state.synced").exists()
    assert not (tmp_path / "nothing").exists()


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [0, 1])
def test_one_that_says_nothing_any_more_ends_the_others(
    made: tuple[Path, Path], tmp_path: Path, frozen: int
) -> None:
    """As where a machine loses power, or its network."""
    with both(made, tmp_path) as (workers, _):
        workers[frozen].send_signal(signal.SIGSTOP)
        said, _ = workers[1 - frozen].communicate(timeout=ENDS_S)
    assert workers[1 - frozen].returncode == 1
    assert "another has gone" in said
