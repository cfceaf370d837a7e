"""What keeps a measurement from being made."""

from __future__ import annotations


class BenchError(Exception):
    """One line for a person: what was seen, what is allowed, what to do."""
