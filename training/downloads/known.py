"""What a bundle says of the published model it is made of: where it is from, and of those of the catalogue the rest."""

from __future__ import annotations

from asksight.engine.bundle import Card, Figure, Source

from ..importing.named import NOT_FOR
from . import models
from .published import Brought


def what_is_known(brought: Brought) -> tuple[Source, Card]:
    """Figures and the card's lines are told of the very commit that the catalogue names, of no other."""
    model = next(
        (
            one
            for one in models.MODELS
            if one.repository == brought.repository and brought.revision.startswith(one.commit)
        ),
        None,
    )
    figure = None
    if model is not None:
        stated = model.accuracy
        figure = Figure(
            value=stated.value,
            metric=f"{stated.metric}, %",
            conditions=f"{stated.conditions} ({stated.source})",
        )
    source = Source(
        repository=brought.repository,
        revision=brought.revision,
        licence=model.licence if model else brought.licence,
        sha256=brought.sha256,
        figure=figure,
    )
    return source, Card(trained_on=model.trained_on if model else (), not_for=NOT_FOR)
