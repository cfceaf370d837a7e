"""Bundles of schema 2 behind every face: spelled answers, photos of several shapes in one batch, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import grpc
import httpx
import pytest
from photo_files import encoded, picture
from pieces_bundles import ABOUT, MADE_BY, write_joint_bundle, write_spelled_bundle
from server_rig import NOTHING, WAIT_S, MakeRig, hold, release, until

from asksight.client import Client, connect, load
from asksight.engine import Bundle, Calibration
from asksight.engine.bundle.spelled import Speller
from asksight.engine.runtimes.onnxruntime_engine import OnnxRuntimeEngine
from asksight.ext import WordPieceTable
from asksight.photos.input import PhotoInput
from asksight.server.asks import Ask
from asksight.server.http.gateway import Gateway
from asksight.server.local import LocalAssistant
from asksight.server.wire.server import Server
from asksight.v1 import vqa_pb2, vqa_pb2_grpc

QUESTIONS = ("What is this?", "is the dog red", "how many traffic lights", "colour?")
SIZES = ((64, 48), (300, 20), (20, 300), (41, 40), (96, 96))
GUESS = "Nobody has measured how often I am right."


@pytest.fixture(scope="module")
def spelled(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_spelled_bundle(tmp_path_factory.mktemp("bundles") / "spelled")


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_joint_bundle(tmp_path_factory.mktemp("bundles") / "joint")


class Faces(NamedTuple):
    local: LocalAssistant
    stub: vqa_pb2_grpc.VqaServiceStub
    http: httpx.Client
    client: Client


@pytest.fixture(scope="module")
def faces(spelled: Bundle, joint: Bundle) -> Iterator[Faces]:
    with ExitStack() as stack:
        local = stack.enter_context(LocalAssistant.open(spelled.path))
        local.add(joint.path)
        server = stack.enter_context(Server(local, port=0))
        gateway = stack.enter_context(Gateway(local, server.desk, port=0))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{server.port}"))
        http = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=WAIT_S, trust_env=False)
        )
        client = stack.enter_context(connect(f"127.0.0.1:{server.port}"))
        yield Faces(local, vqa_pb2_grpc.VqaServiceStub(channel), http, client)


def file_of(size: tuple[int, int], seed: int = 0) -> bytes:
    return encoded(picture(*size, seed=seed), "PNG")


def by_hand(bundle: Bundle, size: tuple[int, int], question: str) -> dict[str, float]:
    """The answers that the bundle's parts give without the server."""
    how = PhotoInput.of(bundle.image_height, bundle.image_width, bundle.image_dtype, bundle.preprocessing)
    encoder, answerer = (OnnxRuntimeEngine(path) for path in (bundle.encoder_path, bundle.answerer_path))
    features = encoder.infer({name: array[None] for name, array in how(picture(*size)).items()})["features"]
    vectors, lengths = WordPieceTable(**bundle.word_table).vectors([question])
    scores = answerer.infer({"question": vectors, "lengths": lengths, "features": features})
    if bundle.spelling is not None:
        return dict(Speller.of(bundle)(scores["tokens"], scores["log_probabilities"])[0])
    return dict(
        zip(bundle.answers, bundle.calibration.probabilities(scores["logits"])[0].tolist(), strict=True)
    )


@pytest.mark.parametrize("model", ["spelled", "joint"])
@pytest.mark.parametrize("size", SIZES)
def test_every_face_gives_what_the_parts_give(
    faces: Faces, request: pytest.FixtureRequest, model: str, size: tuple[int, int]
) -> None:
    photo, question = file_of(size), QUESTIONS[0]
    wanted = by_hand(request.getfixturevalue(model), size, question)
    asked = vqa_pb2.AskRequest(image_data=photo, question=question, model=model, top_k=9)
    over_grpc = {one.label: one.probability for one in faces.stub.Ask(asked, timeout=WAIT_S).answers}
    form = {"question": question, "model": model, "top_k": "9"}
    reply = faces.http.post("/v1/ask", files={"image": ("a.png", photo, "image/png")}, data=form).json()
    over_http = {one["label"]: one["probability"] for one in reply["answers"]}
    here = faces.local.ask(Ask(photo=photo, question=question, model=model, top_k=9)).answers
    assert over_grpc == pytest.approx(wanted, abs=1e-6)
    assert over_http == pytest.approx(wanted, abs=1e-6)
    assert {one.label: one.probability for one in here} == pytest.approx(wanted, abs=1e-6)


def test_answers_differ_by_photo_and_by_question(faces: Faces) -> None:
    """Or the other tests would show little."""
    for model in ("spelled", "joint"):
        said = {
            tuple((one.label, round(one.probability, 4)) for one in reply.answers)
            for size in SIZES[:2]
            for question in QUESTIONS
            for reply in [faces.local.ask(Ask(photo=file_of(size), question=question, model=model))]
        }
        assert len(said) == 8


