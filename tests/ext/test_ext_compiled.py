"""What only the compiled code promises: other threads run meanwhile, and its absence is loud."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from asksight.ext import WordTable, measure_photo


@pytest.fixture
def no_switching() -> Iterator[None]:
    """Threads change places only where one gives up the GIL by itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(interval)


def lets_others_run(work: Callable[[], object]) -> bool:
    """Has another thread run before `work`, which is called up to 200 times, has ended?"""
    start, ran = threading.Lock(), []
    start.acquire()

    def other() -> None:
        with start:
            ran.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    start.release()  # `other` may run from here on, as soon as it gets the GIL
    for _ in range(200):
        if ran:
            break
        work()
    result = bool(ran)
    thread.join()
    return result


@pytest.mark.usefixtures("no_switching")
def test_other_threads_run_while_vectors_are_gathered() -> None:
    table = WordTable(["a", "<unknown 0>"], np.ones((2, 300), np.float16))
    questions = ["a b " * 15] * 500
    assert not lets_others_run(lambda: sum(range(10_000)))
    assert lets_others_run(lambda: table.vectors(questions))


@pytest.mark.usefixtures("no_switching")
def test_other_threads_run_while_rows_are_found() -> None:
    table = WordTable(["a", "<unknown 0>"], np.ones((2, 1), np.float16))
    questions = ["isn't it the left-most bus? " * 20] * 500
    assert lets_others_run(lambda: table.rows(questions))


@pytest.mark.usefixtures("no_switching")
def test_other_threads_run_while_a_photo_is_measured() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8)
    assert lets_others_run(lambda: measure_photo(grey))


@pytest.mark.parametrize("name", ["_words", "_photo"])
def test_a_missing_extension_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delitem(sys.modules, "asksight.ext")
    monkeypatch.setitem(sys.modules, f"asksight.ext.{name}", None)
    with pytest.raises(ImportError, match=r"was not built for this Python; install asksight again"):
        importlib.import_module("asksight.ext")
