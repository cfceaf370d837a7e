"""What SOURCE of `asksight import` may be: a folder, or a name on the Hugging Face hub, which is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from asksight.engine.bundle import Source
    from asksight.training.downloads.published import Telling


def found_source(source: str, *, quiet: bool) -> tuple[Path, str | None, Source | None]:
    """The folder; and of a model of the hub its name there, and where exactly it is from.

    Raises CheckpointError where it is neither, and DownloadError where the hub does not give it.
    """
    from asksight.engine.bundle import Source
    from asksight.training.downloads.hub import Hub, HubName
    from asksight.training.downloads.published import bring
    from asksight.training.importing.checkpoint import find_source

    name = None if Path(source).exists() else HubName.of(source)
    if name is None:
        return find_source(source), None, None
    with hub_telling(quiet) as telling:
        brought = bring(name, Hub.of_environment(), telling)
    from_where = Source(
        repository=brought.repository,
        revision=brought.revision,
        licence=brought.licence,
        sha256=brought.sha256,
    )
    return brought.folder, name.repository.rpartition("/")[2], from_where


@contextmanager
def hub_telling(quiet: bool) -> Iterator[Telling]:
    """Show on stderr what is fetched, how quickly, and how long it still takes."""
    from asksight.training.downloads.fetch import Fetching
    from asksight.training.downloads.published import Telling

    from .progress import Megabytes, progress_bar

    with ExitStack() as shown:
        bars: list[Megabytes] = []

        def begin(doing: str, total: int | None) -> None:
            if not bars:  # none is shown where nothing is fetched
                bars.append(Megabytes(shown.enter_context(progress_bar("MB", total=None, quiet=quiet))))
            bars[0].begin(doing, total)

        yield Telling(
            say=lambda line: typer.echo(line, err=True),
            begin=begin,
            how=Fetching(progress=lambda arrived: bars[0].count(arrived)),
        )
