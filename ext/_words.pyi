"""Types of the compiled word table; the words to them are PyWordTable's, in twin.py."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from .checks import Words
from .reading import Reading
from .rules import Rules

class WordTable:
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
    def size(self) -> int: ...
    @property
    def dimension(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def lower(self) -> bool: ...
    @property
    def unknown_rows(self) -> int: ...
    @property
    def rules(self) -> Rules: ...
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
