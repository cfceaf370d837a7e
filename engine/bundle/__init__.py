"""The bundle: one answerable model in a folder, the same on every machine (docs/bundle.md)."""

from ..errors import BundleError
from .calibration import Calibration
from .load import BUILT_IN, Bundle, load_bundle
from .manifest import NO_CARD, Card, Figure, FileRecord, Source, Spelling, WordPieces
from .write import write_bundle

__all__ = [
    "BUILT_IN",
    "NO_CARD",
    "Bundle",
    "BundleError",
    "Calibration",
    "Card",
    "Figure",
    "FileRecord",
    "Source",
    "Spelling",
    "WordPieces",
    "load_bundle",
    "write_bundle",
]
