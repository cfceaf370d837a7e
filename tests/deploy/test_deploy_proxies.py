"""The files of deploy/ before real servers: follow-ups find their photo, and no ask fails where a server dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scale.fleet import PROXIES, Fleet, fleet, proxy
from served import PHOTOS

from asksight.client import connect

SHAPES = (PHOTOS / "shapes.jpg").read_bytes()
QUESTIONS = ("What colour is the circle?", "Is there a circle?", "How many circles are there?")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as three:
        yield three


@pytest.mark.parametrize("name", PROXIES)
def test_asks_about_a_photo_go_to_one_server_and_none_fails_where_it_dies(
    name: str, servers: Fleet, tmp_path: Path
) -> None:
    photos = [SHAPES + f"{name} {number}".encode() for number in range(20)]
    with proxy(name, servers, tmp_path) as target, connect(target, timeout=60) as client:
        looked_before, found_before = servers.lookups()
        for question in QUESTIONS:
            for photo in photos:
                client.ask(photo, question)
        looked, found = servers.lookups()
        assert found - found_before == (len(QUESTIONS) - 1) * len(photos)
        assert looked - looked_before == len(QUESTIONS) * len(photos)
        servers.kill(0)
        try:
            for photo in photos:
                assert client.ask(photo, QUESTIONS[0]).answer == "red"
        finally:
            servers.start(0)
