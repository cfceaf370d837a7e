"""`asksight tokens`: how a bundle's model reads questions, a line of JSON for each line of standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from .idle import refuse_idle
from .output import to_json

if TYPE_CHECKING:
    from asksight.ext import WordPieceTable, WordTable

BLOCK = 1 << 16  # bytes read at a time, where there are so many


def tokens(
    context: typer.Context,
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="A folder, or scenes, the built-in bundle.")
    ] = "scenes",
    rows: Annotated[
        bool, typer.Option("--rows", help="Show rows of the word table instead of tokens.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="An object a line: question, tokens, rows, known, cut.")
    ] = False,
) -> None:
    """Show the tokens of questions, one a line on standard input, as a JSON list a line.

    They are spaCy's, as they stand in the question, or pieces of a BERT vocabulary. Rows are cut where the model stops
    reading, tokens are not.
    """
    from asksight.engine import load_bundle
    from asksight.ext.opening import open_words

    if json:
        refuse_idle(context, "with --json, which has both", "rows")
    table = open_words(load_bundle(model).word_table)
    show = show_all if json else show_rows if rows else show_tokens
    write_lines(sys.stdin.buffer, sys.stdout.buffer, lambda questions: show(table, questions))


def write_lines(source: BinaryIO, out: BinaryIO, show: Callable[[Sequence[str]], Iterator[str]]) -> None:
    """Write a line for each line read, at once for all that has come; a line's end is LF or CR LF."""
    rest = b""
    while block := source.read1(BLOCK):  # type: ignore[attr-defined]
        whole, newline, begun = block.rpartition(b"\n")
        if not newline:
            rest += block
            continue
        write_block(rest + whole, out, show)
        rest = begun
    if rest:
        write_block(rest, out, show)


def write_block(lines: bytes, out: BinaryIO, show: Callable[[Sequence[str]], Iterator[str]]) -> None:
    """Write the lines that are shown for these, the last of which has no end."""
    questions = [line.removesuffix("\r") for line in lines.decode(errors="replace").split("\n")]
    out.write("".join(f"{line}\n" for line in show(questions)).encode())
    out.flush()


def show_tokens(table: WordTable | WordPieceTable, questions: Sequence[str]) -> Iterator[str]:
    """Give each question's tokens, as `to_json` would write them, at several times its speed."""
    for question in questions:
        yield f"[{', '.join(map(encode_basestring, table.texts(question)))}]"


def show_rows(table: WordTable | WordPieceTable, questions: Sequence[str]) -> Iterator[str]:
    """Give each question's rows, without padding."""
    for row in rows_of(table, questions):
        yield str(row)


def show_all(table: WordTable | WordPieceTable, questions: Sequence[str]) -> Iterator[str]:
    """Give all that the table makes of a question."""
    for question, rows in zip(questions, rows_of(table, questions), strict=True):
        yield to_json(describe(table, question, rows))


def describe(table: WordTable | WordPieceTable, question: str, rows: list[int]) -> dict[str, Any]:
    """Give a question's fields; `known` says of each row whether it is a word's own, or a piece's."""
    from asksight.ext import WordTable

    tokens = table.texts(question)
    if isinstance(table, WordTable):
        known = [row < table.size - table.unknown_rows for row in rows]
    else:
        known = [row != table.unknown for row in rows]
    return {
        "question": question,
        "tokens": tokens,
        "rows": rows,
        "known": known,
        "cut": int(table.token_counts([question])[0]) > table.limit,
    }


def rows_of(table: WordTable | WordPieceTable, questions: Sequence[str]) -> list[list[int]]:
    """Give the rows of each question, without padding."""
    rows, lengths = table.rows(questions)
    return [row[:length] for row, length in zip(rows.tolist(), lengths.tolist(), strict=True)]
