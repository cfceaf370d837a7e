"""Question text to token rows to padded word vectors; pixels of a photo to what tells its flaws."""

from .decoding import join_pieces
from .photo_twin import SURFACE_PX, PhotoMeasures
from .reading import Reading
from .rules import Rules, dump_rules, english, parse_rules, read_rules
from .text import Splitter
from .twin import PyWordTable
from .wordpiece import PyWordPieceTable

try:
    from ._photo import measure_photo, shrink_arrow_to_grey, shrink_grey, shrink_to_grey, unevenness
    from ._words import VectorTable, WordPieceTable, WordTable
except ImportError as error:  # no fallback: the twins would serve, but up to hundreds of times slower
    raise ImportError(
        "asksight.ext, the compiled tokenizer and photo measures, was not built for this Python; "
        "install asksight again with a C compiler at hand: pip install --force-reinstall asksight"
    ) from error

__all__ = [
    "SURFACE_PX",
    "PhotoMeasures",
    "PyWordPieceTable",
    "PyWordTable",
    "Reading",
    "Rules",
    "Splitter",
    "VectorTable",
    "WordPieceTable",
    "WordTable",
    "dump_rules",
    "english",
    "join_pieces",
    "measure_photo",
    "parse_rules",
    "read_rules",
    "shrink_arrow_to_grey",
    "shrink_grey",
    "shrink_to_grey",
    "unevenness",
]
