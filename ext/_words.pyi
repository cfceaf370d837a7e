"""Types of the compiled word table; the words to them are those of the twins, in twin.py and wordpiece.py."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from .checks import Words
from .reading import Reading
from .rules import Rules

class VectorTable:
    @property
    def size(self) -> int: ...
    @property
    def dimension(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def lower(self) -> bool: ...
    def texts(self, question: str) -> list[str]: ...
    def tokens(self, question: str) -> list[str]: ...
    def token_counts(self, questions: Sequence[str]) -> NDArray[np.int32]: ...
    def rows(
        self, questions: Sequence[str], *, to_limit: bool = False, out: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
    def read(self, questions: Sequence[str]) -> Reading: ...
    @overload
    def vectors(
        self, questions: Sequence[str], *, to_limit: bool = False, dtype: None = None, out: None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]: ...
    @overload
    def vectors(
        self,
        questions: Sequence[str],
        *,
        to_limit: bool = False,
        dtype: type[np.float16 | np.float32] | np.dtype[Any] | Literal["float16", "float32"] | None = None,
        out: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.int32]]: ...

class WordTable(VectorTable):
    """The compiled word table: thread-safe, without the GIL where the work is.

    Besides the tables it keeps what the slow path found, at most some 5 MiB of it, however many texts come.
    """

    def __init__(
        self,
        words: Words,
        vectors: NDArray[np.float16] | NDArray[np.float32],
        *,
        limit: int = 30,
        lower: bool = True,
        unknown_rows: int = 1,
        rules: Rules | str | None = None,
    ) -> None: ...
    @property
    def unknown_rows(self) -> int: ...
    @property
    def rules(self) -> Rules: ...

class WordPieceTable(VectorTable):
    """The compiled table of word pieces: thread-safe, without the GIL where the work is; nothing is kept of texts."""

    def __init__(
        self,
        words: Words,
        vectors: NDArray[np.float16] | NDArray[np.float32],
        *,
        first: int,
        last: int,
        unknown: int,
        limit: int = 30,
        lower: bool = True,
        strip: str = "",
    ) -> None: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def unknown(self) -> int: ...
    @property
    def strip(self) -> str: ...
    def decode(self, rows: Iterable[int], *, special: Collection[int] = ()) -> str: ...
