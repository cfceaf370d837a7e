"""Which messages an ask takes and what each response means, without any I/O.

Each dialogue is a generator. It yields a message; the caller sends it and resumes the generator with the response,
or throws the exception of the failed call into it. The generator's return value is the result. So the blocking, the
asyncio and the in-process client follow the same rules.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Generic, TypeVar

from asksight.v1 import vqa_pb2

from .errors import AskSightError, PhotoNotFoundError
from .messages import (
    check_text,
    following,
    question_request,
    to_model,
    to_reply,
    with_image_id,
    with_photo,
)
from .photo_bytes import Photo, read_photo
from .remembered import RememberedPhotos
from .results import ImageId, Model, Reply

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Done(Generic[R]):
    """The dialogue has ended with this result."""

    result: R


class ReadOnce:
    """A photo that is asked about again and again, and read by the first ask."""

    def __init__(self, photo: Photo) -> None:
        self._photo: Photo = photo
        self._read: ReadPhoto | None = None

    def read(self) -> ReadPhoto:
        if self._read is None:
            self._read = _read(self._photo)
        return self._read


@dataclass(frozen=True)
class ReadPhoto:
    """A photo's bytes, their SHA-256, and where they were read from, if by a path."""

    data: bytes
    digest: str
    path: Path | None


def _read(photo: Photo) -> ReadPhoto:
    data = read_photo(photo)
    path = Path(os.fsdecode(photo)).absolute() if isinstance(photo, str | os.PathLike) else None
    return ReadPhoto(data, sha256(data).hexdigest(), path)


def advance(dialogue: Generator[Q, A, R], outcome: A | AskSightError | None) -> Q | Done[R]:
    """Resume a dialogue with the response or exception of its last message (None at the start).

    Give the next message to send, or Done.
    """
    try:
        if outcome is None:
            return next(dialogue)
        if isinstance(outcome, AskSightError):
            return dialogue.throw(outcome)
        return dialogue.send(outcome)
    except StopIteration as stop:
        return Done(stop.value)


def ask(
    photo: Photo | ReadOnce,
    question: str,
    *,
    top_k: int,
    locale: str,
    model: str,
    remembered: RememberedPhotos,
    after: Reply | None = None,
    attention: bool = False,
) -> Generator[vqa_pb2.AskRequest, vqa_pb2.AskResponse, Reply]:
    """Ask about one photo, perhaps `after` a turn. Where the server is known to have the photo, only its id is sent."""
    request = question_request(question, top_k=top_k, locale=locale, model=model)
    request.want_attention = attention
    if isinstance(photo, ImageId):
        request = following(request, after, check_text("image_id", photo))
        return to_reply((yield with_image_id(request, photo)), request)
    read = photo.read() if isinstance(photo, ReadOnce) else _read(photo)
    digest, path = read.digest, read.path
    request = following(request, after, digest)
    if digest in remembered:
        try:
            return to_reply((yield with_image_id(request, digest)), request, path)
        except PhotoNotFoundError:  # evicted from its cache, or the server was restarted
            remembered.forget(digest)
    response = yield with_photo(request, read.data)
    remembered.confirm(response.image_id)
    return to_reply(response, request, path)


def get_model(model: str) -> Generator[vqa_pb2.GetModelRequest, vqa_pb2.GetModelResponse, Model]:
    """Ask for a description of the served model."""
    return to_model((yield vqa_pb2.GetModelRequest(model=model)))
