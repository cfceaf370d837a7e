"""Types of the compiled cutter; ext/text.py's Splitter says in Python what it does."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .branches import Tables

class Cutter:
    """Cuts chunks by one language's rules. Read-only once made, thread-safe under the GIL."""

    def __init__(
        self,
        tables: Tables,
        exceptions: dict[str, tuple[str, ...]],
        *,
        prefix: Callable[[str], int] | None,
        suffix: Callable[[str], int] | None,
        infixes: Callable[[str], Iterable[re.Match[str]]] | None,
        token_match: Callable[[str], Any] | None,
        url_match: Callable[[str], Any] | None,
    ) -> None: ...
    def cut(self, chunk: str, most: int) -> list[str]: ...

class Joiner:
    """What is step 3 in ext/text.py, of which the first tokens are wanted. Read-only once made, thread-safe."""

    def __init__(
        self, exceptions: dict[str, tuple[str, ...]], sequences: Iterable[tuple[str, ...]]
    ) -> None: ...
    @property
    def longest(self) -> int: ...
    @property
    def beyond(self) -> int: ...
    def join(self, chunks: Iterator[tuple[list[str], bool]], most: int) -> list[str]: ...
