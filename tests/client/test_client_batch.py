"""Many asks: order, one bad one alone, each photo once, chunks within both limits."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from fake_service import Failure, FakeService
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from asksight.client import (
    AskSightError,
    Client,
    ImageId,
    InternalError,
    InvalidAskError,
    PhotoFileError,
    PhotoNotFoundError,
    Reply,
)
from asksight.client.batches import chunks


def kinds(service: FakeService) -> list[list[str | None]]:
    return [[one.WhichOneof("image") for one in batch.asks] for batch in service.batches]


def labels(outcomes: list[Reply | AskSightError]) -> list[str]:
    return [one.answers[0].label if isinstance(one, Reply) else type(one).__name__ for one in outcomes]


def test_each_reply_stands_where_its_question_stood(client: Client) -> None:
    asks = [(f"photo {row % 7}".encode(), f"question {row}") for row in range(600)]
    assert labels(client.ask_many(asks)) == [question for _, question in asks]


def test_a_photo_goes_out_once_however_many_questions_there_are(
    client: Client, service: FakeService, photo: Path
) -> None:
    client.ask_many([(photo, f"question {row}") for row in range(5)])
    assert kinds(service) == [["image_data"], ["image_id"] * 4]
    client.ask_many([(photo, f"question {row}") for row in range(5)])
    assert kinds(service)[2:] == [["image_id"] * 5]


def test_a_bad_ask_fails_alone(client: Client, service: FakeService, tmp_path: Path) -> None:
    outcomes = client.ask_many(
        [
            (b"one", "a"),
            (b"bad", "b"),
            (b"one", " "),
            (tmp_path / "nowhere.jpg", "c"),
            (b"one", "\udc00"),
            (ImageId("0" * 64), "d"),
            (b"one", "e"),
        ]
    )
    expected = (
        Reply,
        InvalidAskError,
        InvalidAskError,
        PhotoFileError,
        InvalidAskError,
        PhotoNotFoundError,
        Reply,
    )
    assert [type(one) for one in outcomes] == list(expected)
    assert [one.field for one in outcomes if isinstance(one, InvalidAskError)] == [
        "image_data",
        "question",
        "image_data",
        "question",
    ]


def test_every_question_about_a_bad_photo_hears_what_is_wrong(client: Client, service: FakeService) -> None:
    outcomes = client.ask_many([(b"bad", f"question {row}") for row in range(4)])
    assert [type(one) for one in outcomes] == [InvalidAskError] * 4
    assert kinds(service) == [["image_data"], ["image_data"] * 3]


def test_evicted_photos_are_sent_again_once_each(client: Client, service: FakeService) -> None:
    asks = [(f"photo {row % 2}".encode(), f"question {row}") for row in range(6)]
    client.ask_many(asks)
    service.photos.clear()
    service.batches.clear()
    assert labels(client.ask_many(asks)) == [question for _, question in asks]
    assert kinds(service) == [["image_id"] * 6, ["image_data"] * 2, ["image_id"] * 4]


def test_a_server_that_keeps_no_photo_at_all_is_still_answered(client: Client, service: FakeService) -> None:
    class Forgetful(set[str]):
        def __contains__(self, item: object) -> bool:
            return False

    service.photos = Forgetful()
    asks = [(b"one", f"question {row}") for row in range(3)]
    assert labels(client.ask_many(asks)) == [question for _, question in asks]


def test_messages_stay_below_the_limit(client: Client, service: FakeService) -> None:
    big = 5 * 2**20
    asks = [(bytes([row]) * big, f"question {row}") for row in range(1, 8)]
    assert labels(client.ask_many(asks)) == [question for _, question in asks]
    assert all(batch.ByteSize() <= 16 * 2**20 for batch in service.batches)
    assert [len(batch.asks) for batch in service.batches] == [3, 3, 1]


def test_a_lost_message_fails_its_asks_and_no_others(client: Client, service: FakeService) -> None:
    service.failures.append(Failure(StatusCode.INTERNAL, "It broke."))
    asks = [(b"photo %d" % row, f"question {row}") for row in range(300)]
    outcomes = client.ask_many(asks)
    assert [type(one) for one in outcomes] == [InternalError] * 256 + [Reply] * 44


def test_results_that_do_not_fit_the_asks_are_not_guessed_at(client: Client, service: FakeService) -> None:
    service.swallowed_results = 1
    outcomes = client.ask_many([(b"one", "a"), (b"two", "b")])
    assert [str(one) for one in outcomes] == ["The server gave 1 results for 2 asks."] * 2


def test_no_asks_at_all_send_nothing(client: Client, service: FakeService) -> None:
    assert client.ask_many([]) == []
    assert service.batches == []


def test_a_batch_confirms_what_a_single_ask_then_names(client: Client, service: FakeService) -> None:
    client.ask_many([(b"one", "a")])
    client.ask(b"one", "b")
    assert service.asks[0].image_id == sha256(b"one").hexdigest()


@given(
    sizes=st.lists(st.integers(0, 50), max_size=60), max_count=st.integers(1, 8), max_bytes=st.integers(1, 60)
)
def test_chunks_hold_every_row_once_and_keep_both_limits(
    sizes: list[int], max_count: int, max_bytes: int
) -> None:
    parts = list(chunks(sizes, max_count=max_count, max_bytes=max_bytes))
    assert [row for part in parts for row in part] == list(range(len(sizes)))
    for part in parts:
        assert 1 <= len(part) <= max_count
        assert len(part) == 1 or sum(sizes[row] for row in part) <= max_bytes
