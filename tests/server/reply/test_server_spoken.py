"""Every language says everything, in words, and is chosen by the nearest tag."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from asksight.engine.bundle.calibration import Verdict
from asksight.photos.flaws import FlawKind
from asksight.server.asks import Skill
from asksight.server.reply import spoken
from asksight.server.reply.spoken import LANGUAGES, PhotoIssue, language

LOCALE = Path(spoken.__file__).parent / "locale"
TRANSLATED = [tag for tag in LANGUAGES if tag != "en"]
FIELD = re.compile(r"\{\w+\}")


def sentences() -> set[str]:
    """What the source marks as to be translated."""
    with Path(spoken.__file__).open("rb") as source:
        return {str(message[1]) for message in extract("python", source, keywords={"T_": None})}


def read(tag: str) -> Catalog:
    with (LOCALE / tag / "LC_MESSAGES" / "asksight.po").open("rb") as file:
        return read_po(file, locale=tag)


def everything(tag: str) -> list[str]:
    """All that can be said in a language, about two answers."""
    words = language(tag)
    said = [words.hint(kind) for kind in FlawKind] + [words.cannot(skill) for skill in Skill]
    said += [words.misread(cut=cut) for cut in (True, False)]
    issues = [
        [],
        *([PhotoIssue(kind=kind, severity=0.9, hint=words.hint(kind))] for kind in FlawKind),
    ]
    for verdict, likeliest, probability, flaws in itertools.product(
        Verdict, [("red", "blue"), ("red",), ()], [0.2, 0.7496, 0.99], issues
    ):
        said.append(words.speak(verdict, likeliest, probability, flaws))
    return said


def test_the_template_holds_what_the_source_says() -> None:
    with (LOCALE / "asksight.pot").open("rb") as file:
        assert {str(message.id) for message in read_po(file) if message.id} == sentences()


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_language_has_every_sentence_with_its_fields(tag: str) -> None:
    catalogue = read(tag)
    assert {str(message.id) for message in catalogue if message.id} == sentences()
    for message in catalogue:
        if message.id:
            assert message.string, message.id
            assert not message.fuzzy
            assert sorted(FIELD.findall(str(message.string))) == sorted(FIELD.findall(str(message.id)))


@pytest.mark.parametrize("tag", TRANSLATED)
def test_what_is_shipped_is_what_was_written(tag: str) -> None:
    with (LOCALE / tag / "LC_MESSAGES" / "asksight.mo").open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file) if message.id}
    assert compiled == {message.id: message.string for message in read(tag) if message.id}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_no_sentence_holds_a_number_or_a_field(tag: str) -> None:
    for sentence in everything(tag):
        assert sentence.strip()
        assert not re.search(r"[\d%{}]", sentence), sentence


def test_languages_differ() -> None:
    said = [language(tag).hint(FlawKind.DARK) for tag in LANGUAGES]
    assert len(set(said)) == len(LANGUAGES) == 4


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("", "en"),
        ("en-GB", "en"),
        ("EN_us", "en"),
        ("xx", "en"),
        ("de-CH-1996", "de"),
        ("ES_mx", "es"),
        ("hi-Deva-IN", "hi"),
        ("-", "en"),
        ("../../de", "en"),
        ("-" * 10**6, "en"),
    ],
)
def test_the_nearest_language_is_taken(locale: str, tag: str) -> None:
    assert language(locale) is language(tag)


@given(st.text(max_size=50))
def test_any_locale_finds_a_language(locale: str) -> None:
    assert language(locale).cannot(Skill.ROAD)
