"""Question text to token rows to padded word vectors."""

from .twin import PyWordTable
from .twin import PyWordTable as WordTable

__all__ = ["PyWordTable", "WordTable"]
