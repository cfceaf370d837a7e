"""Photos as phones and editors build them are answered rightly: the benchmark's own files, one of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from odd_photos.discs import disc
from odd_photos.show import QUESTION, near
from odd_photos.structures import makers

from asksight.client import Client, load


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with load() as opened:
        yield opened


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", makers())
def test_each_kind_of_file_is_answered_rightly(kind: str, client: Client, tmp_path: Path) -> None:
    chance = Random(5)
    for number, make in enumerate(makers()[kind]):
        drawn = disc(chance)
        file = make(drawn.picture, chance, tmp_path)
        reply = client.ask(file, QUESTION)
        assert reply.answers[0].label == drawn.colour, (number, reply.spoken)


def test_colours_are_told_apart() -> None:
    assert near([250, 20, 30], "red")
    assert not near([255, 255, 255], "yellow")
