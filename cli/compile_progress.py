"""What `asksight compile` does now, on standard error: on a terminal a moving line with seconds, else plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from asksight.engine.plans.progress import Progress


def compile_progress(console: Console | None = None) -> Progress:
    """One line for each step that is done; on a terminal also the step that is under way, gone when it is done."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    from asksight.engine.plans.progress import Progress

    told = console or Console(stderr=True, highlight=False)

    def say(line: str) -> None:
        told.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def shown(what: str) -> Iterator[None]:
        text = TextColumn("{task.description}", markup=False)
        with Bars(SpinnerColumn(), text, TimeElapsedColumn(), console=told, transient=True) as bars:
            bars.add_task(f"{what} …", total=None)
            yield

    return Progress(say, shown=shown) if told.is_terminal else Progress(say)
