"""Errors that repeat are one line a second with a count; others, and lines that are no errors, are left alone."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from importlib import import_module

import pytest

from asksight.server.running.log_writer import LogWriter
from asksight.server.running.repeated import MOST_KINDS, Repeated


class Lines:
    """A logger with the filter, a clock to turn, and what was written."""

    def __init__(self, name: str) -> None:
        self.now_s = 0.0
        self.out = io.StringIO()
        self.handler = logging.StreamHandler(self.out)
        self.handler.addFilter(Repeated(lambda: self.now_s))
        self.log = logging.getLogger(name)
        self.log.addHandler(self.handler)

    def take(self) -> list[str]:
        lines = self.out.getvalue().splitlines()
        self.out.seek(0)
        self.out.truncate()
        return lines


@pytest.fixture(params=["asyncio", "asksight.some"])
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    made = Lines(request.param)
    yield made
    made.log.removeHandler(made.handler)


def fail(log: logging.Logger, error: Exception, text: str = "It failed") -> None:
    try:
        raise error
    except type(error):
        log.exception(text)


def test_the_same_is_said_once_a_second_with_a_count(lines: Lines) -> None:
    for number in range(1000):
        lines.log.error("Nothing came of %d", number)
    assert lines.take() == ["Nothing came of 0"]
    lines.now_s = 1.0
    lines.log.error("Nothing came of %d", 7)
    assert lines.take() == ["Nothing came of 7 (999 more like it before)"]
    lines.now_s = 2.0
    lines.log.error("Nothing came of %d", 8)
    assert lines.take() == ["Nothing came of 8"]


def test_what_differs_is_said(lines: Lines) -> None:
    lines.log.error("One")
    lines.log.error("Two")
    lines.log.warning("One")
    fail(lines.log, ValueError("a"), "One")
    assert [line for line in lines.take() if line in ("One", "Two")] == ["One", "Two", "One", "One"]


def test_lines_that_are_no_errors_pass(lines: Lines) -> None:
    lines.log.setLevel(logging.INFO)
    for _ in range(3):
        lines.log.info("Ask OK")
    lines.log.setLevel(logging.NOTSET)
    assert lines.take() == ["Ask OK"] * 3


def test_sockets_are_told_of_without_a_traceback() -> None:
    lines = Lines("asyncio")
    for number in range(100):
        fail(
            lines.log,
            OSError(24, "Too many open files"),
            f"socket.accept() out of system resource\nsocket: {number}",
        )
    assert lines.take() == ["socket.accept() out of system resource: [Errno 24] Too many open files"]
    lines.log.removeHandler(lines.handler)


def test_a_caller_who_left_before_its_answer_is_told_of_without_a_traceback() -> None:
    lines = Lines("grpc._cython.cygrpc")
    for _ in range(100):
        error = vars(import_module("grpc._cython.cygrpc"))["ExecuteBatchError"](
            'Failed "execute_batch"'
        )  # which no stub names
        fail(lines.log, error, "ExecuteBatchError raised by [/Check]")
    assert lines.take() == ['ExecuteBatchError raised by [/Check]: Failed "execute_batch"']
    lines.log.removeHandler(lines.handler)


def test_an_error_of_ours_keeps_its_traceback_once() -> None:
    lines = Lines("asksight.other")
    for _ in range(100):
        fail(lines.log, OSError("it broke"))
    assert sum("Traceback" in line for line in lines.take()) == 1
    lines.log.removeHandler(lines.handler)


def test_kinds_without_end_are_not_remembered(lines: Lines) -> None:
    for number in range(3 * MOST_KINDS):
        lines.now_s += 0.1
        lines.log.error(f"Kind {number}")
    repeated = lines.handler.filters[0]
    assert isinstance(repeated, Repeated)
    assert repeated.kinds <= MOST_KINDS
    assert len(lines.take()) == 3 * MOST_KINDS


def test_the_log_writes_the_first_of_many_and_how_many_there_were() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    writer.setFormatter(logging.Formatter("%(message)s"))
    now_s = 0.0
    writer.addFilter(Repeated(lambda: now_s))
    for _ in range(100):
        writer.handle(logging.makeLogRecord({"name": "a", "levelno": logging.ERROR, "msg": "no room"}))
    writer.close()
    os.close(writing)
    with os.fdopen(reading) as heard:
        assert heard.read() == "no room\n"
