"""The dialogue of many asks: messages within the size limit, each photo sent once, each ask failing by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from asksight.v1 import vqa_pb2

from .errors import AskSightError, InternalError, PhotoNotFoundError
from .messages import check_text, question_request, to_outcome, with_image_id, with_photo
from .photo_bytes import MAX_MESSAGE_BYTES, Photo, read_photo
from .remembered import RememberedPhotos
from .results import ImageId, Reply

MAX_ASKS_PER_BATCH = 256
FRAME_BYTES = 16  # the most that protobuf adds around one ask inside a batch

Outcome: TypeAlias = Reply | AskSightError
Batches: TypeAlias = Generator[vqa_pb2.AskBatchRequest, vqa_pb2.AskBatchResponse, None]


@dataclass(frozen=True)
class Prepared:
    """One ask that is ready to be sent. `data` is the photo's bytes; None where the caller gave an ImageId."""

    row: int
    request: vqa_pb2.AskRequest  # without its photo
    digest: str
    data: bytes | None

    def by_id(self) -> vqa_pb2.AskRequest:
        return with_image_id(self.request, self.digest)

    def with_data(self) -> vqa_pb2.AskRequest:
        return with_photo(self.request, self.data or b"")


def ask_many(
    asks: Iterable[tuple[Photo, str]], *, top_k: int, locale: str, model: str, remembered: RememberedPhotos
) -> Generator[vqa_pb2.AskBatchRequest, vqa_pb2.AskBatchResponse, list[Outcome]]:
    """Ask them all, in order. Where an ask fails, the list has its exception instead of a reply.

    Photos are read window by window (at most 256 asks and 16 MiB), so that memory stays bounded.
    """
    outcomes: dict[int, Outcome] = {}
    for window in _windows(asks, outcomes, top_k=top_k, locale=locale, model=model):
        yield from _answer(window, outcomes, remembered)
    return [outcomes[row] for row in range(len(outcomes))]


def chunks(sizes: Sequence[int], *, max_count: int, max_bytes: int) -> Iterator[range]:
    """Split rows of these sizes into ranges within both limits. A row above `max_bytes` gets a range of its own."""
    start = total = 0
    for row, size in enumerate(sizes):
        if row > start and (row - start == max_count or total + size > max_bytes):
            yield range(start, row)
            start, total = row, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))


def _windows(
    asks: Iterable[tuple[Photo, str]], outcomes: dict[int, Outcome], *, top_k: int, locale: str, model: str
) -> Iterator[list[Prepared]]:
    """Read the photos, one window at a time. An ask that cannot be sent gets its exception here."""
    window: list[Prepared] = []
    held: dict[str, bytes] = {}  # each photo's bytes by digest, kept once however many asks share them
    total = 0
    for row, (photo, question) in enumerate(asks):
        try:
            request = question_request(question, top_k=top_k, locale=locale, model=model)
            data = None if isinstance(photo, ImageId) else read_photo(photo)
            digest = check_text("image_id", str(photo)) if data is None else sha256(data).hexdigest()
        except AskSightError as error:
            outcomes[row] = error
            continue
        new_bytes = len(data) if data is not None and digest not in held else 0
        if window and (len(window) == MAX_ASKS_PER_BATCH or total + new_bytes > MAX_MESSAGE_BYTES):
            yield window
            window, held, total = [], {}, 0
        if data is not None:
            total += 0 if digest in held else len(data)
            data = held.setdefault(digest, data)
        window.append(Prepared(row, request, digest, data))
    if window:
        yield window


def _answer(window: list[Prepared], outcomes: dict[int, Outcome], remembered: RememberedPhotos) -> Batches:
    """Answer one window in rounds: a photo is sent with the first ask about it; the next round refers to it by id."""
    pending = window
    sent: set[str] = set()  # digests of photos that were sent in an earlier round
    refusals: Counter[int] = Counter()  # by row: how often the server did not have the photo of that id
    while pending:
        going: list[tuple[Prepared, vqa_pb2.AskRequest]] = []
        waiting: list[Prepared] = []
        now: set[str] = set()
        for ask in pending:
            # After two refusals the server evicts it too early: then send the photo with each ask.
            by_id_works = refusals[ask.row] < 2
            if ask.data is None or (by_id_works and ask.digest in remembered):
                going.append((ask, ask.by_id()))
            elif by_id_works and ask.digest in now:
                waiting.append(ask)
            else:
                going.append((ask, ask.with_data()))
                if ask.digest not in sent:
                    now.add(ask.digest)
        sizes = [request.ByteSize() + FRAME_BYTES for _, request in going]
        for rows in chunks(sizes, max_count=MAX_ASKS_PER_BATCH, max_bytes=MAX_MESSAGE_BYTES):
            part = [going[row] for row in rows]
            results = yield from _send([request for _, request in part])
            for (ask, request), outcome in zip(part, results, strict=True):
                by_id = request.WhichOneof("image") == "image_id"
                if isinstance(outcome, PhotoNotFoundError) and by_id and ask.data is not None:
                    remembered.forget(ask.digest)
                    refusals[ask.row] += 1
                    waiting.append(ask)
                    continue
                if isinstance(outcome, Reply) and not by_id:
                    remembered.confirm(outcome.image_id)
                outcomes[ask.row] = outcome
        sent |= now
        pending = waiting


def _send(
    requests: list[vqa_pb2.AskRequest],
) -> Generator[vqa_pb2.AskBatchRequest, vqa_pb2.AskBatchResponse, list[Outcome]]:
    """Send one batch. Where the call itself fails, every ask of the batch gets its exception."""
    try:
        response = yield vqa_pb2.AskBatchRequest(asks=requests)
    except AskSightError as error:
        return [error] * len(requests)
    if len(response.results) != len(requests):
        message = f"The server gave {len(response.results)} results for {len(requests)} asks."
        return [InternalError(message)] * len(requests)
    return [to_outcome(result, request) for result, request in zip(response.results, requests, strict=True)]
