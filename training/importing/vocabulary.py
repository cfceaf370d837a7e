"""The vocabulary of a published model: which piece each row of its word embeddings stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from .checkpoint import read_json

FIRST, LAST, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"  # BERT's


@dataclass(frozen=True)
class Vocabulary:
    """Pieces by row, and whether text is lower-cased before it is cut into them."""

    path: Path
    pieces: tuple[str, ...]
    lower: bool

    def row(self, piece: str) -> int:
        """Raises CheckpointError where it is not there."""
        if piece not in self.pieces:
            raise CheckpointError(
                f"{self.path} has no piece {piece!r}. Is it the vocabulary of a BERT tokenizer?"
            )
        return self.pieces.index(piece)

    def sized(self, rows: int, names: Mapping[int, str]) -> Vocabulary:
        """With a piece for each of `rows` rows: those that the file lacks at its end get `names`, or a number.

        Raises CheckpointError where the file has more than that, or a name is taken.
        """
        if len(self.pieces) > rows:
            raise CheckpointError(
                f"{self.path} has {len(self.pieces)} pieces; by config.json (vocab_size) the model knows {rows}. "
                "One of the two files is of another model."
            )
        added = tuple(names.get(row, f"[row {row}]") for row in range(len(self.pieces), rows))
        pieces = (*self.pieces, *added)
        if len(set(pieces)) != len(pieces):
            twice = next(piece for piece in pieces if pieces.count(piece) > 1)
            raise CheckpointError(f"{self.path} has the piece {twice!r} twice; each may be there once.")
        return Vocabulary(self.path, pieces, self.lower)


def read_vocabulary(folder: Path) -> Vocabulary:
    """vocab.txt, or the table in tokenizer.json. Raises CheckpointError."""
    settings = folder / "tokenizer_config.json"
    lower = read_json(settings).get("do_lower_case", True) if settings.exists() else True
    path = folder / "vocab.txt"
    if path.exists():
        try:
            lines = path.read_bytes().decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{path} is not UTF-8: {error}.") from error
        pieces = [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
    elif (path := folder / "tokenizer.json").exists():
        pieces, lower = _of_tokenizer(path, read_json(path))
    else:
        raise CheckpointError(
            f"{folder} has neither vocab.txt nor tokenizer.json: the vocabulary is missing."
        )
    if not pieces or not all(pieces):
        raise CheckpointError(f"{path} has an empty line; it must have a piece on each.")
    return Vocabulary(path, tuple(pieces), bool(lower))


def _of_tokenizer(path: Path, content: dict[str, Any]) -> tuple[list[str], bool]:
    model, normaliser = content.get("model"), content.get("normalizer")
    table = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(model, dict) or model.get("type") != "WordPiece" or not isinstance(table, dict):
        raise CheckpointError(f"{path} holds no WordPiece vocabulary, which BERT's questions are cut by.")
    added = [one for one in content.get("added_tokens") or [] if isinstance(one, dict)]
    pairs = [*table.items(), *((one.get("content"), one.get("id")) for one in added)]
    rows = {row: piece for piece, row in pairs if isinstance(piece, str) and type(row) is int}
    if set(rows) != set(range(len(rows))) or len(rows) < len(set(map(str, pairs))):
        raise CheckpointError(f"{path} does not number its pieces 0, 1, 2 ... without gaps.")
    lower = normaliser.get("lowercase", True) if isinstance(normaliser, dict) else True
    return [rows[row] for row in range(len(rows))], bool(lower)
