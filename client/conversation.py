"""Conversations about one photo, blocking and for asyncio: each question is asked after the turn before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock
from types import TracebackType
from typing import Self

from .dialogue import ReadOnce
from .errors import AskSightError
from .photo_bytes import Photo
from .results import ImageId, Reply
from .talks import AsyncTalk, Talk


class Turns:
    """What both kinds of conversation remember: the photo, read once, and the newest reply. Thread-safe."""

    def __init__(self, photo: Photo, *, top_k: int, locale: str) -> None:
        self._photo = photo if isinstance(photo, ImageId) else ReadOnce(photo)
        self._top_k = top_k
        self._locale = locale
        self._numbers = count(1)
        self._newest = 0
        self._last: Reply | None = None
        self._failed = ""  # the newest turn's question, where that failed
        self._about: Reply | None = None  # what that was asked after
        self._lock = Lock()

    @property
    def last(self) -> Reply | None:
        """The newest turn's reply, which the next question may be about; None before the first."""
        return self._last

    @contextmanager
    def _turn(self, question: str, after: Reply | None) -> Iterator[int]:
        """Give the number by which its reply is told to `_took`."""
        number = next(self._numbers)
        try:
            yield number
        except (AskSightError, asyncio.CancelledError, KeyboardInterrupt):
            with self._lock:
                if number > self._newest and question.strip():
                    self._newest, self._failed, self._about = number, question, after
            raise

    def _took(self, number: int, reply: Reply) -> Reply:
        with self._lock:
            if number > self._newest:
                self._newest, self._last, self._failed = number, reply, ""
        return reply

    def _before(self, question: str) -> Reply | None:
        """What it is asked after: a question that failed may have named another thing, for all but itself."""
        with self._lock:
            if not self._failed:
                return self._last
            return self._about if question == self._failed else None

    def _options(
        self, after: Reply | None, top_k: int | None, timeout: float | None, attention: bool
    ) -> dict[str, object]:
        return {
            "top_k": self._top_k if top_k is None else top_k,
            "timeout": timeout,
            "locale": self._locale,
            "after": after,
            "attention": attention,
        }


class Conversation(Turns):
    """Questions about one photo, by one stream to the server. Thread-safe: several may be under way at once.

    Client.conversation() begins one. Close it, or use it as a context manager.
    """

    def __init__(
        self, ask: Callable[..., Reply], talk: Talk, photo: Photo, *, top_k: int, locale: str
    ) -> None:
        """`ask` is the client's, with the way of `talk`."""
        super().__init__(photo, top_k=top_k, locale=locale)
        self._ask = ask
        self._talk = talk

    def ask(
        self,
        question: str,
        *,
        top_k: int | None = None,
        timeout: float | None = None,
        attention: bool = False,
    ) -> Reply:
        """Ask one question, which may be about the turn before ("And what colour is it?", "Say that again.").

        Takes `timeout` and `attention`, and raises, as Client.ask does; after an error the conversation goes on.
        """
        after = self._before(question)
        options = self._options(after, top_k, timeout, attention)
        with self._turn(question, after) as number:
            return self._took(number, self._ask(self._photo, question, **options))

    def close(self) -> None:
        """End it; the client stays open. Later asks raise ClosedError."""
        self._talk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncConversation(Turns):
    """The same within one event loop; Conversation documents the methods."""

    def __init__(
        self, ask: Callable[..., Awaitable[Reply]], talk: AsyncTalk, photo: Photo, *, top_k: int, locale: str
    ) -> None:
        super().__init__(photo, top_k=top_k, locale=locale)
        self._ask = ask
        self._talk = talk

    async def ask(
        self,
        question: str,
        *,
        top_k: int | None = None,
        timeout: float | None = None,
        attention: bool = False,
    ) -> Reply:
        """Ask one question."""
        after = self._before(question)
        options = self._options(after, top_k, timeout, attention)
        with self._turn(question, after) as number:
            return self._took(number, await self._ask(self._photo, question, **options))

    async def close(self) -> None:
        """End it."""
        await self._talk.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
