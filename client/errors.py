"""Everything that can go wrong with an ask, as one tree.

AskSightError
├── InvalidAskError        the ask cannot be answered as it stands; `field` names what is wrong with it
│   └── PhotoFileError     the photo's file is missing or cannot be read; nothing was sent
├── TooLargeError          the photo, or the whole message, is over the server's limit
├── PhotoNotFoundError     the server does not have that `image_id` (any more); send the photo again
├── ModelNotFoundError     the server does not serve a model of that name
├── OverloadedError        more asks are waiting than the server takes; try again after `retry_after_s`
├── UnauthenticatedError   the server requires a token, or does not know the given one
├── DeadlineError          no answer came in time
├── AskCancelledError      the call was cancelled before the answer came
├── UnavailableError       the server cannot be reached, or is shutting down
├── InternalError          the server failed; the ask was not at fault
├── ClosedError            the client was used after close()
├── WrongPlaceError        the client belongs to another process or event loop than the one that uses it
└── LoadError              load() could not open the bundle in this process

Each message is one line for a person: what was seen, what is allowed, what to do next.
"""

from __future__ import annotations


class AskSightError(Exception):
    """The base class of this package's errors; `message` is what str() gives."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidAskError(AskSightError):
    """The ask cannot be answered as it stands.

    `field` names the request field at fault, as in "question" or "image_data"; it is empty where none is.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class PhotoFileError(InvalidAskError):
    """The photo's file is missing or cannot be read; nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="image_data")


class TooLargeError(AskSightError):
    """The photo, or the whole message, is over the server's limit."""


class PhotoNotFoundError(AskSightError):
    """The server does not have the photo of that `image_id` (any more).

    Raised only for asks by ImageId; a client that has the photo sends it again by itself.
    """


class ModelNotFoundError(AskSightError):
    """The server does not serve a model of that name."""


class OverloadedError(AskSightError):
    """More asks are waiting than the server takes.

    `retry_after_s` is how many seconds to wait before the next try, as the server says; None where it does not.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnauthenticatedError(AskSightError):
    """The server requires a token, or does not know the given one (any more)."""


class DeadlineError(AskSightError):
    """No answer came in time."""


class AskCancelledError(AskSightError):
    """The call was cancelled before the answer came."""


class UnavailableError(AskSightError):
    """The server cannot be reached, or is shutting down.

    `lasting` is True where no waiting helps, as with a certificate that is not trusted; then it is not tried again.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class InternalError(AskSightError):
    """The server failed; the ask was not at fault."""


class ClosedError(AskSightError):
    """The client was used after close()."""


class WrongPlaceError(AskSightError):
    """The client belongs to another process or event loop than the one that uses it; nothing was sent."""


class LoadError(AskSightError):
    """load() could not open the bundle in this process."""
