"""Everything that can go wrong with an ask, as one tree.

AskSightError
├── InvalidAskError        the ask cannot be answered as it stands; `field` names what is wrong with it
│   └── PhotoFileError     the photo's file is missing or cannot be read; nothing was sent
├── TooLargeError          the photo, or the whole message, is over the server's limit
├── PhotoNotFoundError     the server does not hold that `image_id` (any more); send the photo again
├── ModelNotFoundError     the server does not serve a model of that name
├── OverloadedError        more asks are waiting than the server takes; try again after `retry_after_s`
├── UnauthenticatedError   the server wants a token, or does not know the one that was given
├── DeadlineError          no answer came in time
├── AskCancelledError      the call was cancelled before the answer came
├── UnavailableError       the server cannot be reached, or is shutting down
├── InternalError          the server failed; it is not the ask's fault
├── ClosedError            the client was used after close()
└── LoadError              load() could not open the bundle in this process

Each message is one line for a person: what was seen, what is allowed, what to do next.
"""

from __future__ import annotations


class AskSightError(Exception):
    """The base of all that this package raises on purpose; `message` is what str() gives."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidAskError(AskSightError):
    """The ask cannot be answered as it stands.

    `field` is the request field at fault, as in "question" or "image_data"; empty when none is.
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
    """The server does not hold the photo of that `image_id` (any more).

    Raised only for asks by ImageId: where the client has the photo, it sends it again by itself.
    """


class ModelNotFoundError(AskSightError):
    """The server does not serve a model of that name."""


class OverloadedError(AskSightError):
    """More asks are waiting than the server takes.

    `retry_after_s` is how many seconds the server asks to wait, None where it did not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnauthenticatedError(AskSightError):
    """The server wants a token, or does not know (any more) the one that was given."""


class DeadlineError(AskSightError):
    """No answer came in time."""


class AskCancelledError(AskSightError):
    """The call was cancelled before the answer came."""


class UnavailableError(AskSightError):
    """The server cannot be reached, or is shutting down."""


class InternalError(AskSightError):
    """The server failed; it is not the ask's fault."""


class ClosedError(AskSightError):
    """The client was used after close()."""


class LoadError(AskSightError):
    """load() could not open the bundle in this process."""
