"""A supervisor that is told to stop before its processes serve."""

from __future__ import annotations

import logging
import os
import signal
import subprocess

import pytest

from asksight.server.running import supervisor
from asksight.server.running.metrics_folder import VARIABLE
from asksight.server.running.settings import Settings


def test_a_process_that_ends_before_it_serves_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    started: list[subprocess.Popen[bytes]] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def start(_: Settings) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "60"]))
        if len(started) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return started[-1]

    monkeypatch.setenv(VARIABLE, "")  # it is set to a folder that is gone afterwards
    monkeypatch.setattr(supervisor, "_start", start)
    monkeypatch.setattr(supervisor, "set_up_logs", lambda *_, **__: None)
    try:
        with caplog.at_level(logging.INFO):
            supervisor.supervise(Settings(port=0, processes=2), said.append)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert [one.poll() for one in started] == [-signal.SIGTERM] * 2
    assert [record.getMessage() for record in caplog.records] == ["Stopping 2 processes"]
    assert said == []
