"""Finds out which form a file of vectors has, from its beginning, and reads it."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ..errors import VectorError
from .binary import binary_rows
from .text import Rows, Wanted, dimension_of, text_rows

_LOOK = 1 << 16  # bytes that are enough for a header and a line of 4000 dimensions


@dataclass(frozen=True, kw_only=True)
class VectorFile:
    """A file of vectors: plain, .gz, or alone in a .zip."""

    path: Path
    form: str  # "glove", "word2vec text" (fastText's .vec is one) or "word2vec binary"
    dimension: int
    header: tuple[int, int] | None  # words and dimension

    def rows(self, wanted: Wanted) -> Rows:
        """Words and vectors [D] of the words wanted, in order. Raises VectorError where the file is broken."""
        name = str(self.path)
        with _opened(self.path) as file:
            if self.header is not None:
                file.readline()
            if self.header is not None and self.form == "word2vec binary":
                yield from binary_rows(file, name, header=self.header, wanted=wanted)
            else:
                yield from text_rows(file, name, header=self.header, wanted=wanted)


def examine(path: Path) -> VectorFile:
    """Look at a file's beginning. Raises VectorError where it is no file of vectors."""
    with _opened(path) as file:
        first, _, rest = file.read(_LOOK).partition(b"\n")
    header = _header(first)
    if header is None:
        return VectorFile(path=path, form="glove", dimension=_dimension(path, first), header=None)
    text = _is_text(rest.partition(b"\n")[0], header[1])
    form = "word2vec text" if text else "word2vec binary"
    return VectorFile(path=path, form=form, dimension=header[1], header=header)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as unpacked:
                yield cast(IO[bytes], unpacked)
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                if len(names := archive.namelist()) != 1:
                    raise VectorError(f"{path} holds {', '.join(names)}; unpack it and name one of them.")
                with archive.open(names[0]) as member:
                    yield member
        else:
            with path.open("rb") as file:
                yield file
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError) as error:
        raise VectorError(f"{path} cannot be unpacked: {error}.") from error
    except OSError as error:
        raise VectorError(f"{path} cannot be read: {error.strerror or error}.") from error


def _header(line: bytes) -> tuple[int, int] | None:
    pieces = line.split()
    if len(pieces) == 2 and all(piece.isdigit() for piece in pieces):
        return int(pieces[0]), int(pieces[1])
    return None


def _is_text(line: bytes, dimension: int) -> bool:
    numbers = line.rstrip(b" \r\n").rsplit(b" ", dimension)[1:]
    return len(numbers) == dimension and _are_numbers(numbers)


def _dimension(path: Path, line: bytes) -> int:
    dimension = dimension_of(line)
    if dimension < 2 or not _are_numbers(line.rstrip(b" \r\n").split(b" ")[1:]):
        raise VectorError(
            f"{path} is no file of word vectors: its first line is {line[:60]!r}. A word and its numbers a line are "
            "read (GloVe, word2vec, fastText's .vec), and word2vec's binary form."
        )
    return dimension


def _are_numbers(pieces: list[bytes]) -> bool:
    try:
        for piece in pieces:
            float(piece)
    except ValueError:
        return False
    return True
