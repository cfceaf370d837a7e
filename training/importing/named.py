"""What a published model is called as a bundle, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asksight.engine.bundle import Card, Source

# Of every model that is imported: nobody has tried it at any of this.
NOT_FOR = ("reading text", "judging medicine, money or traffic")

UNKNOWN = Card(not_for=NOT_FOR)


@dataclass(frozen=True, kw_only=True)
class Named:
    """All of it may be left to the import."""

    name: str | None = None  # the folder's by default
    version: str = "1"
    source: Source | None = None
    card: Card = UNKNOWN

    def of(self, folder: Path) -> dict[str, Any]:
        """As `write_bundle` takes it, for the model in this folder."""
        name = self.name or folder.resolve().name
        return {"name": name, "version": self.version, "source": self.source, "card": self.card}


UNNAMED = Named()
