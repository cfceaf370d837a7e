"""The blocking client: ask, ask_many and model, over any transport."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Self, TypeVar

from . import batches, dialogue
from .dialogue import Done, advance
from .errors import AskSightError, ClosedError, DeadlineError
from .photo_bytes import Photo
from .remembered import RememberedPhotos
from .results import Model, Reply
from .transport import Transport

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")

DEFAULT_TIMEOUT_S = 10.0
NO_TIME = "The time for this ask ran out before it could be sent. Give a longer timeout."
CLOSED = "This client is closed. Make a new one with connect() or load()."


class Client:
    """Asks questions about photos; a server or a bundle in this process answers. Thread-safe.

    Close it, or use it as a context manager. Every method raises AskSightError (see errors.py for the tree).
    """

    def __init__(self, transport: Transport, *, timeout: float = DEFAULT_TIMEOUT_S, model: str = "") -> None:
        self._transport = transport
        self._timeout_s = timeout
        self._model = model
        self._remembered = RememberedPhotos()
        self._closed = False

    def ask(
        self, photo: Photo, question: str, *, top_k: int = 5, timeout: float | None = None, locale: str = "en"
    ) -> Reply:
        """Ask one question about one photo.

        `photo` is a path, the bytes of a JPEG, PNG or WebP file, a file object in binary mode, a PIL image,
        or the ImageId of an earlier reply. `timeout`, in seconds, covers reading, sending and any second
        attempt; None is the client's default, math.inf is no limit. `locale` (BCP 47) is the language of `spoken`.
        """
        conversation = dialogue.ask(
            photo, question, top_k=top_k, locale=locale, model=self._model, remembered=self._remembered
        )
        deadline = time.monotonic() + self._timeout(timeout)
        return self._drive(conversation, self._transport.ask, lambda: deadline - time.monotonic())

    def ask_many(
        self,
        asks: Iterable[tuple[Photo, str]],
        *,
        top_k: int = 5,
        timeout: float | None = None,
        locale: str = "en",
    ) -> list[Reply | AskSightError]:
        """Ask (photo, question) pairs, in as few messages as possible; entry i of the list belongs to asks[i].

        Where an ask fails, its entry is the exception; the other asks are answered all the same. `timeout`, in
        seconds, is for each message of up to 256 asks. Photos are read as they are needed, and sent once each.
        """
        conversation = batches.ask_many(
            asks, top_k=top_k, locale=locale, model=self._model, remembered=self._remembered
        )
        each_s = self._timeout(timeout)
        return self._drive(conversation, self._transport.ask_batch, lambda: each_s)

    def model(self, *, timeout: float | None = None) -> Model:
        """Describe the served model: name, version, all answers it can give, limits, engine."""
        each_s = self._timeout(timeout)
        return self._drive(dialogue.get_model(self._model), self._transport.get_model, lambda: each_s)

    def close(self) -> None:
        """Close the connection, or free the bundle's memory. Later asks raise ClosedError.

        Closing twice does no harm.
        """
        if not self._closed:
            self._closed = True
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _timeout(self, timeout: float | None) -> float:
        return self._timeout_s if timeout is None else timeout

    def _drive(
        self, conversation: Generator[Q, A, R], send: Callable[[Q, float], A], left_s: Callable[[], float]
    ) -> R:
        if self._closed:
            raise ClosedError(CLOSED)
        outcome: A | AskSightError | None = None
        while True:
            message = advance(conversation, outcome)
            if isinstance(message, Done):
                return message.result
            time_left_s = left_s()
            if time_left_s <= 0:
                outcome = DeadlineError(NO_TIME)
                continue
            try:
                outcome = send(message, time_left_s)
            except ClosedError:
                raise
            except AskSightError as error:
                outcome = error
