"""Everything that can go wrong with an ask, as one tree; each error knows its gRPC code by name.

AskError
├── InvalidAsk         INVALID_ARGUMENT    the ask cannot be answered as it stands; `field` names the culprit
├── TooLarge           RESOURCE_EXHAUSTED  more bytes than the server takes
├── ImageNotFound      NOT_FOUND           an image_id that is not (or no longer) in the cache
├── ModelNotFound      NOT_FOUND           a model that is not served here
├── VersionNotFound    NOT_FOUND           another version of a model than is served
├── Overloaded         RESOURCE_EXHAUSTED  the queue is full; `retry_after_s` says when to come back
├── Unauthenticated    UNAUTHENTICATED     no token, or one that is not (or no longer) known here
├── DeadlineExceeded   DEADLINE_EXCEEDED   the caller's time ran out
├── Cancelled          CANCELLED           the caller went away
├── Unavailable        UNAVAILABLE         the model was closed before the ask was computed
│   └── Stopping       UNAVAILABLE         the server is shutting down; `retry_after_s`: when another may be there
├── Reopening          UNAVAILABLE         an engine was lost and is opened anew; `retry_after_s`: when to come back
└── InternalError      INTERNAL            the server's fault; the cause is in its log, never in the message

Every message is one line for a person: what was seen, what is allowed, what to do next.
"""

from __future__ import annotations

from math import ceil


class AskError(Exception):
    """Why an ask has no answer; `message` goes to the caller as it stands."""

    code: str = "UNKNOWN"  # the name of a grpc.StatusCode
    field: str = ""  # the request field at fault, as in "question"; empty when none is
    retry_after_s: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def forget_origin(self) -> None:
        """Let go of what was refused: the frames of a traceback hold it until Python looks for cycles."""
        self.__traceback__ = self.__context__ = self.__cause__ = None


class InvalidAsk(AskError):
    """The ask cannot be answered as it stands."""

    code = "INVALID_ARGUMENT"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class TooLarge(AskError):
    """The photo has more bytes than the server takes."""

    code = "RESOURCE_EXHAUSTED"
    field = "image_data"


class ImageNotFound(AskError):
    """No photo of that image_id is remembered; send the photo again."""

    code = "NOT_FOUND"
    field = "image_id"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"No photo {image_id[:12]}… is remembered here any more. Send the photo itself.")


class ModelNotFound(AskError):
    """No model of that name is served."""

    code = "NOT_FOUND"
    field = "model"

    def __init__(self, name: str, *, known: list[str]) -> None:
        super().__init__(f"No model {name[:40]!r} is served here. Choose one of: {', '.join(known)}.")


class VersionNotFound(AskError):
    """The model is served, but not in the version that was asked for."""

    code = "NOT_FOUND"
    field = "model_version"

    def __init__(self, name: str, wanted: str, *, served: str) -> None:
        super().__init__(
            f"Version {wanted[:40]!r} of {name[:40]!r} is not served here; {served!r} is. Ask for that, or for none."
        )


class Overloaded(AskError):
    """More asks are waiting than the server takes; nothing was computed."""

    code = "RESOURCE_EXHAUSTED"

    def __init__(self, *, retry_after_s: float, what: str = "Too many asks are waiting") -> None:
        said_s = max(0.1, ceil(10 * retry_after_s) / 10)  # "in 0.0 seconds" helps nobody
        super().__init__(f"{what}. Ask again in {said_s:.1f} seconds.")
        self.retry_after_s = retry_after_s


class Unauthenticated(AskError):
    """The caller did not say who it is, or is not (or no longer) known; one message for all of these."""

    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("A valid token is needed: send it as `authorization: Bearer TOKEN`.")


class DeadlineExceeded(AskError):
    """The caller's time ran out before the answer was there."""

    code = "DEADLINE_EXCEEDED"

    def __init__(self, message: str = "The ask's time ran out. Ask again with a longer deadline.") -> None:
        super().__init__(message)


class Cancelled(AskError):
    """The caller went away before the answer was there."""

    code = "CANCELLED"

    def __init__(self, message: str = "The ask was cancelled by its caller.") -> None:
        super().__init__(message)


class Unavailable(AskError):
    """The model was closed, or the server is shutting down; the ask was not computed."""

    code = "UNAVAILABLE"

    def __init__(self, message: str = "The server is shutting down. Ask again in a moment.") -> None:
        super().__init__(message)


class Stopping(Unavailable):
    """The server takes no new calls: it is shutting down."""

    retry_after_s = 1.0  # another server, or this one's successor, is there by then


class Reopening(AskError):
    """The engine was lost and is being opened anew; the ask was not computed."""

    code = "UNAVAILABLE"
    retry_after_s = 2.0  # reading a plan and warming it takes seconds; clients back off from there

    def __init__(self) -> None:
        super().__init__(
            f"The model's engine was lost and is being opened anew. Ask again in {self.retry_after_s} seconds."
        )


class InternalError(AskError):
    """The server's own fault; its log says why."""

    code = "INTERNAL"

    def __init__(self, message: str = "The server failed on this ask. Its log says why.") -> None:
        super().__init__(message)


class ServerError(Exception):
    """The server cannot start; the message is one line for the person who starts it."""
