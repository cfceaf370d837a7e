"""`asksight import`: a model that others have published, as a bundle."""

from __future__ import annotations

import typer

from .import_blip import blip
from .import_vilt import vilt

app = typer.Typer(help="Make a bundle of a model that others have published.", no_args_is_help=True)
app.command()(blip)
app.command()(vilt)
