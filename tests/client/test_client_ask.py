"""One ask after another, over a real channel: results, remembered photos, closing."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from fake_service import FakeService

from asksight.client import (
    Answer,
    AskSightError,
    Client,
    ClosedError,
    ImageId,
    InvalidAskError,
    PhotoFileError,
    PhotoIssue,
    PhotoIssueKind,
    PhotoNotFoundError,
    Timings,
    TooLargeError,
    Verdict,
    connect,
)
from asksight.client.messages import following, to_reply
from asksight.client.remembered import RememberedPhotos
from asksight.v1 import vqa_pb2

PHOTO = b"photo one"
DIGEST = sha256(PHOTO).hexdigest()


def test_a_reply_holds_all_that_the_server_said(client: Client) -> None:
    reply = client.ask(PHOTO, "red?")
    assert reply.answers == (Answer(label="red?", probability=0.75), Answer(label="other", probability=0.25))
    assert reply.verdict is Verdict.ANSWERED
    assert reply.answer == "red?"
    assert str(reply) == reply.spoken == "It is red?."
    assert reply.image_id == DIGEST
    assert reply.photo_issues == (PhotoIssue(kind=PhotoIssueKind.DARK, severity=0.5, hint="More light."),)
    assert reply.timings == Timings(
        decode_us=1, encode_us=2, tokenize_us=3, answer_us=4, total_us=10, features_cached=False
    )
    assert reply.model == "fake 1.2.3"
    assert not reply.question_cut


def test_what_is_asked_reaches_the_server(client: Client, service: FakeService) -> None:
    client.ask(PHOTO, "¿De qué color es el autobús? 🚌", top_k=3, locale="es")
    (request,) = service.asks
    assert request.question == "¿De qué color es el autobús? 🚌"
    assert (request.top_k, request.locale, request.image_data) == (3, "es", PHOTO)


def test_a_huge_top_k_is_clipped_to_what_the_field_holds(client: Client, service: FakeService) -> None:
    client.ask(PHOTO, "red?", top_k=10**30)
    assert service.asks[0].top_k == 2**32 - 1


def test_the_second_question_about_a_photo_sends_only_its_id(
    client: Client, service: FakeService, photo: Path
) -> None:
    client.ask(photo, "red?")
    client.ask(str(photo), "round?")
    client.ask(PHOTO, "big?")  # the same bytes, wherever they come from
    assert [request.WhichOneof("image") for request in service.asks] == ["image_data", "image_id", "image_id"]
    assert service.asks[1].image_id == service.asks[2].image_id == DIGEST


def test_an_evicted_photo_is_sent_again_by_itself(client: Client, service: FakeService) -> None:
    client.ask(PHOTO, "red?")
    service.photos.clear()
    assert client.ask(PHOTO, "round?").answer == "round?"
    assert [request.WhichOneof("image") for request in service.asks] == [
        "image_data",
        "image_id",
        "image_data",
    ]
    client.ask(PHOTO, "big?")
    assert service.asks[-1].WhichOneof("image") == "image_id"


def test_a_refused_photo_is_not_remembered(client: Client, service: FakeService) -> None:
    for _ in range(2):
        with pytest.raises(InvalidAskError, match="no photo") as caught:
            client.ask(b"bad", "red?")
        assert caught.value.field == "image_data"
    assert [request.WhichOneof("image") for request in service.asks] == ["image_data", "image_data"]


def test_a_reply_names_the_photo_for_the_next_question(client: Client, service: FakeService) -> None:
    first = client.ask(PHOTO, "red?")
    assert client.ask(first.image_id, "round?").answer == "round?"
    assert service.asks[1].image_id == DIGEST
    with pytest.raises(PhotoNotFoundError, match="No such photo"):
        client.ask(ImageId("0" * 64), "round?")


def test_what_cannot_be_sent_fails_before_it_is_sent(
    client: Client, service: FakeService, tmp_path: Path
) -> None:
    with pytest.raises(InvalidAskError, match=r"lone surrogate \(U\+D83D\) at character 4") as caught:
        client.ask(PHOTO, "bus \ud83d?")
    assert caught.value.field == "question"
    with pytest.raises(InvalidAskError, match="locale"):
        client.ask(PHOTO, "red?", locale="\udc00")
    with pytest.raises(InvalidAskError, match="image_id"):
        client.ask(ImageId("\udc00"), "red?")
    with pytest.raises(InvalidAskError, match="top_k is -1"):
        client.ask(PHOTO, "red?", top_k=-1)
    with pytest.raises(PhotoFileError, match=r"There is no file '.*nowhere\.jpg'"):
        client.ask(tmp_path / "nowhere.jpg", "red?")
    with pytest.raises(TooLargeError, match="16 MiB"):
        client.ask(bytes(17 * 2**20), "red?")
    with pytest.raises(TypeError, match="NoneType"):
        client.ask(None, "red?")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="question is of type bytes; it must be a str"):
        client.ask(PHOTO, b"red?")  # type: ignore[arg-type]
    assert service.asks == []


def test_the_largest_photo_that_is_let_through_fits_the_servers_limit(client: Client) -> None:
    from asksight.client.photo_bytes import MAX_PHOTO_BYTES

    assert client.ask(b"x" * MAX_PHOTO_BYTES, "é" * 2000).answer == "é" * 2000


def test_a_closed_client_says_so(client: Client) -> None:
    client.ask(PHOTO, "red?")
    client.close()
    client.close()
    for call in (
        lambda: client.ask(PHOTO, "red?"),
        lambda: client.ask_many([(PHOTO, "red?")]),
        lambda: client.model(),
    ):
        with pytest.raises(ClosedError, match="closed"):
            call()


def test_the_model_is_described(client: Client) -> None:
    model = client.model()
    assert (model.name, model.version, model.answers) == ("fake", "1.2.3", ("yes", "no"))
    assert model.limits.max_asks_per_batch == 256


def test_a_client_may_ask_for_one_of_several_models(target: str, service: FakeService) -> None:
    with connect(target, model="scenes") as client:
        assert client.ask(PHOTO, "red?").model == "scenes 1.2.3"
        assert client.model().name == "scenes"


def test_everything_raised_on_purpose_has_one_base() -> None:
    from asksight.client import errors

    tree = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert all(issubclass(one, AskSightError) for one in tree)
    assert errors.__doc__ is not None
    assert all(one.__name__ in errors.__doc__ for one in tree)  # the drawn tree is whole


def test_remembered_photos_are_bounded_and_the_least_used_goes_first() -> None:
    remembered = RememberedPhotos(capacity=2)
    remembered.confirm("a")
    remembered.confirm("b")
    assert "a" in remembered
    remembered.confirm("c")
    assert ("a" in remembered, "b" in remembered, "c" in remembered) == (True, False, True)
    assert len(remembered) == 2
    remembered.forget("a")
    remembered.forget("a")
    assert "a" not in remembered


def test_a_question_after_another_takes_it_along(client: Client, service: FakeService) -> None:
    first = client.ask(PHOTO, "What is this?")
    assert first.question == "What is this?"
    client.ask(PHOTO, "What colour is it?", after=first)
    client.ask(first.image_id, "What colour is it?", after=first)
    client.ask(b"another photo", "What colour is it?", after=first)
    sent = [(request.previous_question, request.previous_answer) for request in service.asks]
    assert sent == [("", ""), *[("What is this?", "What is this?")] * 2, ("", "")]


def test_what_a_question_was_taken_for_is_what_the_next_one_follows() -> None:
    request = vqa_pb2.AskRequest(question="Are you sure?")
    response = vqa_pb2.AskResponse(
        image_id=DIGEST, verdict=vqa_pb2.VERDICT_UNSURE, question_meant="What is this?"
    )
    response.answers.add(label="star", probability=0.4)
    reply = to_reply(response, request)
    assert reply.question == "What is this?"
    after = following(vqa_pb2.AskRequest(), reply, DIGEST)
    assert (after.previous_question, after.previous_answer) == ("What is this?", "")  # it was not ANSWERED
