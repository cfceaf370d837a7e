"""Text in photos, asked for over the wire: read, cut to what is asked, with how certain it is and where it stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image
from text_photos import SIGN, written

from asksight.client import Client, PhotoIssueKind, PhotoNotFoundError, Skill, Verdict, load
from asksight.engine.bundle.calibration import Verdict as Judged
from asksight.server.reading.asked import Wanted
from asksight.server.reading.doubts import Doubt
from asksight.server.reply.spoken import LANGUAGES, language

PHOTO = written()


def test_what_is_written_is_said_with_its_lines(client: Client) -> None:
    reply = client.ask(PHOTO, "What does this say?")
    rows = [text for text, _ in SIGN]
    assert reply.verdict is Verdict.ANSWERED
    assert reply.spoken == f"It says: {', '.join(rows)}."
    assert reply.answer == ", ".join(rows)
    assert [line.text for line in reply.text_lines] == rows
    assert all(0.7 < line.confidence <= 1 for line in reply.text_lines)
    first = reply.text_lines[0]
    assert (first.left, first.top) == pytest.approx((0.09, 0.1), abs=0.04)
    assert (first.width, first.height) == pytest.approx((0.76, 0.14), abs=0.08)
    assert reply.missing_skill is None
    assert reply.photo_issues == ()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the price?", "2.49"),
        ("When does this expire?", "12.03.2027"),
        ("What is the room number?", "214"),
        ("Read me the largest line", "GREEN MARKET"),
    ],
)
def test_it_is_cut_to_what_is_asked(client: Client, question: str, answer: str) -> None:
    reply = client.ask(PHOTO, question)
    assert (reply.answer, reply.spoken) == (answer, f"It says: {answer}.")
    assert len(reply.text_lines) == len(SIGN)


def test_it_is_spelled_and_doubted_only_where_it_is_answered(client: Client) -> None:
    number = client.ask(PHOTO, "What is the room number?")
    assert client.ask(PHOTO, "Spell it.", after=number).spoken == "It says: 214: 2, 1, 4."
    sure = client.ask(PHOTO, "Are you sure?", after=number)
    assert sure.spoken == "I am fairly sure, but I can be wrong: 214."
    lot = written([("Lot 7", 60), ("12.03.2027", 60)])
    dated = client.ask(lot, "When does this expire?")
    for question in ("Spell it.", "Are you sure?"):
        assert client.ask(lot, question, after=dated).spoken == "It may say: 12.03.2027."
    rows = client.ask(PHOTO, "What does this say?")
    letters = client.ask(PHOTO, "Spell it.", after=rows).spoken
    assert letters.startswith(
        f"{rows.spoken[:-1]}: G, R, E, E, N; M, A, R, K, E, T; "
    )  # no comma between the rows


def test_what_is_not_written_is_not_found(client: Client) -> None:
    sign = written([("Way out", 80)])
    priced = client.ask(sign, "What is the price?")
    assert (priced.verdict, priced.answers) == (Verdict.UNANSWERABLE, ())
    assert priced.spoken == "I see text, but no price in it."
    empty = client.ask(written([]), "Read this")
    assert (empty.verdict, empty.text_lines) == (Verdict.UNANSWERABLE, ())
    assert empty.spoken.startswith("I see no text that I can read.")


def test_a_date_that_nobody_calls_one_to_use_it_by_is_unsure(client: Client) -> None:
    reply = client.ask(written([("Lot 7", 60), ("12.03.2027", 60)]), "When does this expire?")
    assert (reply.verdict, reply.answer) == (Verdict.UNSURE, None)
    assert reply.spoken == "It may say: 12.03.2027."


def test_text_that_runs_out_of_the_photo_is_unsure_and_says_where_to(client: Client) -> None:
    reply = client.ask(written([("Ingredients: water", 80)], left=-60), "What does this say?")
    assert reply.verdict is Verdict.UNSURE
    assert reply.photo_issues[0].kind is PhotoIssueKind.TEXT_CUT_OFF
    assert reply.spoken.endswith("Text is cut off at the left. Move the phone to the left.")


@pytest.mark.parametrize(
    "turn", [Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270]
)
def test_turned_text_is_read_and_said_to_be(client: Client, turn: Image.Transpose) -> None:
    reply = client.ask(written(SIGN[:3], turn=turn), "What does this say?")
    assert [line.text for line in reply.text_lines] == [text for text, _ in SIGN[:3]]
    assert [issue.kind for issue in reply.photo_issues] == [PhotoIssueKind.TEXT_TURNED]


def test_the_languages_say_it(client: Client) -> None:
    said = [client.ask(PHOTO, "What is the price?", locale=one).spoken for one in ("de", "es", "hi")]
    assert said == ["Da steht: 2.49.", "Dice: 2.49.", "इसमें लिखा है: 2.49."]


def test_letters_that_may_be_others_are_doubted_in_every_language(client: Client) -> None:
    sign = written([("KACCA", 110)])
    reply = client.ask(sign, "What does this say?")
    assert (reply.verdict, reply.answer, reply.text_lines[0].text) == (Verdict.UNSURE, None, "KACCA")
    assert reply.spoken == "It may say: KACCA. The letters may be Cyrillic or Greek, which I cannot read."
    german = client.ask(sign, "What does this say?", locale="de").spoken
    assert german.endswith("kyrillisch oder griechisch sein; die kann ich nicht lesen.")


@pytest.mark.parametrize("locale", LANGUAGES)
def test_each_doubt_is_said_after_what_was_read_or_that_nothing_was(locale: str) -> None:
    words = language(locale)
    for doubt in Doubt:
        said = words.read(Judged.UNSURE, ["Way out"], [], doubt=doubt)
        doubted = said.removeprefix(words.read(Judged.UNSURE, ["Way out"], [])).strip()
        assert len(doubted) > 20
        nothing = words.nothing_to_read(Wanted.ALL, [], some=False, doubt=doubt)
        assert nothing == f"{words.nothing_to_read(Wanted.ALL, [], some=False)} {doubted}"
        assert (doubted in language("en").read(Judged.UNSURE, ["Way out"], [], doubt=doubt)) is (
            locale == "en"
        )


@pytest.mark.parametrize(
    ("question", "skill"),
    [
        ("Read me the dosage of these pills", Skill.MEDICINE),
        ("What does this bank note say?", Skill.MONEY),
        ("Read the sign: is it safe to cross?", Skill.ROAD),
    ],
)
def test_medicine_money_and_roads_stay_refused(client: Client, question: str, skill: Skill) -> None:
    reply = client.ask(PHOTO, question)
    assert (reply.verdict, reply.missing_skill, reply.text_lines) == (Verdict.UNANSWERABLE, skill, ())


def test_other_questions_are_answered_as_without_a_reader(client: Client) -> None:
    with load("scenes") as without:
        for question in ("What colour is the sign?", "Which pill is this?"):
            ours, theirs = client.ask(PHOTO, question), without.ask(PHOTO, question)
            assert (ours.answers, ours.spoken, ours.model) == (theirs.answers, theirs.spoken, theirs.model)
        refused = without.ask(PHOTO, "What does this say?")
        assert (refused.missing_skill, refused.text_lines) == (Skill.READ_TEXT, ())
        assert not without.model().reads_text
    assert client.model().reads_text


def test_text_is_found_once_for_all_who_ask_and_remembered(client: Client) -> None:
    photo = written([("Found once", 70)])
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: client.ask(photo, "Read this"), range(4)))
    assert {reply.spoken for reply in replies} == {"It says: Found once."}
    assert sum(not reply.timings.features_cached for reply in replies) == 1
    again = client.ask(replies[0].image_id, "Read it again: what does it say?")
    assert again.text_lines == replies[0].text_lines
    assert (again.timings.features_cached, again.timings.encode_us) == (True, 0)


def test_a_photo_that_was_seen_and_not_read_is_wanted_again(client: Client) -> None:
    """By its id alone: its features are remembered, and its pixels are not."""
    photo = written([("Seen only", 70)])
    seen = client.ask(photo, "What colour is this?")
    with pytest.raises(PhotoNotFoundError):
        client.ask(seen.image_id, "Read this")
    assert client.ask(photo, "Read this").answer == "Seen only"
    assert client.ask(seen.image_id, "What does it say?").answer == "Seen only"


def test_a_broken_photo_is_refused_as_ever(client: Client) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 64)).save(file, "GIF")
    with pytest.raises(Exception, match="GIF"):
        client.ask(file.getvalue(), "Read this")
