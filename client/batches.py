"""The dialogue of many asks: chunks that fit one message, each photo sent once, one bad ask failing alone."""

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
FRAME_BYTES = 16  # at most, around one ask inside a batch

Outcome: TypeAlias = Reply | AskSightError
Batches: TypeAlias = Generator[vqa_pb2.AskBatchRequest, vqa_pb2.AskBatchResponse, None]


@dataclass(frozen=True)
class Prepared:
    """One ask that is ready to be sent; `data` is None when only the photo's id was given."""

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
    """Ask them all, in order; an ask that fails has its exception in its place.

    The photos of one window (at most 256 asks and 16 MiB) are held in memory at a time.
    """
    outcomes: dict[int, Outcome] = {}
    for window in _windows(asks, outcomes, top_k=top_k, locale=locale, model=model):
        yield from _answer(window, outcomes, remembered)
    return [outcomes[row] for row in range(len(outcomes))]


def chunks(sizes: Sequence[int], *, max_count: int, max_bytes: int) -> Iterator[range]:
    """Cut rows of these sizes into runs within both limits; a row over the limit stands alone."""
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
    """Read the photos, as many at a time as may be held; what cannot be sent fails here."""
    window: list[Prepared] = []
    held: dict[str, bytes] = {}  # each photo's bytes once, however often it is asked about
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
    """Answer one window in waves: a photo goes out with its first ask, the others follow by its id."""
    pending = window
    sent: set[str] = set()  # photos that have gone out in an earlier wave
    refusals: Counter[int] = Counter()  # how often the server did not hold the photo that a row named
    while pending:
        going: list[tuple[Prepared, vqa_pb2.AskRequest]] = []
        waiting: list[Prepared] = []
        now: set[str] = set()
        for ask in pending:
            patient = refusals[ask.row] < 2  # a photo that is evicted as fast as it comes goes with every ask
            if ask.data is None or (patient and ask.digest in remembered):
                going.append((ask, ask.by_id()))
            elif patient and ask.digest in now:
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
    """Send one batch; when the sending itself fails, every ask of it has failed."""
    try:
        response = yield vqa_pb2.AskBatchRequest(asks=requests)
    except AskSightError as error:
        return [error] * len(requests)
    if len(response.results) != len(requests):
        message = f"The server gave {len(response.results)} results for {len(requests)} asks."
        return [InternalError(message)] * len(requests)
    return [to_outcome(result) for result in response.results]
