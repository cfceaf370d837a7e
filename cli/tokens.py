"""`asksight tokens`: how a bundle's model reads questions, a line of JSON for each line of standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import to_json

if TYPE_CHECKING:
    from asksight.ext import WordTable


def tokens(
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="A folder, or scenes, the built-in bundle.")
    ] = "scenes",
    rows: Annotated[bool, typer.Option("--rows", help="Rows of the word table instead of tokens.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="An object a line: question, tokens, rows, known, cut.")
    ] = False,
) -> None:
    """Show the tokens of questions, one a line on standard input, as a JSON list a line.

    Rows are cut where the model stops reading, tokens are not.
    """
    from asksight.engine import load_bundle
    from asksight.ext import WordTable

    bundle = load_bundle(model)
    table = WordTable(
        bundle.words,
        bundle.vectors,
        limit=bundle.max_tokens,
        lower=bundle.lower,
        unknown_rows=bundle.unknown_rows,
    )
    for line in sys.stdin.buffer:
        question = line.decode(errors="replace").rstrip("\r\n")
        if json:
            typer.echo(to_json(describe(table, question)))
        else:
            typer.echo(to_json(rows_of(table, question) if rows else table.tokens(question)))


def describe(table: WordTable, question: str) -> dict[str, Any]:
    """Give all that the table makes of a question; `known` says of each row whether it is a word's own."""
    tokens, rows = table.tokens(question), rows_of(table, question)
    known = [row < table.size - table.unknown_rows for row in rows]
    return {
        "question": question,
        "tokens": tokens,
        "rows": rows,
        "known": known,
        "cut": len(tokens) > table.limit,
    }


def rows_of(table: WordTable, question: str) -> list[int]:
    """Give the rows of one question, without padding."""
    rows, lengths = table.rows([question])
    return [int(row) for row in rows[0, : lengths[0]]]
