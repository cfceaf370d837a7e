"""What a person should know of a model before trusting it: a plain English sentence each. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from .familiar import least_side
from .load import Bundle
from .manifest import ENCODER, Familiar, Source

CALIBRATED = "Its certainty was held against questions whose answers are known."
UNCALIBRATED = "Nobody has measured how often it is right, so it is never certain of an answer."

NOTHING_KNOWN = "It cannot tell whether a photo or a question is unlike those that it has learned about."


def about(bundle: Bundle) -> tuple[str, ...]:
    """Whether its certainty was measured, and then what the bundle says of its source and its card."""
    return tuple(_sentences(bundle))


def _sentences(bundle: Bundle) -> Iterator[str]:
    yield CALIBRATED if bundle.calibration.calibrated else UNCALIBRATED
    yield NOTHING_KNOWN if bundle.familiar is None else _known(bundle.familiar)
    if bundle.source is not None:
        yield from _published(bundle.source)
    card = bundle.card
    for said, lines in (
        ("It was trained on", card.trained_on),
        ("Known figures:", card.figures),
        ("It is not for", card.not_for),
    ):
        if lines:
            yield f"{said} {'; '.join(line.rstrip(' .') for line in lines)}."


def _known(familiar: Familiar) -> str:
    like = "" if familiar.photo_threshold is None else f" like {familiar.photos:,} known ones"
    least_px = least_side(familiar)
    sized = "" if least_px is None else f", of {least_px:,} px or more,"
    photos = f"photos{like}{sized} and " if like or sized else ""
    return (
        f"It knows {photos}the {familiar.words:,} words of {familiar.questions:,} questions; "
        f"of what is unlike them it is never certain."
    )


def _published(source: Source) -> Iterator[str]:
    revision = f", revision {source.revision}" if source.revision else ""
    licence = f", under the licence {source.licence}" if source.licence else ""
    what = "Its photo half" if source.part == ENCODER else "It"
    yield f"{what} was published as {source.repository}{revision}{licence}."
    if (figure := source.figure) is not None:
        yield f"Its makers state {figure.metric}: {figure.value:g} ({figure.conditions})."
