"""A progress bar with a rate and the time left, on standard error, so that output can be piped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


_MEGABYTE = 1_000_000


class Bar:
    """One bar; call it with how many more are done."""

    def __init__(self, shown: Progress, task: TaskID) -> None:
        self._shown = shown
        self._task = task

    def __call__(self, count: int = 1) -> None:
        self._shown.advance(self._task, count)
        self._show_rate()

    def at(self, unit: str, done: int, total: int) -> None:
        """Say how many of what are done; another `unit` than before begins anew."""
        if unit != self._shown.tasks[0].description:
            self._shown.reset(self._task, description=unit, rate="", note="")
        self._shown.update(self._task, completed=done, total=total)
        self._show_rate()

    def _show_rate(self) -> None:
        task = self._shown.tasks[0]
        speed = task.finished_speed or task.speed
        if speed:
            self._shown.update(self._task, rate=f", {speed:,.0f}/s")

    def total(self, count: int) -> None:
        """Say how many there are, where that was not known at the start."""
        self._shown.update(self._task, total=count)

    def note(self, text: str) -> None:
        """Show a few words behind the bar, as in "loss 0.123"."""
        self._shown.update(self._task, note=text)

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self._shown.console.print(line, markup=False, highlight=False, soft_wrap=True)


class Megabytes:
    """Bytes as they come, shown as the megabytes of one download after the other."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._bytes, self._shown = bar, 0, 0

    def begin(self, doing: str, total: int | None) -> None:
        self._bar(-self._shown)
        self._bytes = self._shown = 0
        self._bar.note(doing)
        if total is not None:
            self._bar.total(-(-total // _MEGABYTE))

    def count(self, arrived: int) -> None:
        self._bytes += arrived
        now = self._bytes // _MEGABYTE
        if now != self._shown:
            self._bar(now - self._shown)
            self._shown = now


@contextmanager
def progress_bar(unit: str, *, total: int | None, quiet: bool = False) -> Iterator[Bar]:
    """Show that `total` of something (None: not known yet) are being done; `unit` is its plural.

    Where standard error is no terminal, the bar is written once, at the end; with `quiet`, never. A bar of nothing
    done is not left behind, neither under an error nor where there was nothing to do.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as shown:
        bar = shown.add_task(unit, total=total, rate="", note="")
        try:
            yield Bar(shown, bar)
        except BaseException:
            shown.update(bar, visible=bool(shown.tasks[0].completed))
            raise
        shown.update(bar, visible=bool(shown.tasks[0].completed or shown.tasks[0].total))
