"""Photos and questions unlike anything that the model has learned about: never ANSWERED, said, and told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bundles import write_random_bundle
from PIL import Image
from served import served

from asksight.client import Client, Unfamiliar, Verdict, connect, load
from asksight.client.messages import to_reply
from asksight.engine import Calibration
from asksight.engine.bundle.familiar import Unfamiliar as Unlike
from asksight.photos.flaws import FlawKind
from asksight.server.reply.spoken import PhotoIssue, language
from asksight.v1 import vqa_pb2

STAR = Path(__file__).parents[2] / "cli" / "demo_photos" / "star.jpg"
WHICH = "I am not sure which thing you mean. Ask again and name it."
SHAPES = STAR.with_name("shapes.jpg")  # four of them
LEARNED, STRANGE = "What shape is this?", "What time is it?"
PHOTOS, QUESTIONS = (
    "I have not learned about photos like this one.",
    "I have not learned about questions like this one.",
)


@pytest.fixture(scope="module")
def scenes() -> Iterator[Client]:
    with load("scenes") as client:
        yield client


def of_stripes() -> bytes:
    """Nothing dark or blurred about it: coloured stripes of one pixel over coarse blocks."""
    random = np.random.default_rng(0)
    blocks = np.kron(random.integers(0, 256, (16, 16, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    blocks[:, ::2] = 255 - blocks[:, ::2]
    file = io.BytesIO()
    Image.fromarray(blocks).save(file, "PNG")
    return file.getvalue()


def shrunk(photo: Path, side: int) -> bytes:
    file = io.BytesIO()
    with Image.open(photo) as picture:
        picture.resize((side, side), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def test_what_was_learned_is_answered(scenes: Client) -> None:
    reply = scenes.ask(STAR, LEARNED)
    assert (reply.answer, reply.verdict, reply.unfamiliar) == ("star", Verdict.ANSWERED, ())


def test_a_question_about_something_else_is_not(scenes: Client) -> None:
    reply = scenes.ask(STAR, STRANGE)
    assert (reply.answer, reply.verdict) == (None, Verdict.UNSURE)
    assert reply.unfamiliar == (Unfamiliar.QUESTION,)
    assert reply.spoken == QUESTIONS
    assert reply.answers  # what it would have said, for who wants to see it


def test_nor_is_a_photo_of_something_else(scenes: Client) -> None:
    first = scenes.ask(of_stripes(), LEARNED)
    assert first.verdict is not Verdict.ANSWERED
    assert first.unfamiliar == (Unfamiliar.PHOTO,)
    assert first.spoken.startswith(PHOTOS)
    again = scenes.ask(first.image_id, STRANGE)
    assert again.timings.features_cached
    assert again.unfamiliar == (Unfamiliar.PHOTO, Unfamiliar.QUESTION)  # remembered with the features
    assert again.spoken.startswith(PHOTOS)


def test_a_photo_that_is_much_smaller_than_any_it_learned_from_is_unlike_these() -> None:
    with served("scenes") as address, connect(address) as client:
        for side, verdict, unlike in (
            (128, Verdict.ANSWERED, ()),
            (96, Verdict.ANSWERED, ()),  # three quarters
            (95, Verdict.UNSURE, (Unfamiliar.PHOTO,)),
            (64, Verdict.UNSURE, (Unfamiliar.PHOTO,)),
        ):
            reply = client.ask(shrunk(STAR, side), LEARNED)
            assert (side, reply.verdict, reply.unfamiliar) == (side, verdict, unlike)
        assert reply.spoken == PHOTOS
        assert client.ask(reply.image_id, STRANGE).unfamiliar == (Unfamiliar.PHOTO, Unfamiliar.QUESTION)


def test_a_skill_that_is_missing_is_said_first(scenes: Client) -> None:
    reply = scenes.ask(STAR, "Can I take this medicine?")
    assert reply.verdict is Verdict.UNANSWERABLE
    assert "medicine" in reply.spoken


def test_it_is_said_in_every_language(scenes: Client) -> None:
    said = {locale: scenes.ask(STAR, STRANGE, locale=locale).spoken for locale in ("en", "de", "es", "hi")}
    assert len(set(said.values())) == 4
    assert "Fragen" in said["de"]
    assert "preguntas" in said["es"]
    assert "सवालों" in said["hi"]


def test_the_worst_flaw_of_an_unlike_photo_is_said_too() -> None:
    dark = PhotoIssue(FlawKind.DARK, 0.6, "Turn on a light.")
    words = language("en")
    unlike = {what.value: words.unlike(what, [dark]) for what in Unlike}
    assert unlike == {"photo": f"{PHOTOS} Turn on a light.", "question": QUESTIONS}
    assert words.unlike(Unlike.PHOTO, [dark._replace(severity=0.1)]) == PHOTOS


def test_a_bundle_that_says_nothing_of_it_answers_as_ever(tmp_path: Path) -> None:
    calibration = Calibration(answered_threshold=0.0, unanswerable_threshold=1.0)
    bundle = write_random_bundle(tmp_path / "plain", calibration=calibration, unanswerable=None)
    with load(bundle.path) as client:
        for photo, question in ((STAR, "what dog is this"), (of_stripes(), "is this red")):
            reply = client.ask(photo, question)
            assert (reply.verdict, reply.unfamiliar) == (Verdict.ANSWERED, ())


def test_what_a_newer_server_finds_unlike_is_other() -> None:
    response = vqa_pb2.AskResponse()
    response.unfamiliar.extend([vqa_pb2.UNFAMILIAR_PHOTO, 77])  # type: ignore[list-item]
    assert to_reply(response, vqa_pb2.AskRequest()).unfamiliar == (Unfamiliar.PHOTO, Unfamiliar.OTHER)


def test_a_question_whose_end_was_not_read_is_never_answered(scenes: Client) -> None:
    reply = scenes.ask(STAR, "Look at the picture carefully. " * 10 + "Is there a circle?")
    assert reply.question_cut
    assert reply.verdict is Verdict.UNSURE
    assert reply.spoken == "The question was too long; I read only its beginning. Ask it in fewer words."


def test_a_thing_that_nothing_names_is_never_answered_about(scenes: Client) -> None:
    reply = scenes.ask(SHAPES, "What colour is it?")
    assert reply.verdict is Verdict.UNSURE
    likeliest = reply.answers[0].label
    assert reply.spoken == f"I cannot tell. It could be {likeliest}. {WHICH}"
    with scenes.conversation(SHAPES) as talk:
        assert talk.ask("How many shapes are there?").verdict is Verdict.ANSWERED
        assert talk.ask("What colour is it?").verdict is Verdict.UNSURE
        assert talk.ask("Say that again.").verdict is Verdict.UNSURE


def test_a_thing_that_the_turn_before_names_is(scenes: Client) -> None:
    with scenes.conversation(SHAPES) as talk:
        talk.ask("What shape is the red thing?")
        reply = talk.ask("What colour is it?")
    assert (reply.answer, reply.verdict) == ("red", Verdict.ANSWERED)


@pytest.mark.parametrize("said", ["The circle is red.", "a red circle", "there is a circle", "It is red"])
def test_what_asks_nothing_is_never_answered(scenes: Client, said: str) -> None:
    reply = scenes.ask(SHAPES, said)
    assert reply.verdict is Verdict.UNSURE
    assert reply.spoken == "I did not understand the question. Ask it in other words."


@pytest.mark.parametrize(
    ("asked", "answer"),
    [("colour of the circle", "red"), ("a red circle?", "yes"), ("how many circles", "1")],
)
def test_what_is_asked_in_few_words_is(scenes: Client, asked: str, answer: str) -> None:
    reply = scenes.ask(SHAPES, asked)
    assert (reply.answer, reply.verdict) == (answer, Verdict.ANSWERED)
