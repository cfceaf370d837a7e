"""Types of the compiled cutter; ext/text.py's Splitter says in Python what it does."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .branches import Tables

class Cutter:
    """One language's prefixes, suffixes and infixes. Read-only once made, thread-safe under the GIL."""

    def __init__(
        self,
        tables: Tables,
        token_match: Callable[[str], Any] | None,
        url_match: Callable[[str], Any] | None,
        longest: int,
    ) -> None: ...
    def cut(self, chunk: str, exceptions: dict[str, tuple[str, ...]], most: int) -> list[str]: ...

class Joiner:
    """What is step 3 in ext/text.py, for texts of which the first tokens are wanted. Read-only once made, thread-safe."""

    def __init__(self, exceptions: dict[str, tuple[str, ...]], sequences: Iterable[tuple[str, ...]]) -> None: ...
    def join(self, chunks: Iterator[tuple[list[str], bool]], most: int) -> list[str]: ...
