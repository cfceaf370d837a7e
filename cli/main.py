"""The `asksight` command: finds the verb, runs it, and turns what went wrong into one line and an exit code.

Each verb is a module of this package. It holds a function of the verb's name, or, where the verb has verbs
of its own, a `typer.Typer` called `app`. A module is imported only when its verb is run, so that
`asksight --help` is quick and `asksight ask` does not pay for what training needs.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from .output import printable

EXTRAS = {  # what packages that verbs may lack come with
    "hub": ("huggingface_hub", "filelock", "httpx2"),
    "train": ("tensorflow", "keras", "spacy", "h5py", "scipy", "onnx"),
    "ray": ("ray",),
}


@dataclass(frozen=True)
class Verb:
    """Where a verb is, and the first line of its help, known without importing it."""

    module: str
    help: str


VERBS = {
    "demo": Verb("asksight.cli.demo", "Serve the built-in bundle and ask it a few questions over the wire."),
    "models": Verb("asksight.cli.models", "List the published models that can be fetched and served."),
    "get": Verb(
        "asksight.cli.get", "Fetch a published model, and make it ready to be served on this machine."
    ),
    "serve": Verb("asksight.cli.serve", "Serve bundles over gRPC until stopped."),
    "ask": Verb("asksight.cli.ask", "Ask one question about one photo."),
    "bench": Verb(
        "asksight.cli.bench.command",
        "Ask a server as many callers would, and say how many answers came and how long they took.",
    ),
    "plan": Verb(
        "asksight.cli.plan.plan_command",
        "Say how many machines so many asks a second need, how long asks take and what it costs: on paper.",
    ),
    "inspect": Verb("asksight.cli.inspect", "Say what is in a bundle, and verify it: files, hashes, shapes."),
    "tokens": Verb(
        "asksight.cli.tokens",
        "Show the tokens of questions, one a line on standard input, as a JSON list a line.",
    ),
    "data": Verb("asksight.cli.data", "Make, fetch or prepare a data set."),
    "vectors": Verb(
        "asksight.cli.vectors",
        "Cut pre-trained word vectors to a vocabulary: 300 dimensions, as the models take them, unless told otherwise.",
    ),
    "features": Verb(
        "asksight.cli.features", "Turn photos into a store of features, once, for training to read."
    ),
    "train": Verb(
        "asksight.cli.train",
        "Train a model on a data set's training split, and calibrate it on its validation split.",
    ),
    "evaluate": Verb(
        "asksight.cli.evaluate",
        "Measure a bundle or a run on a data set, or a results file against questions and annotations.",
    ),
    "report": Verb(
        "asksight.cli.report",
        "Write a page of curves, types, reliability, risk and the most confident mistakes; it needs no network.",
    ),
    "calibrate": Verb(
        "asksight.cli.calibrate",
        "Fit a bundle's temperature and thresholds to a data set, and write them into the bundle.",
    ),
    "samples": Verb(
        "asksight.cli.samples",
        "Keep photos and questions of a data set in a bundle, for compile to compare on.",
    ),
    "compile": Verb(
        "asksight.cli.compile",
        "Build a bundle for an engine, compare it with float32, and keep it if it agrees.",
    ),
    "export": Verb(
        "asksight.cli.export", "Write a run as a bundle, after checking that it answers as Keras does."
    ),
    "import": Verb("asksight.cli.importing", "Make a bundle of a published model, or of one of your own."),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; always ends in SystemExit, except for our own mistakes, which keep their traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build_app(_typed(given))(args=given, prog_name="asksight")
    except Exception as error:
        line = expected(error)
        if line is None:
            raise
        typer.echo(f"asksight: {line}", err=True)
        raise SystemExit(1) from None


def _typed(given: Sequence[str]) -> Sequence[str]:
    """What stands on the line that a shell wants completed, where it asks for that; else what was given."""
    if "_ASKSIGHT_COMPLETE" not in os.environ:
        return given
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")  # the former is bash's
    return line.split()[1:]


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """Give the command with the one verb that `arguments` name imported, the others known by name only."""
    app = typer.Typer(
        help="Ask questions about photos: serve, ask, train.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    wanted = next((one for one in arguments if not one.startswith("-")), None)
    for name, verb in VERBS.items():
        if name != wanted:
            app.command(name, help=verb.help)(_not_imported)
            continue
        module = importlib.import_module(verb.module)
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=verb.help)
        else:
            app.command(name)(getattr(module, name))
    return app


def expected(error: Exception) -> str | None:
    """Give the one line to be said about a failure that a person can mend, None for a mistake of ours."""
    said = printable(" ".join(str(error).split()))
    if any(kind.__module__.startswith("asksight.") for kind in type(error).__mro__):
        return said
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").split(".")[0]
        extra = next((extra for extra, needs in EXTRAS.items() if package in needs), None)
        if extra is not None:
            return (
                f"{error.name} is not installed, which this verb needs. In a copy of AskSight's repository, run: "
                f"pip install -e '.[{extra}]'"
            )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    return None


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"asksight {version('asksight')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version and stop.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Ask questions about photos: serve, ask, train."""


def _not_imported() -> None:
    """Stands for a verb that `arguments` do not name; it is listed, never run."""
