"""SECURITY.md, which stands where hosts of repositories look for it, as a page of the site."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add it, with its links as they are from docs/."""
    text = (Path(config.docs_dir).parent / "SECURITY.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "security.md", content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to it at that page; in the repository they point at the file."""
    return markdown.replace("](../SECURITY.md", "](security.md")
