"""What a model's calibration means, in words."""

from __future__ import annotations

from asksight.cli.certainty import certainty_lines


def record(coverage: float) -> dict[str, object]:
    return {
        "questions": 40,
        "max_risk": 0.02,
        "answered": {"threshold": 1.0, "coverage": coverage, "risk": 0.01},
    }


def test_a_model_that_answers_next_to_nothing_is_told_what_to_do() -> None:
    first, second = certainty_lines(record(0.01))
    assert first.startswith("Of 40 validation questions it answers 1.0%, of these 1.0% wrongly")
    assert "Train on more data" in second
    assert "--max-risk" in second
    none, again = certainty_lines(record(0.0))
    assert none == "Of 40 validation questions it answers none; of all it says that it is not sure."
    assert again == second


def test_one_that_answers_is_told_how_often() -> None:
    assert len(certainty_lines(record(0.4))) == 1
    assert certainty_lines({}) == []
