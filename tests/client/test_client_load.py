"""load() and connect() are one interface: the same answers and the same errors from the same bundle."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_random_bundle
from photo_files import encoded
from PIL import Image, ImageDraw
from served import PHOTOS, ROOT, served

from asksight.client import (
    AskSightError,
    Client,
    ClosedError,
    DeadlineError,
    ImageId,
    InvalidAskError,
    LoadError,
    PhotoIssueKind,
    PhotoNotFoundError,
    Reply,
    Timings,
    connect,
    load,
)

QUESTIONS = ("What colour is this?", "How many are there?", "Is there a red shape?", "¿Qué es esto? 🚌")
NO_TIMINGS = Timings(decode_us=0, encode_us=0, tokenize_us=0, answer_us=0, total_us=0, features_cached=False)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("load") / "bundle"
    write_random_bundle(path)
    return path


@pytest.fixture(scope="module")
def here(bundle: Path) -> Iterator[Client]:
    with load(bundle) as client:
        yield client


@pytest.fixture(scope="module")
def there(bundle: Path) -> Iterator[Client]:
    with served(bundle) as address, connect(address) as client:
        yield client


def same(one: Reply, other: Reply) -> None:
    """All but the timings; probabilities may differ in the last digits, as batches differ."""
    assert [answer.label for answer in one.answers] == [answer.label for answer in other.answers]
    assert [answer.probability for answer in one.answers] == pytest.approx(
        [answer.probability for answer in other.answers], abs=1e-5
    )
    assert replace(one, answers=(), timings=NO_TIMINGS) == replace(other, answers=(), timings=NO_TIMINGS)


def test_both_give_the_same_answers(here: Client, there: Client) -> None:
    for photo in sorted(PHOTOS.glob("*.jpg")):
        for question in QUESTIONS:
            same(here.ask(photo, question, top_k=7), there.ask(photo, question, top_k=7))


def test_both_give_the_same_batches(here: Client, there: Client) -> None:
    asks = [(photo, question) for photo in sorted(PHOTOS.glob("*.jpg")) for question in QUESTIONS]
    for one, other in zip(here.ask_many(asks), there.ask_many(asks), strict=True):
        assert isinstance(one, Reply)
        assert isinstance(other, Reply)
        same(one, other)


def test_both_describe_the_same_model(here: Client, there: Client) -> None:
    assert here.model() == there.model()
    assert here.model().name == "random"


def test_the_second_question_finds_the_features_cached(here: Client, there: Client, bundle: Path) -> None:
    photo = (PHOTOS / "star.jpg").read_bytes() + b"another photo"
    for client in (here, there):
        assert [client.ask(photo, one).timings.features_cached for one in QUESTIONS] == [
            False,
            True,
            True,
            True,
        ]


@pytest.mark.parametrize(
    ("photo", "question", "kind", "field"),
    [
        (b"", "What?", InvalidAskError, "image_data"),
        (b"no photo at all", "What?", InvalidAskError, "image_data"),
        (PHOTOS / "star.jpg", "", InvalidAskError, "question"),
        (PHOTOS / "star.jpg", "  \t", InvalidAskError, "question"),
        (PHOTOS / "star.jpg", "x" * 5000, InvalidAskError, "question"),
        (PHOTOS / "star.jpg", "a\x00b", InvalidAskError, "question"),
        (ImageId("0" * 64), "What?", PhotoNotFoundError, None),
        (ImageId("../x"), "What?", InvalidAskError, "image_id"),
    ],
)
def test_both_refuse_in_the_same_words(
    here: Client,
    there: Client,
    photo: Path | bytes,
    question: str,
    kind: type[AskSightError],
    field: str | None,
) -> None:
    said = []
    for client in (here, there):
        with pytest.raises(kind) as caught:
            client.ask(photo, question)
        (outcome,) = client.ask_many([(photo, question)])
        assert type(outcome) is kind
        assert getattr(outcome, "field", None) == getattr(caught.value, "field", None) == field
        said += [str(caught.value), str(outcome)]
    assert len(set(said)) == 1


def test_no_time_at_all_is_a_deadline_error(here: Client, there: Client) -> None:
    for client in (here, there):
        with pytest.raises(DeadlineError):
            client.ask(PHOTOS / "star.jpg", "What?", timeout=0.0)


def test_many_threads_share_one_client(here: Client, there: Client) -> None:
    photo = PHOTOS / "row.jpg"
    expected = {question: here.ask(photo, question) for question in QUESTIONS}
    wrong: list[object] = []

    def ask(client: Client, question: str) -> None:
        try:
            same(client.ask(photo, question), expected[question])
        except (AskSightError, AssertionError) as error:
            wrong.append(error)

    threads = [
        threading.Thread(target=ask, args=(client, question))
        for client in (here, there)
        for question in QUESTIONS * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_closed_bundle_says_so(bundle: Path) -> None:
    client = load(bundle)
    client.close()
    client.close()
    with pytest.raises(ClosedError):
        client.ask(PHOTOS / "star.jpg", "What?")


def test_what_cannot_be_opened_says_why_in_one_line(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(LoadError, match="warp"):
        load(bundle, engine="warp")
    altered = tmp_path / "altered"
    shutil.copytree(bundle, altered)
    (altered / "answers.txt").write_text("a\n", encoding="utf-8")
    with pytest.raises(LoadError, match=r"answers\.txt") as caught:
        load(altered)
    assert "\n" not in str(caught.value)


# The sleep stands for a program that asks for a while, and ends without closing what it has loaded.
ENDING_IN_THE_MIDDLE = """
import threading, time
from asksight.client import AskSightError, load

