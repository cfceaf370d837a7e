"""The tokens are spaCy's, on texts that meet its rules at their edges. The long form: tests/against_spacy.py."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from against_spacy import differences, main
from odd_texts import odd_texts

from asksight.ext import Rules, english
from asksight.training.vectors.spacy_rules import spacy_rules

SHORT = 8_000


def generated(rules: Rules, count: int, *, seed: int = 0) -> list[str]:
    return list(islice(odd_texts(seed, exceptions=sorted(rules.exceptions)), count))


def test_generated_texts() -> None:
    texts = generated(english(), SHORT)
    assert len({*texts}) > SHORT * 0.9
    assert list(differences(texts, english())) == []


def test_every_exception_alone_between_marks_and_in_a_row() -> None:
    exceptions = sorted(english().exceptions)
    texts = [
        form for one in exceptions for form in (one, f"({one})", f"x-{one}.", f"{one} {one}", f"a/{one}'s")
    ]
    assert list(differences(texts, english())) == []


def test_neighbours_decide_where_exceptions_overlap() -> None:
    several = [text for text, parts in english().exceptions.items() if len(parts) > 1]
    texts = [f"x/{one} {other}" for one in several[::23] for other in several[::29]]
    texts += [f"{one[0]} {one[1:]}\n{one[:-1]} {one[-1]}" for one in several]
    assert list(differences(texts, english())) == []


@pytest.mark.parametrize(
    "language", ["de", "es", "hu", "id", "ru"]
)  # with URLs as tokens, or blanks in exceptions
def test_other_languages_by_their_own_rules(language: str) -> None:
    rules = spacy_rules(language)
    assert list(differences(generated(rules, 300), rules, language=language)) == []


def test_the_long_form_reads_files_and_tells_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "questions.tsv").write_text('id\tquestion\n1\tIs "it" the dog\'s?\n')
    (tmp_path / "questions.txt").write_text("What’s this?\nwho\n")
    arguments = ["--count", "50", "--seed", "3", "--questions", *map(str, tmp_path.glob("questions.*"))]
    assert main(arguments) == 0
    assert "50 texts" in capsys.readouterr().out
    monkeypatch.setattr(
        "against_spacy.spacy_texts", lambda texts, language: ((text, ["no"]) for text in texts)
    )
    assert main(arguments) == 1
    assert "spaCy ['no']" in capsys.readouterr().out
