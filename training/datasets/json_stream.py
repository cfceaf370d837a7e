"""Large JSON files, one entry of the large array at a time, so that memory does not grow with the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ..errors import DatasetError

_CHUNK = 1 << 20  # characters read at a time
_LARGEST = 1 << 26  # characters that one value may take before it is called broken
_BLANKS = " \t\n\r"
_DECODER = json.JSONDecoder()


class JsonStream:
    """Reads the JSON of one file value by value, from a window that moves over the text."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file, self._path = file, path
        self._window, self._at, self._passed, self._ended = "", 0, 0, False

    def peek(self) -> str:
        """The next character that is not blank, or "" at the end."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._window) or not self._more(_CHUNK):
                return self._window[self._at : self._at + 1]

    def take(self, allowed: str) -> str:
        """Step over the next character, which must be one of `allowed`."""
        seen = self.peek()
        if not seen or seen not in allowed:
            found = repr(seen) if seen else "the end of the file"
            raise self._broken(f"expected {' or '.join(map(repr, allowed))}, found {found}")
        self._at += 1
        return seen

    def value(self) -> Any:
        """The next whole value."""
        self.peek()
        size = _CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                if len(self._window) - self._at < _LARGEST and self._more(size):
                    size *= 2
                    continue
                raise self._broken(error.msg) from None
            except RecursionError:
                raise self._broken("nested too deeply") from None
            size_read = end - self._at
            if end + 2 >= len(self._window) and self._more(_CHUNK):
                continue  # a number may go on in the next chunk: after 1 comes .5, or e+5
            self._at += size_read
            return value

    def entries(self) -> Iterator[Any]:
        """The entries of the array that comes next."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield self.value()
            if self.take(",]") == "]":
                return

    def names(self) -> Iterator[str]:
        """The keys of the object that comes next; the caller reads each one's value before the next."""
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._broken(f"expected a name, found {key!r:.40}")
            self.take(":")
            yield key
            if self.take(",}") == "}":
                return

    def _more(self, size: int) -> bool:
        """Drop what was read and append `size` characters; False at the end of the file."""
        if self._ended:
            return False
        try:
            text = self._file.read(size)
        except UnicodeDecodeError as error:
            raise self._broken(f"not UTF-8: {error.reason}") from None
        self._ended = not text
        self._passed += self._at
        self._window, self._at = self._window[self._at :] + text, 0
        return not self._ended

    def _broken(self, what: str) -> DatasetError:
        place = self._passed + self._at
        return DatasetError(f"{self._path} is not whole JSON: at character {place}: {what}.")


def open_text(path: Path) -> TextIO:
    """A UTF-8 file, with or without a byte-order mark. Raises DatasetError where it cannot be opened."""
    try:
        return path.open(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error


def entries(path: Path, key: str | None = None) -> Iterator[Any]:
    """The entries of the array under `key`, or of the whole file if that is an array. Raises DatasetError."""
    with open_text(path) as file:
        stream = JsonStream(file, path)
        if key is None:
            yield from stream.entries()
            return
        if stream.peek() != "{":
            raise DatasetError(
                f"{path} has no list named {key!r}: it is no JSON object. Is it the right file?"
            )
        found, others = False, list[str]()
        for name in stream.names():
            if name == key and stream.peek() == "[":
                found = True
                yield from stream.entries()
            else:
                others.append(name)
                stream.value()
        if not found:
            told = ", ".join(others) or "nothing"
            raise DatasetError(f"{path} has no list named {key!r}, only {told}. Is it the right file?")


def head(path: Path, *, stop_at: tuple[str, ...]) -> tuple[dict[str, Any], str | None]:
    """What stands before the first of the keys `stop_at`, and which one that is (None: the file is no
    object).
    """
    with open_text(path) as file:
        stream = JsonStream(file, path)
        seen: dict[str, Any] = {}
        if stream.peek() != "{":
            return seen, None
        for name in stream.names():
            if name in stop_at:
                return seen, name
            seen[name] = stream.value()
        return seen, None
