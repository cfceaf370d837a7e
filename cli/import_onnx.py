"""`asksight import onnx`: an ONNX model of a photo and a question, as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .import_told import AsJson, Name, Out, SpecFile, tell, telling


def onnx(
    graphs: Annotated[
        list[Path],
        typer.Argument(help="One graph of a photo and a question; or an encoder's and an answerer's."),
    ],
    spec: SpecFile,
    out: Out,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """An ONNX model of your own that takes a photo and a question, in one graph or two, as a bundle."""
    from asksight.training.importing.onnx_import import import_onnx
    from asksight.training.importing.spec import read_spec

    imported = import_onnx(graphs, read_spec(spec), out, name=name, say=telling(as_json))
    tell(imported, out, "the graph itself", as_json)
