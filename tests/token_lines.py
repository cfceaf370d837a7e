"""Lines of a file of tokens."""

from __future__ import annotations

import hashlib


def line(name: str, token: str, rate: str = "") -> str:
    return f"{name} {hashlib.sha256(token.encode()).hexdigest()} {rate}\n"
