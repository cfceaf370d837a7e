"""BLIP that answers questions (BlipForQuestionAnswering) as a bundle whose answers are spelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asksight.engine import Bundle, Calibration
from asksight.engine.bundle import Spelling, WordPieces

from ..errors import CheckpointError
from .blip_answerer import EMBEDDINGS, blip_answerer, may_be_left
from .blip_encoder import blip_encoder, vision_sizes
from .blip_text import TextSizes, text_sizes
from .checkpoint import Checkpoint
from .images import stretched
from .named import UNNAMED, Named
from .settings import Settings, check_architecture
from .vocabulary import FIRST, LAST, UNKNOWN, Vocabulary, read_vocabulary
from .written import Halves, written

ENC = "[ENC]"  # goes before a question in the code that BLIP was published with
STRIPPED = '.!"()*#:;~'  # which that code removes from questions
MEAN, STD = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)  # of the library, CLIP's
LONGEST_QUESTION = 64  # pieces, unless told otherwise

# Each costs time. With 5 answers, a question alone took 168 ms at 4 pieces, 237 ms at 6 and 303 ms at 8 (BLIP-VQA of
# real size, ONNX Runtime, two cores). A common word and the answer's end are two pieces.
BEAMS, PIECES = 5, 6


def import_blip(
    folder: Path,
    out: Path,
    *,
    named: Named = UNNAMED,
    beams: int = BEAMS,
    pieces: int = PIECES,
    max_tokens: int | None = None,
    original: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Write the published model in `folder` as a bundle in the folder `out`.

    Of the `beams` likeliest first pieces of an answer each is continued greedily up to `pieces` pieces, its end among
    them. Questions are cut as by the tokenizer that is published with the model; `original` is how the code of BLIP's
    authors does it: [ENC] first, and some marks removed. `say` is told what is being done.
    Raises CheckpointError naming what does not fit, and BundleError; then `out` is as it was.
    """
    config = Settings.of(folder / "config.json")
    check_architecture(config, "blip", "BlipForQuestionAnswering")
    vision, text = vision_sizes(config), text_sizes(config)
    pictures = stretched(Settings.of(folder / "preprocessor_config.json"), vision.side, mean=MEAN, std=STD)
    vocabulary = _vocabulary(folder, text)
    longest = _limits(text, beams, pieces, max_tokens)
    weights = Checkpoint(folder)
    say("Writing the graphs")
    encoder = blip_encoder(weights, vision, pictures)
    answerer = blip_answerer(weights, text, rows=vision.rows, seen=vision.width, beams=beams, pieces=pieces)
    vectors = weights.take(EMBEDDINGS, (text.words, text.width))
    weights.check_all_taken(may_be_left)
    return written(
        out,
        Halves(encoder, answerer, vectors),
        say,
        words=vocabulary.pieces,
        **named.of(folder),
        architecture="blip",
        preprocessing=pictures.preprocessing,
        lower=vocabulary.lower,
        max_tokens=longest,
        pieces=WordPieces(
            first=vocabulary.row(ENC if original else FIRST),
            last=vocabulary.row(LAST),
            unknown=vocabulary.row(UNKNOWN),
            strip=STRIPPED if original else "",
        ),
        spelling=Spelling(beams=beams, pieces=pieces, stop=text.stop),
        calibration=Calibration(scores="sequence", calibrated=False),
    )


def _vocabulary(folder: Path, text: TextSizes) -> Vocabulary:
    """BLIP's last two rows have no line in vocab.txt."""
    found = read_vocabulary(folder).sized(text.words, {text.begin: "[DEC]", text.begin + 1: ENC})
    if found.pieces[text.stop] != LAST:
        raise CheckpointError(
            f"{found.path} has {found.pieces[text.stop]!r} in row {text.stop}, where by config.json (sep_token_id) "
            f"{LAST!r} must be. One of the two files is of another model."
        )
    return found


def _limits(text: TextSizes, beams: int, pieces: int, max_tokens: int | None) -> int:
    """The longest question. Raises CheckpointError where a limit is beyond the model."""
    longest = min(LONGEST_QUESTION, text.places) if max_tokens is None else max_tokens
    for what, value, least, most in (
        ("beams", beams, 1, min(text.words, 64)),
        ("pieces", pieces, 1, min(text.places, 64)),
        ("max_tokens", longest, 3, text.places),
    ):
        if not least <= value <= most:
            raise CheckpointError(f"{what} is {value}; with this model it may be {least} to {most}.")
    return longest