@pytest.mark.parametrize("model", ["spelled", "joint"])
def test_neighbours_in_a_batch_change_no_answer(
    request: pytest.FixtureRequest, make_rig: MakeRig, model: str
) -> None:
    bundle = request.getfixturevalue(model)
    asks = [
        Ask(photo=file_of(size, seed), question=question, top_k=9)
        for seed, size in enumerate(SIZES)
        for question in QUESTIONS
    ]
    one_by_one, at_once = make_rig(of=bundle), make_rig(of=bundle)
    alone = [answers(one_by_one.local.ask(ask)) for ask in asks]
    with ThreadPoolExecutor() as pool:
        hold(at_once.encoder)  # with a photo of its own, so that all others wait together
        first = pool.submit(at_once.local.ask, Ask(photo=file_of((50, 50), 99), question="what"))
        assert at_once.encoder.entered.wait(WAIT_S)
        waiting = pool.submit(at_once.local.ask_many, asks)
        until(lambda: at_once.waiting_photos == len(SIZES))
        release(at_once.encoder)
        first.result(WAIT_S)
        together = waiting.result(WAIT_S)
    assert max(at_once.encoder.batch_sizes) == len(SIZES)  # every shape in one batch
    assert max(at_once.answerer.batch_sizes) > 1
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, vqa_pb2.AskResponse)
        assert answers(other) == pytest.approx(one, abs=1e-5)
    assert at_once.left == NOTHING


def answers(reply: vqa_pb2.AskResponse) -> dict[str, float]:
    return {one.label: one.probability for one in reply.answers}


def test_a_second_question_is_about_the_remembered_features(faces: Faces) -> None:
    photo = file_of((123, 77))
    first = faces.client.ask(photo, QUESTIONS[0])
    again = faces.client.ask(first.image_id, QUESTIONS[1])
    assert again.timings.features_cached
    assert again.answers == faces.client.ask(photo, QUESTIONS[1]).answers


def test_what_nobody_has_measured_is_unsure_and_says_so(faces: Faces) -> None:
    for locale, words in (
        ("en", GUESS),
        ("de", "gemessen"),
        ("es", "Nadie ha medido"),
        ("hi", "किसी ने नहीं मापा"),
    ):
        reply = faces.client.ask(file_of((64, 48)), QUESTIONS[0], locale=locale)
        assert reply.verdict == "unsure"
        assert reply.answer is None
        assert words in reply.spoken
        assert reply.answers[0].label in reply.spoken


def test_once_it_is_measured_it_answers(tmp_path: Path) -> None:
    measured = Calibration(scores="sequence", answered_threshold=0.1, temperature=1.0)
    made = write_spelled_bundle(tmp_path / "measured", calibration=measured, unanswerable=None)
    with load(made.path) as client:
        reply = client.ask(file_of((64, 48)), QUESTIONS[0])
        assert reply.verdict == "answered"
        assert reply.answer == reply.answers[0].label
        assert GUESS not in reply.spoken
        assert client.model().calibrated


def test_a_long_question_is_cut_and_an_unknown_one_is_not_understood(faces: Faces) -> None:
    long = faces.client.ask(file_of((64, 48)), "what is the colour of this red dog ?")
    assert long.question_cut
    assert "too long" in long.spoken
    unknown = faces.client.ask(file_of((64, 48)), "wieviel uhr")
    assert not unknown.question_cut
    assert "did not understand" in unknown.spoken


def test_what_is_served_says_where_it_is_from(faces: Faces) -> None:
    model = faces.client.model()
    assert (model.answers, model.spells_answers, model.calibrated) == ((), True, False)
    assert model.source is not None
    assert model.source.repository == MADE_BY.repository
    assert model.source.figure is not None
    assert model.source.figure.value == pytest.approx(71.3)
    assert model.card is not None
    assert model.card.not_for == ABOUT.not_for
    assert model.about[0] == "Nobody has measured how often it is right, so it is never certain of an answer."
    over_http = faces.http.get("/v1/model").json()
    assert over_http["about"] == list(model.about)
    assert over_http["uncalibrated"] is True
    other = faces.http.get("/v1/model", params={"model": "joint"}).json()
    assert (other["uncalibrated"], other["spellsAnswers"]) == (False, False)
    assert len(other["answers"]) == 6
    assert not other.get("source")


def test_no_threshold_makes_certain_what_nobody_has_measured(tmp_path: Path) -> None:
    lax = Calibration(scores="sequence", answered_threshold=0.0, calibrated=False)
    made = write_spelled_bundle(tmp_path / "lax", calibration=lax)
    with LocalAssistant.open(made.path) as local:
        reply = local.ask(Ask(photo=file_of((64, 48)), question=QUESTIONS[0]))
    assert reply.verdict == vqa_pb2.VERDICT_UNSURE
