"""ViLT that answers questions (ViltForQuestionAnswering) as a bundle whose answers are listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asksight.engine import Bundle, Calibration
from asksight.engine.bundle import WordPieces

from ..errors import CheckpointError
from .checkpoint import Checkpoint
from .images import shortest
from .named import UNNAMED, Named
from .settings import Settings, check_architecture
from .vilt_answerer import WORDS, may_be_left, vilt_answerer
from .vilt_encoder import most_patches, sizes, vilt_encoder
from .vocabulary import FIRST, LAST, UNKNOWN, read_vocabulary
from .written import Halves, written

HALF = (0.5, 0.5, 0.5)  # mean and deviation of each colour, the library's


def import_vilt(
    folder: Path,
    out: Path,
    *,
    named: Named = UNNAMED,
    max_tokens: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Write the published model in `folder` as a bundle in the folder `out`. `say` is told what is being done.

    Raises CheckpointError naming what does not fit, and BundleError; then `out` is as it was.
    """
    config = Settings.of(folder / "config.json")
    check_architecture(config, "vilt", "ViltForQuestionAnswering")
    found = sizes(config)
    answers = _answers(config)
    pictures = shortest(Settings.of(folder / "preprocessor_config.json"), found.patch, mean=HALF, std=HALF)
    vocabulary = read_vocabulary(folder).sized(found.words, {})
    longest = found.places if max_tokens is None else max_tokens
    if not 3 <= longest <= found.places:
        raise CheckpointError(f"max_tokens is {longest}; with this model it may be 3 to {found.places}.")
    weights = Checkpoint(folder)
    say("Writing the graphs")
    encoder = vilt_encoder(weights, found, pictures)
    rows = most_patches(pictures, found.patch)
    answerer = vilt_answerer(weights, found, rows=rows, answers=len(answers))
    vectors = weights.take(WORDS, (found.words, found.width))
    weights.check_all_taken(may_be_left)
    return written(
        out,
        Halves(encoder, answerer, vectors),
        say,
        words=vocabulary.pieces,
        answers=answers,
        **named.of(folder),
        architecture="vilt",
        preprocessing=pictures.preprocessing,
        lower=vocabulary.lower,
        max_tokens=longest,
        pieces=WordPieces(
            first=vocabulary.row(FIRST), last=vocabulary.row(LAST), unknown=vocabulary.row(UNKNOWN)
        ),
        calibration=Calibration(scores="sigmoid", calibrated=False),
    )


def _answers(config: Settings) -> list[str]:
    """The labels by row. Raises CheckpointError unless they are numbered and each is there once."""
    labels = config.part("id2label").values
    rows = [str(row) for row in range(len(labels))]
    if not labels or set(labels) != set(rows):
        raise config.wrong("id2label", 'an answer for each of "0", "1", "2" ..., without gaps')
    answers = [labels[row] for row in rows]
    if not all(isinstance(one, str) and one.strip() for one in answers) or len(set(answers)) != len(answers):
        raise config.wrong("id2label", "answers that are text, none empty and none twice")
    return answers
