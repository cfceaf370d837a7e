"""The example notebook: run from its first cell to its last by Jupyter's own kernel, it says what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "docs" / "example.ipynb"


def said(notebook: Any) -> list[str]:
    """What each cell printed or showed, as text."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type in ("stream", "execute_result"), output
            text = output.text if output.output_type == "stream" else output.data["text/html"]
            shown.append(re.sub(r"<[^>]*>", " ", text))
    return shown


def test_it_says_what_it_shows() -> None:
    read: Any = nbformat.read  # which has no types
    written, run = read(NOTEBOOK, 4), read(NOTEBOOK, 4)
    NotebookClient(run, timeout=120, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    assert said(run) == said(written)
    assert any("pink." in text for text in said(run))
