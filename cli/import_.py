"""`asksight import`: a model of somebody's own, or one that others have published, as a bundle."""

from __future__ import annotations

import typer

from .import_keras import keras
from .import_onnx import onnx

app = typer.Typer(help="Make a bundle of a model from elsewhere.", no_args_is_help=True)
app.command()(keras)
app.command()(onnx)
