"""`asksight inspect`: what is in a bundle, after all of it was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import to_json

_EPOCHS = 6  # of a history that are shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asksight.engine import Bundle


def inspect(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A folder, or scenes, the built-in bundle.")
    ] = "scenes",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is in a bundle, and verify it: files, hashes, shapes.

    A bundle that is not as it should be is refused with exit code 1 and one line that says why.
    """
    from asksight.engine import load_bundle

    fields = describe(load_bundle(bundle))
    if json:
        typer.echo(to_json(fields))
    else:
        _print_tables(fields)


def describe(bundle: Bundle) -> dict[str, Any]:
    """Give a verified bundle as plain fields, in the order of bundle.json."""
    from dataclasses import asdict

    from asksight.engine.bundle.about import about

    words, dimension = bundle.vectors.shape
    shape = [bundle.image_height, bundle.image_width, 3]
    calibration = bundle.calibration
    return {
        "path": str(bundle.path),
        "name": bundle.name,
        "version": bundle.version,
        "architecture": bundle.architecture,
        "image": {"shape": shape, "dtype": bundle.image_dtype, **bundle.preprocessing},
        "features": {"shape": list(bundle.feature_shape)},
        "question": {
            "tokenizer": "spacy" if bundle.pieces is None else "wordpiece",
            "words": words,
            "dimension": dimension,
            "dtype": str(bundle.vectors.dtype),
            "lower": bundle.lower,
            "max_tokens": bundle.max_tokens,
            **({"unknown_rows": bundle.unknown_rows} if bundle.pieces is None else asdict(bundle.pieces)),
        },
        "answers": {
            "form": "listed" if bundle.spelling is None else "spelled",
            "unanswerable": bundle.unanswerable,
            **(
                {"count": len(bundle.answers), "labels": list(bundle.answers)}
                if bundle.spelling is None
                else asdict(bundle.spelling)
            ),
        },
        "calibration": asdict(calibration),
        "about": list(about(bundle)),
        "source": None if bundle.source is None else asdict(bundle.source),
        "card": asdict(bundle.card),
        "training": dict(bundle.training),
        "files": [
            {"name": name, "bytes": record.bytes, "sha256": record.sha256, "verified": True}
            for name, record in bundle.files.items()
        ],
    }


def _print_tables(fields: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in _facts(fields):
        facts.add_row(escape(name), escape(text))
    console.print(facts)
    files = Table(box=None, padding=(0, 2, 0, 0))
    files.add_column("file", no_wrap=True)
    files.add_column("size", no_wrap=True, justify="right")
    files.add_column("SHA-256", no_wrap=True)
    files.add_column()
    for file in fields["files"]:
        files.add_row(escape(file["name"]), size_text(file["bytes"]), file["sha256"][:16] + "…", "verified")
    console.print()
    console.print(files)


def _facts(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    image, question, answers = fields["image"], fields["question"], fields["answers"]
    calibration, shape = fields["calibration"], fields["image"]["shape"]
    yield "bundle", f"{fields['name']} {fields['version']}"
    yield "path", fields["path"]
    yield "architecture", fields["architecture"]
    yield "photo", f"{shape[1]}x{shape[0]} px, {image['color_order']}, {image['dtype']}"
    yield "preprocessing", _preprocessing(image)
    yield "features", "x".join(map(str, fields["features"]["shape"])) + " float32"
    yield "words", f"{question['words']} of {question['dimension']} numbers, {question['dtype']}"
    if question["tokenizer"] == "spacy":
        yield "unknown words", f"share {question['unknown_rows']} of these rows"
    else:
        yield "cut into", "pieces of words, as BERT's WordPiece does"
    yield (
        "question",
        f"up to {question['max_tokens']} tokens, {'lower case' if question['lower'] else 'case kept'}",
    )
    yield "answers", _answers(answers)
    yield "unanswerable", "the model has none" if answers["unanswerable"] is None else answers["unanswerable"]
    yield "temperature", f"{calibration['temperature']:g}"
    yield "answered from", f"{calibration['answered_threshold']:.0%}"
    yield "unanswerable from", f"{calibration['unanswerable_threshold']:.0%}"
    for place, value in flat(fields["training"]):
        if place == "history":
            yield from (("training history", text) for text in _history(fields["training"]["history"]))
        else:
            yield f"training {place}", "its points are shown by --json" if value.startswith("[{") else value
    for sentence in fields["about"]:
        yield "about", sentence
    if not calibration["calibrated"]:
        yield "next", f"asksight calibrate {fields['path']} --data DATA"


def _history(rows: Any) -> Iterator[str]:
    """The loss, and what validation said, after a few of the epochs, the last among them; --json has them all."""
    if not isinstance(rows, list):
        return
    for place in sorted({len(rows) * part // _EPOCHS - 1 for part in range(1, _EPOCHS + 1)} - {-1}):
        match rows[place]:
            case {"step": step, "loss": loss, "val_exact": {"all": float(exact)}}:
                learned = f", loss {loss:.3f}" if isinstance(loss, float) else ""
                yield f"step {step}{learned}, {100 * exact:.1f} % exact on validation"


def _preprocessing(image: dict[str, Any]) -> str:
    if image["resize"] != "shortest":
        return f"{image['resize']} to that size, {image['resample']}"
    return (
        f"the shorter side to {image['shortest']} px, the longer to {image['longest']} at most, "
        f"in patches of {image['multiple']} px, {image['resample']}"
    )


def _answers(answers: dict[str, Any]) -> str:
    if answers["form"] == "spelled":
        return f"spelled by pieces of words: the best {answers['beams']}, of up to {answers['pieces']} pieces"
    shown = answers["labels"][:12]
    more = f" and {answers['count'] - len(shown)} more" if len(shown) < answers["count"] else ""
    return f"{answers['count']}: {', '.join(shown)}{more}"


def flat(tree: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Give the leaves of a JSON tree as (path, text); lists stay on one line."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from flat(value, f"{place}.{key}" if place else str(key))
    elif tree != {}:
        yield place, tree if isinstance(tree, str) else to_json(tree)


def size_text(count: int) -> str:
    """Give bytes as people read them: "512 B", "1.5 KB", "3.0 MB", in powers of 1000."""
    size, unit = float(count), "B"
    for larger in ("KB", "MB", "GB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
