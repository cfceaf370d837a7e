"""What keeps a plan from being made."""

from __future__ import annotations


class PlanError(Exception):
    """One line for a person: what was seen, what is allowed, what to do."""
