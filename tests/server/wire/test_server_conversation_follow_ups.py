"""In a conversation a follow-up is about the turn before: it waits for that answer, and for no other."""

from __future__ import annotations

from conversation_rig import IN_TIME, Talk, open_ones
from server_rig import WAIT_S, Served, hold, release, until


def test_a_follow_up_is_about_the_turn_before_by_itself(served: Served) -> None:
    for before in ("", "where is the dog?"):
        talk = Talk(served, previous_question=before)
        if not before:
            talk.answer(1, "where is the dog?")
        again = talk.answer(2, "Say that again.")
        assert again.question_meant == "where is the dog?"
        assert talk.answer(3, "Say that again.").question_meant == "where is the dog?"
        talk.end()


def test_a_follow_up_waits_for_the_answer_that_it_is_about_and_other_questions_do_not(served: Served) -> None:
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1, "where is the dog?")
    assert served.rig.answerer.entered.wait(WAIT_S)
    talk.ask(2, "What colour is it?")
    talk.ask(3, "")  # fails without an engine
    assert talk.hear().id == 3
    release(served.rig.answerer)
    said = [talk.hear() for _ in range(2)]
    assert [one.id for one in said] == [1, 2]
    assert said[1].response.question_meant == "what colour is the dog?"


def test_a_follow_up_is_not_about_what_was_asked_before_a_question_that_failed(served: Served) -> None:
    """The dog's colour would be told as the cat's."""
    talk = Talk(served)
    talk.ask(1, "where is the dog?")
    talk.ask(2, "x" * 5000)
    talk.ask(3, "What colour is it?")
    said = {one.id: one for one in (talk.hear() for _ in range(3))}
    assert said[2].HasField("error")
    assert said[3].response.question_meant == ""


def test_one_that_waits_for_the_turn_before_has_its_own_deadline(served: Served) -> None:
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1, "where is the dog?")
    talk.ask(2, "What colour is it?", timeout=0.05)
    late = talk.hear()
    assert (late.id, late.error.code) == (2, IN_TIME.value[0])
    release(served.rig.answerer)
    assert talk.hear().id == 1


def test_a_follow_up_that_failed_is_about_the_same_when_it_is_asked_again_and_no_other_is(
    served: Served,
) -> None:
    """Another one could be about a thing that the failed one named."""
    talk = Talk(served)
    talk.answer(0, "where is the dog?")
    hold(served.rig.answerer)
    for number in (1, 2):
        talk.ask(number, "And the cat?", timeout=0.05)
        assert talk.hear().error.code == IN_TIME.value[0]
    release(served.rig.answerer)
    assert talk.answer(3, "And the cat?").question_meant == "where is the cat?"
    talk.ask(4, "And the bird?", timeout=-1)
    assert talk.hear().HasField("error")
    assert talk.answer(5, "What colour is it?").question_meant == ""


def test_a_follow_up_is_not_about_what_was_asked_before_one_that_was_not_read(served: Served) -> None:
    talk = Talk(served)
    talk.answer(1, "where is the dog?")
    talk.ask(2, "x" * 20_000)
    assert talk.hear().error.field == "question"
    assert talk.answer(3, "What colour is it?").question_meant == ""


def test_empty_questions_are_passed_over_and_keep_nothing(served: Served) -> None:
    talk = Talk(served)
    talk.answer(0)
    hold(served.rig.answerer)
    talk.ask(1, "where is the dog?")
    assert served.rig.answerer.entered.wait(WAIT_S)
    for number in range(2, 52):
        talk.ask(number, " ")
        assert talk.hear().id == number
    (open_one,) = open_ones(served)
    until(
        lambda: len(served.rig.look(lambda: list(open_one._tasks))) <= 2
    )  # what reads, and the first question
    release(served.rig.answerer)
    assert talk.hear().id == 1
    assert talk.answer(52, "What colour is it?").question_meant == "what colour is the dog?"
