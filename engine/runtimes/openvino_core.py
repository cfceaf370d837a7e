"""OpenVINO as we use it: it tells nobody of it, has one core a process, and works where no signal is delivered to.

OpenVINO's CPU plugin (2026.4) gives the thread that loads it a stack for signals, and unmaps that stack when the
plugin goes, in whichever thread that is. Had it been the main thread's, the next signal, SIGTERM say, would end the
process by SIGSEGV.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """Do `work` in a thread of its own; return what it returns, or raise what it raises."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller has to hear of it
            done.set_exception(error)

    Thread(target=run, name="asksight-openvino", daemon=True).start()  # daemon: Ctrl-C does not wait for it
    return done.result()


def library() -> Any:
    """The module `openvino`. Raises ImportError where it is missing."""
    # It tells Google Analytics of each conversion, from a forked process, unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@lru_cache(maxsize=1)
def core() -> Any:
    """The core, which stays for as long as the process does. Raises ImportError where OpenVINO is missing."""
    openvino = library()

    def loaded() -> Any:
        made = openvino.Core()
        made.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
        return made

    return apart(loaded)
