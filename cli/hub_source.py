"""What SOURCE of `asksight import` may be: a folder, or a name on the Hugging Face hub, which is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from asksight.training.downloads.published import Telling
    from asksight.training.importing.named import Named


def found_source(source: str, *, name: str | None, version: str, quiet: bool) -> tuple[Path, Named]:
    """The folder; and what the model is called, and of one of the hub where exactly it is from.

    Raises CheckpointError where it is neither, and DownloadError where the hub does not give it.
    """
    from asksight.training.downloads.hub import Hub, HubName
    from asksight.training.downloads.known import what_is_known
    from asksight.training.downloads.published import bring
    from asksight.training.importing.checkpoint import find_source
    from asksight.training.importing.named import Named

    on_hub = None if Path(source).exists() else HubName.of(source)
    if on_hub is None:
        return find_source(source), Named(name=name, version=version)
    with hub_telling(quiet) as telling:
        brought = bring(on_hub, Hub.of_environment(), telling)
    from_where, card = what_is_known(brought)
    name = name or on_hub.repository.rpartition("/")[2]
    return brought.folder, Named(name=name, version=version, source=from_where, card=card)


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
