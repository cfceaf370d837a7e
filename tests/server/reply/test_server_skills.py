"""What the assistant is not made for is recognised, said in the caller's language, and never answered."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from bundles import write_random_bundle
from photo_files import photo

from asksight.server.asks import Ask, Skill
from asksight.server.local import LocalAssistant
from asksight.server.reply.skills import missing_skill
from asksight.server.reply.spoken import language
from asksight.v1 import vqa_pb2

ASKED = {
    Skill.READ_TEXT: [
        "What does the sign say?",
        "what do the letters on the wall spell",
        "What does it say on the box?",
        "What does it say on the box ? ?!",
        "What does the label say on?",
        "What’s written on the label?",
        "Can you please read this letter?",
        "Read it out.",
        "What is printed on her shirt?",
    ],
    Skill.MEDICINE: [
        "Which pill is this?",
        "What medicine is this?",
        "Has this milk expired?",
        "Is it safe for me to eat?",
        "Does this rash look bad?",
        "Is this my prescription?",
        "What dosage is this?",
    ],
    Skill.MONEY: [
        "Which number is on this bill?",
        "What number is printed on the coin?",
        "How much money is this?",
        "What bill is this?",
        "Is this a twenty dollar bill?",
        "Is this a 10 euro note?",
        "What denomination is it?",
    ],
    Skill.ROAD: [
        "Is it safe to cross?",
        "Can I cross the street now?",
        "is it ok to  cross here",
        "Are there any cars coming?",
        "Is the road clear?",
    ],
}
PLAIN = [
    "What colour is the bus?",
    "What is this?",
    "What kind of sign is that?",
    "Is there a cross on the church?",
    "What is the man reading?",
    "Is the medicine cabinet open?",
    "Is the tablet on?",
    "Is he wearing prescription glasses?",
    "What color is the bird's bill?",
    "Is this person safe?",
    "How many coins are there?",
    "Are they cross-country skiing?",
    "Does the boy look ready to read?",
]


@pytest.mark.parametrize(("skill", "question"), [(skill, q) for skill, many in ASKED.items() for q in many])
def test_what_asks_for_a_skill_is_recognised(skill: Skill, question: str) -> None:
    assert missing_skill(question) is skill
    assert missing_skill(question.upper()) is skill
    assert missing_skill(question, {skill.value}) is None


@pytest.mark.parametrize(
    "question",
    [
        "What does the label on my medicine say?",
        "Can you read the directions on the tablets?",
        "Can you read how many tablets to take?",
    ],
)
def test_a_medicines_words_are_not_read_to_anyone(question: str) -> None:
    assert missing_skill(question, {Skill.READ_TEXT.value}) is Skill.MEDICINE


@pytest.mark.parametrize("question", PLAIN)
def test_what_is_about_the_picture_passes(question: str) -> None:
    assert missing_skill(question) is None


WAYS = tomllib.loads((Path(__file__).parent / "ways_to_ask.toml").read_text("utf-8"))


@pytest.mark.parametrize("skill", Skill)
def test_known_ways_to_ask_are_recognised(skill: Skill) -> None:
    assert [one for one in WAYS["known"][skill.name] if missing_skill(one) is not skill] == []
    assert len(WAYS["known"][skill.name]) >= 15


def test_most_ways_that_no_pattern_was_written_for_are_recognised() -> None:
    """What is missed is answered as any other question; how many that are is said in docs/fields.md."""
    asked = [(skill, one) for skill in Skill for one in WAYS["unseen"][skill.name]]
    missed = [one for _, one in asked if missing_skill(one) is None]
    assert (len(missed), len(asked)) == (17, 40), missed


def test_endless_questions_take_no_time() -> None:
    for part in ("what does ", "is it safe ", "read ", " " * 5, "how much "):
        assert missing_skill(part * 200) == missing_skill(part)  # bounded repeats: nothing to run away


def test_the_assistant_says_what_it_cannot_do_and_answers_nothing(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "plain")
    write_random_bundle(tmp_path / "reader", skills=["read_text"])
    with LocalAssistant.open(tmp_path / "plain") as assistant:
        reply = assistant.ask(Ask(photo=photo(), question="What does the sign say?", locale="de-AT"))
        assert reply.missing_skill == vqa_pb2.SKILL_READ_TEXT
        assert reply.verdict == vqa_pb2.VERDICT_UNANSWERABLE
        assert not reply.answers
        assert reply.spoken == language("de").cannot(Skill.READ_TEXT)
        follow_up = assistant.ask(Ask(image_id=reply.image_id, question="What is this?"))
        assert follow_up.missing_skill == vqa_pb2.SKILL_UNSPECIFIED
        assert follow_up.answers
        assert follow_up.timings.features_cached
    with LocalAssistant.open(tmp_path / "reader") as assistant:
        assert assistant.ask(Ask(photo=photo(), question="What does the sign say?")).answers