client = load("scenes")
photo = open("cli/demo_photos/star.jpg", "rb").read()

def ask():
    for number in range(10**9):
        try:
            client.ask(photo + number.to_bytes(8, "big"), "What is this?")
        except AskSightError:
            return

for _ in range(4):
    threading.Thread(target=ask, daemon=True).start()
time.sleep(0.3)
print("ended", flush=True)
"""


@pytest.mark.parametrize("given", ["yes", "no", 1, 0, None])
def test_what_is_neither_yes_nor_no_is_said_at_once(given: Any, bundle: Path) -> None:
    with pytest.raises(TypeError, match=r"reader is .*; it must be True or False"):
        load(bundle, reader=given)
    with pytest.raises(TypeError, match="wait_for_server is"):
        connect("localhost:1", wait_for_server=given)


def test_a_program_that_ends_while_it_asks_ends_well() -> None:
    """C++ aborts when Python ends under a thread that is inside it."""
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-P", "-c", ENDING_IN_THE_MIDDLE],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ended\n", "")


def test_a_photo_that_was_cut_short_is_answered_and_said_to_be() -> None:
    grain = np.random.default_rng(2).integers(-12, 12, (240, 320, 3))
    page = Image.new("RGB", (320, 240), (235, 235, 230))
    ImageDraw.Draw(page).ellipse((110, 60, 210, 160), fill=(214, 32, 38))
    noisy = Image.fromarray((np.asarray(page, int) + grain).clip(0, 255).astype(np.uint8))
    file = encoded(noisy, "JPEG", quality=90)
    with load() as client:
        whole = client.ask(file, "What colour is the circle?")
        cut = client.ask(file[: int(0.94 * len(file))], "What colour is the circle?", locale="de")
    assert (whole.answer, whole.photo_issues) == ("red", ())
    assert cut.answer == "red"
    assert [issue.kind for issue in cut.photo_issues] == [PhotoIssueKind.CUT_SHORT]
    assert cut.photo_issues[0].severity > 0.5
    assert cut.spoken == f"red, soweit ich es erkennen kann. {cut.photo_issues[0].hint}"
    assert cut.photo_issues[0].hint.startswith("Das Foto ist nicht vollständig angekommen.")
