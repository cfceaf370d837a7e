"""The blocking client: ask, ask_many and model, over any transport."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from asksight.v1 import vqa_pb2

from . import batches, dialogue
from .conversation import Conversation
from .dialogue import Done, ReadOnce, advance
from .errors import AskSightError, ClosedError, DeadlineError, WrongPlaceError
from .photo_bytes import Photo
from .remembered import RememberedPhotos
from .results import Model, Reply
from .sending import Sending
from .switches import switch
from .timeouts import default_timeout_s, timeout_s
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

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        model: str = "",
        wait_for_server: bool = True,
    ) -> None:
        self._transport = transport
        self._timeout_s = default_timeout_s(timeout)
        self._model = model
        self._wait_for_server = switch("wait_for_server", wait_for_server)
        self._remembered = RememberedPhotos()
        self._closed = threading.Event()

    def ask(
        self,
        photo: Photo,
        question: str,
        *,
        top_k: int = 5,
        timeout: float | None = None,
        locale: str = "en",
        after: Reply | None = None,
        attention: bool = False,
    ) -> Reply:
        """Ask one question about one photo.

        `photo` is a path, the bytes of a JPEG, PNG or WebP file, a file object in binary mode, a PIL image,
        or the ImageId of an earlier reply. `timeout`, in seconds, covers reading, sending and all
        further attempts, which an overloaded or absent server is given until then; None is the client's default,
        math.inf is no limit. `locale` (BCP 47) is the language of `spoken`. `after` is the reply before
        about the same photo, for questions such as "What colour is it?" and "Say that again."; after one about
        another photo a question stands by itself. With `attention` the reply says where the model looked, where
        its bundle can tell.
        """
        send = self._transport.ask
        return self._ask(
            send,
            photo,
            question,
            top_k=top_k,
            timeout=timeout,
            locale=locale,
            after=after,
            attention=attention,
        )

    def conversation(self, photo: Photo, *, top_k: int = 5, locale: str = "en") -> Conversation:
        """Begin a conversation about one photo. Its questions go by one stream, each about the turn before by itself.

        Nothing is sent before the first question, which brings the photo; `photo` is what `ask` takes, and is read
        once. A stream that is lost is opened again by the ask that needs it, within its deadline.
        """
        talk = self._transport.talk()
        return Conversation(partial(self._ask, talk.ask), talk, photo, top_k=top_k, locale=locale)

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
        seconds, is for each message of up to 256 asks. Asks that are refused for an overload are sent again
        until then, as the server says. Photos are read as they are needed, and sent once each.
        """
        conversation = batches.ask_many(
            asks, top_k=top_k, locale=locale, model=self._model, remembered=self._remembered
        )
        each_s = self._timeout(timeout)
        return self._drive(conversation, self._transport.ask_batch, each_s, lambda: time.monotonic() + each_s)

    def model(self, *, timeout: float | None = None) -> Model:
        """Describe the served model: name, version, all answers it can give, limits, engine."""
        each_s = self._timeout(timeout)
        conversation = dialogue.get_model(self._model)
        return self._drive(conversation, self._transport.get_model, each_s, lambda: time.monotonic() + each_s)

    def close(self) -> None:
        """Close the connection, or free the bundle's memory. Later asks raise ClosedError.

        Closing twice does no harm.
        """
        if not self._closed.is_set():
            self._closed.set()
            self._transport.close()

    def __reduce__(self) -> str:
        """Say in words why it cannot be pickled or copied, as for a process that is spawned. Raises TypeError."""
        raise TypeError(
            "A client cannot be copied or sent to another process. Call connect() or load() there."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self,
        send: Callable[[vqa_pb2.AskRequest, float], vqa_pb2.AskResponse],
        photo: Photo | ReadOnce,
        question: str,
        *,
        top_k: int,
        timeout: float | None,
        locale: str,
        after: Reply | None,
        attention: bool,
    ) -> Reply:
        conversation = dialogue.ask(
            photo,
            question,
            top_k=top_k,
            locale=locale,
            model=self._model,
            remembered=self._remembered,
            after=after,
            attention=attention,
        )
        within_s = self._timeout(timeout)
        deadline = time.monotonic() + within_s
        return self._drive(conversation, send, within_s, lambda: deadline)

    def _timeout(self, timeout: float | None) -> float:
        return self._timeout_s if timeout is None else timeout_s(timeout)

    def _drive(
        self,
        conversation: Generator[Q, A, R],
        send: Callable[[Q, float], A],
        within_s: float,
        deadline_s: Callable[[], float],
    ) -> R:
        """Follow the dialogue; `deadline_s` gives that of its next message, on the clock time.monotonic.

        `within_s` is the timeout that the caller gave.
        """
        outcome: A | AskSightError | None = None
        while True:
            message = advance(conversation, outcome)
            if isinstance(message, Done):
                return message.result
            outcome = self._sent(message, send, within_s, deadline_s())

    def _sent(
        self, message: Q, send: Callable[[Q, float], A], within_s: float, deadline_s: float
    ) -> A | AskSightError | None:
        sending: Sending[Q, A] = Sending(message, timeout_s=within_s, wait_for_server=self._wait_for_server)
        while True:
            if self._closed.is_set():
                raise ClosedError(CLOSED)
            left_s = deadline_s - time.monotonic()
            try:
                if left_s <= 0:
                    raise DeadlineError(NO_TIME)
                came: A | AskSightError = send(sending.message, left_s)
            except (ClosedError, WrongPlaceError):
                raise
            except AskSightError as error:
                came = error
            wait_s = sending.after(came, deadline_s - time.monotonic())
            if wait_s is None:
                return sending.outcome
            self._closed.wait(wait_s)
