"""Pieces of words to text, as BERT's decoder joins them and Hugging Face's `transformers` cleans it up."""

from __future__ import annotations

from collections.abc import Iterable

INNER = "##"  # stands before a piece that does not begin a word
# Replaced one after another, in this order, in the whole text: clean_up_tokenization of `transformers`.
CLEANED = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def join_pieces(pieces: Iterable[str]) -> str:
    """The text of pieces: a blank between words, none within one nor before most punctuation."""
    text = ""
    for number, piece in enumerate(pieces):
        if number:
            piece = piece.removeprefix(INNER) if piece.startswith(INNER) else f" {piece}"
        text += piece
    for found, becomes in CLEANED:
        text = text.replace(found, becomes)
    return text
