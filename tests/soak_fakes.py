"""What the soak scripts share: assistants on fake engines that take a set time a row, and a server of one."""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bundles import write_random_bundle
from numpy.typing import NDArray
from photo_files import photo

from asksight.engine import Arrays, FakeEngine
from asksight.engine.memory import return_freed_memory
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.server.observer import Observer
from asksight.server.running.serving import SWITCH_EVERY_S
from asksight.server.wire.server import Server


def fake_assistant(
    *, row_s: float, answer_s: float = 0, limits: Limits | None = None, observer: Observer | None = None
) -> LocalAssistant:
    """An assistant whose encoder takes `row_s` a photo, its answerer `answer_s` a batch; neither computes anything."""
    bundle = write_random_bundle(Path(tempfile.mkdtemp()) / "random")

    def encode(arrays: Arrays) -> dict[str, NDArray[Any]]:
        rows = len(arrays["image"])
        if row_s:
            time.sleep(row_s * rows)
        return {"features": np.ones((rows, 16), np.float32)}

    def answer(arrays: Arrays) -> dict[str, NDArray[Any]]:
        if answer_s:
            time.sleep(answer_s)
        return {"logits": np.ones((len(arrays["lengths"]), 10), np.float32)}

    engines = []
    for path, function in ((bundle.encoder_path, encode), (bundle.answerer_path, answer)):
        real = OnnxRuntimeEngine(path, max_batch=32, threads=1)
        engines.append(FakeEngine(real.spec, function))
        real.close()
    return LocalAssistant.of(
        bundle, encoder=engines[0], answerer=engines[1], limits=limits, observer=observer
    )


def new_photo(number: int) -> bytes:
    """A photo that no other number has: the same few pictures, with bytes behind their end that nobody reads."""
    return _picture(number % 7) + number.to_bytes(8, "big")


@cache  # making one costs more than asking about it
def _picture(seed: int) -> bytes:
    return photo(seed=seed)


@contextmanager
def server_process(row_s: float) -> Iterator[tuple[int, int]]:
    """Serve a fake assistant in a process of its own; gives its port and its process id."""
    command = [sys.executable, __file__, "--row-s", str(row_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def rss_mb(pid: int | str = "self") -> float:
    """Resident memory, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def percentile(values: list[float], percent: float) -> float:
    """As numpy has it; 0 of nothing."""
    return float(np.percentile(values, percent)) if values else 0.0


_broken: list[str] = []


def promise(name: str, kept: bool, said: str) -> None:
    """Print a figure, and whether it breaks the promise."""
    print(f"{name}: {said}" + ("" if kept else "   BROKEN"), flush=True)  # noqa: T201
    if not kept:
        _broken.append(name)


def end() -> None:
    """End with 1 where a promise was broken."""
    sys.exit(bool(_broken))


class TimeLeft:
    """Says on standard error how far a long run is and when it will be over, every ten seconds."""

    EVERY_S = 10.0

    def __init__(self, name: str, total: float) -> None:
        self._name, self._total = name, total
        self._began_s = self._said_s = time.monotonic()

    def at(self, done: float, more: str = "") -> None:
        """So much of the whole is done."""
        now_s = time.monotonic()
        if now_s - self._said_s < self.EVERY_S or not done:
            return
        self._said_s = now_s
        left_s = (now_s - self._began_s) * (self._total / done - 1)
        print(  # noqa: T201
            f"  {self._name}: {done:.0f} of {self._total:.0f}, {left_s:.0f} s to go {more}",
            file=sys.stderr,
            flush=True,
        )


def short_form() -> bool:
    """Whether the command line says --short."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    return bool(parser.parse_args().short)


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_EVERY_S)  # as `asksight serve` does
    return_freed_memory()  # likewise
    parser = argparse.ArgumentParser()
    parser.add_argument("--row-s", type=float, required=True)
    limits = Limits(cache_bytes=200_000)  # soon full: what grows after that is no photo that is kept
    with (
        fake_assistant(row_s=parser.parse_args().row_s, limits=limits) as local,
        Server(local, port=0) as server,
    ):
        gc.freeze()  # likewise
        print(server.port, flush=True)  # noqa: T201
        threading.Event().wait()
