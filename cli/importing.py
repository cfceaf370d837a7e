"""`asksight import`: a published model, or one of your own, as a bundle."""

from __future__ import annotations

import typer

from .import_blip import blip
from .import_keras import keras
from .import_onnx import onnx
from .import_vilt import vilt

app = typer.Typer(help="Make a bundle of a published model, or of one of your own.", no_args_is_help=True)
app.command()(blip)
app.command()(vilt)
app.command()(keras)
app.command()(onnx)
