"""The progress bar keeps to standard error, and to itself when it is told to be quiet."""

from __future__ import annotations

import pytest

from asksight.cli.progress import progress_bar


def work(*, quiet: bool) -> None:
    with progress_bar("pictures", total=None, quiet=quiet) as bar:
        bar.total(20)
        for _ in range(20):
            bar(1)
        bar.note("loss 0.125")


def test_the_bar_is_written_to_standard_error_with_count_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    work(quiet=False)
    out, said = capsys.readouterr()
    assert out == ""
    assert "20/20" in said
    assert "pictures" in said
    assert "loss 0.125" in said


def test_a_bar_can_go_on_to_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("steps", total=None, quiet=False) as bar:
        for done in range(1, 11):
            bar.at("photos", done, 10)
        bar.note("odd")
        for done in (1, 2):
            bar.at("steps", done, 3)
    said = capsys.readouterr().err
    assert "2/3 steps" in said
    assert "odd" not in said


def test_a_quiet_bar_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    work(quiet=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("total", [None, 0])
def test_a_bar_of_nothing_to_do_is_not_left_behind(
    total: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("steps", total=total) as bar:
        bar.say("resumed at step 20 of 20")
    assert capsys.readouterr().err.strip() == "resumed at step 20 of 20"


def fails(total: int | None) -> None:
    with progress_bar("steps", total=total) as bar:
        bar.say("80 questions")
        raise ValueError("odd")


@pytest.mark.parametrize("total", [None, 20])
def test_nothing_done_leaves_no_bar_under_an_error(
    total: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="odd"):
        fails(total)
    assert capsys.readouterr().err.split() == ["80", "questions"]
