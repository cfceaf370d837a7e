"""What callers may give as yes or no: "no" and 0 are neither, and would be taken for one."""

from __future__ import annotations


def switch(name: str, given: bool) -> bool:
    """What was given. Raises TypeError for what is no bool."""
    if not isinstance(given, bool):
        raise TypeError(f"{name} is {given!r:.40}; it must be True or False.")
    return given
